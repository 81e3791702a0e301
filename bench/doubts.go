package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// forkingTree is a tree of processes whose end is hard to prove, because they fork all the time.
type forkingTree struct {
	name string
	argv []string // "forks" is the C program
	// setsid: the root leads a session, so tkill attributes the orphans in that session to the tree.
	setsid bool
	// unattributed: some processes of the tree are orphaned before the first scan of tkill, and have executed another
	// program. Nothing links them to the tree, so they may remain.
	unattributed bool
}

// load is what unrelated processes do while tkill runs.
type load struct {
	name    string
	scripts []string // of sh, each in a session of its own
}

func forkingTrees() []forkingTree {
	script := func(text string) []string { return []string{"sh", "-c", text} }
	jobs := script("while :; do (sleep .01 &); /bin/true | cat; done")
	return []forkingTree{
		{name: "stable", argv: script("sleep 60 & sleep 60 & sleep 60 | sleep 60; :")}, // for comparison
		{name: "loop", argv: script("while :; do /bin/true; done")},
		{name: "jobs", argv: jobs, setsid: true},
		{name: "orphans", argv: jobs, unattributed: true},
		{name: "workers", argv: []string{"forks", "workers", "8"}},
		{name: "make", argv: script(`echo 'T := $(shell seq 20000)
all: $(T)
$(T):; @sh -c "true; true"' | make -s -j8 -f -; :`)},
		{name: "hop", argv: []string{"forks", "hop", "8"}, setsid: true},
		{name: "setsid", argv: []string{"forks", "hop", "8", "setsid"}, setsid: true},
	}
}

func loads() []load {
	loops := []string{
		"while :; do /bin/true; done", "while :; do /bin/true; done",
		"while :; do sh -c '/bin/true; :'; done", "while :; do sh -c '/bin/true; :'; done",
	}
	// Up to twenty processes a second are orphaned. Each of them ends after a second.
	return []load{
		{"quiet", nil},
		{"busy", loops},
		{"background", append(loops[:4:4], "while :; do (sleep 1 &); sleep .05; done")},
		{"daemons", append(loops[:4:4], "while :; do (setsid sleep 1 &); sleep .05; done")},
	}
}

// doubtRows returns a row for each tree and load.
func doubtRows() []row {
	var rows []row
	for _, tree := range forkingTrees() {
		for _, load := range loads() {
			rows = append(rows, row{
				fmt.Sprintf("doubts-%s-%s", tree.name, load.name),
				func(b *bench) error { return b.doubts(&tree, &load) },
			})
		}
	}
	return rows
}

// A row of doubts ends after rowTime, but not before fewestCalls.
const (
	rowTime     = 20 * time.Second
	fewestCalls = 10
)

// doubts counts the exit statuses of the calls of tkill that end a tree.
func (b *bench) doubts(tree *forkingTree, load *load) error {
	dir, err := b.limitedCgroup("forks")
	if err != nil {
		return err
	}
	defer removeCgroups()
	f := &Figure{Name: "tkill", Unit: "s"}
	t := tally{statuses: map[int]int{}, doubts: map[string]int{}}
	begun := time.Now()
	for i := 0; i < b.calls && (i < fewestCalls || time.Since(begun) < rowTime); i++ {
		took, err := b.endForking(dir, tree, load, &t)
		if err != nil {
			return err
		}
		f.Rounds = append(f.Rounds, took)
	}
	f.Median = median(f.Rounds)
	l := Line{
		Work: fmt.Sprintf("end a tree: %s, %s", tree.name, load.name),
		Us:   f, Statuses: t.statuses, Doubts: t.doubts, Note: t.String(), Verdict: "ok",
	}
	if t.escaped > 0 {
		l.Verdict = "MISSED"
	}
	b.add(l)
	return b.killAll()
}

// endForking starts the load and the tree, and ends the tree by one call of tkill. It returns the seconds of that call.
func (b *bench) endForking(dir string, tree *forkingTree, load *load, t *tally) (float64, error) {
	root, err := b.startForking(dir, tree, load)
	if err != nil {
		return 0, err
	}
	messages, err := os.CreateTemp("", "killbox-bench-*")
	if err != nil {
		return 0, err
	}
	defer messages.Close()
	defer os.Remove(messages.Name())
	since, err := nextTick()
	if err != nil {
		return 0, err
	}
	killer, err := b.start(command{argv: []string{b.tool("tkill"), strconv.Itoa(root.pid)}, stderr: messages})
	if err != nil {
		return 0, err
	}
	e, err := killer.wait(0, 4, 124)
	if err != nil {
		return 0, err
	}
	remaining := living(filepath.Join(dir, "cgroup.procs"), since)
	if _, err := messages.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	text, err := io.ReadAll(messages)
	if err != nil {
		return 0, err
	}
	t.count(e.status.ExitStatus(), remaining > 0 && !tree.unattributed, string(text))
	return e.at.Sub(killer.begun).Seconds(), nil
}

// sleepers is the number of unrelated processes that sleep. With them a scan takes about as long as on a server.
const sleepers = 200

// startForking starts the load, and the tree in the cgroup dir, and waits until both fork.
func (b *bench) startForking(dir string, tree *forkingTree, load *load) (root *child, err error) {
	if err := b.killAll(); err != nil {
		return nil, err
	}
	if _, err := b.startHerd(sleepers, 0); err != nil {
		return nil, err
	}
	for _, script := range load.scripts {
		if _, err := b.start(command{argv: []string{"sh", "-c", script}, setsid: true}); err != nil {
			return nil, err
		}
	}
	time.Sleep(30 * time.Millisecond) // the sessions of the load are older than the tree
	argv := append([]string{"sh", "-c", `echo 0 >"$0/cgroup.procs" && exec "$@"`, dir}, tree.argv...)
	if tree.argv[0] == "forks" {
		argv[4] = b.c("forks")
	}
	if root, err = b.start(command{argv: argv, setsid: tree.setsid}); err != nil {
		return nil, err
	}
	for end := time.Now().Add(limit); living(filepath.Join(dir, "cgroup.procs"), 0) < 2; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			return nil, errors.New("the tree does not fork")
		}
	}
	time.Sleep(50 * time.Millisecond)
	return root, nil
}

// nextTick returns the clock tick after the current one, in the unit of the start time in /proc/PID/stat: ticks since
// boot.
func nextTick() (uint64, error) {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		return 0, fmt.Errorf("time since boot: %w", err)
	}
	return uint64(now.Nano()/int64(10*time.Millisecond)) + 1, nil
}

// tally counts the results of the calls of tkill.
type tally struct {
	statuses  map[int]int
	doubts    map[string]int
	escaped   int // calls with exit status 0 after which a process remained
	confirmed int // calls with exit status 4 after which a process remained
}

// count adds the result of a call. remain: a process of the tree that was forked since the call began remains. messages
// is the standard error.
func (t *tally) count(status int, remain bool, messages string) {
	t.statuses[status]++
	switch {
	case status == 0 && remain:
		t.escaped++
	case status == 4:
		t.doubts[doubtIn(messages)]++
		if remain {
			t.confirmed++
		}
	}
}

// doubtIn returns the kind of doubt that tkill has reported.
func doubtIn(messages string) string {
	for _, kind := range []string{"orphan", "too fast"} {
		if strings.Contains(messages, kind) {
			return kind
		}
	}
	return strings.TrimSpace(messages)
}

func (t *tally) String() string {
	calls := 0
	for _, n := range t.statuses {
		calls += n
	}
	percent := func(status int) float64 { return 100 * float64(t.statuses[status]) / float64(calls) }
	s := fmt.Sprintf("%d calls: exit 4 %.0f%%, exit 124 %.0f%%, exit 0 and a process remains %d", calls, percent(4), percent(124), t.escaped)
	if t.statuses[4] > 0 {
		s += fmt.Sprintf(", exit 4 and a process remains %d, doubts %v", t.confirmed, t.doubts)
	}
	return s
}
