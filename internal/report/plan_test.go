package report

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"killbox/internal/escalate"
	"killbox/internal/show"
	"killbox/internal/signals"
	"killbox/procfs"
	"killbox/procfs/procfstest"

	"github.com/google/go-cmp/cmp"
)

// planned returns a /proc with a tree, and the processes in it.
func planned(t *testing.T) (*procfs.FS, []Planned) {
	bit := func(s signals.Signal) uint64 { return 1 << (s - 1) }
	proc := open(t,
		procfstest.Proc{PID: 10, Comm: "make", UID: namelessUser, VmRSS: 2360, Cmdline: []string{"make", "-j8"}, Start: procfstest.Ticks(3 * 86400)},
		procfstest.Proc{PID: 20, PPID: 10, Comm: "sh", UID: namelessUser, VmRSS: 900, Caught: bit(signals.TERM), Start: procfstest.Ticks(7300),
			Cmdline: []string{"/bin/sh", "-c", "cc -o 日本語日本語 a.c b.c c.c d.c e.c f.c g.c"}},
		procfstest.Proc{PID: 21, PPID: 20, Comm: "blocked", UID: namelessUser, Blocked: bit(signals.TERM), Caught: bit(signals.TERM), Start: procfstest.Ticks(60)},
		procfstest.Proc{PID: 30, PPID: 10, Comm: "ignored", UID: namelessUser, VmRSS: 1 << 20, Ignored: bit(signals.TERM), State: 'T', Start: procfstest.Ticks(59),
			Cmdline: []string{"evil\n40 root S\x1b[2J", "\xff\u202e"}},
		procfstest.Proc{PID: 4000000, PPID: 1, Comm: "dead", UID: namelessUser, State: 'Z', Start: procfstest.Ticks(1)},
		procfstest.Proc{PID: 50, PPID: 1, Comm: "kept", UID: namelessUser, Cmdline: []string{"tmux"}, Start: procfstest.Ticks(1)},
		procfstest.Proc{PID: 51, PPID: 1, Comm: "stray", UID: namelessUser, Cmdline: []string{"stray", "1"}, Start: procfstest.Ticks(1)},
		procfstest.Proc{PID: 52, PPID: 1, Comm: "lost", UID: namelessUser, Cmdline: []string{"lost"}, Start: procfstest.Ticks(1)},
	)
	procs := list(t, proc)
	byPID := make(map[int]*Planned)
	for i := range procs {
		byPID[procs[i].PID] = &procs[i]
	}
	byPID[10].Root = true
	byPID[50].Excluded, byPID[50].Origin = "orphan, same image as 10: --orphans includes it", 10
	byPID[51].Evidence, byPID[51].Origin = "orphan, same image as 20", 20
	byPID[52].Evidence, byPID[52].Origin = "orphan in session 9", 9
	return proc, procs
}

func TestPlan(t *testing.T) {
	proc, procs := planned(t)
	ladder := escalate.NewLadder(signals.TERM, escalate.DefaultGrace)
	for _, test := range []struct {
		view View
		want string
	}{
		{View{}, `    PID USER    S AGE  RSS TERM     COMMAND
     10 4000001 S  3d 2.3M default  make -j8
     20 4000001 S  2h 900K caught   ├─ /bin/sh -c cc -o 日本語日本語 a.c b.c c.c d.c e.c f.c g.c
     21 4000001 S  1m    - blocked  │  ├─ [blocked]
     51 4000001 S  1s    - default  │  └╌ stray 1
       orphan, same image as 20
     30 4000001 T 59s 1.0G ignored  ├─ evil\n40 root S\x1b[2J \xff\u202e
     50 4000001 S  1s    - excluded └╌ tmux
       orphan, same image as 10: --orphans includes it
     52 4000001 S  1s    - default  └╌ lost
       orphan in session 9
4000000 4000001 Z  1s    - gone     [dead]
ladder: TERM/5s/KILL/2s
`},
		{View{Columns: 40, ASCII: true}, `    PID TERM     COMMAND
     10 default  make -j8
     20 caught   |- /bin/sh -c cc -o ...
     21 blocked  |  |- [blocked]
     51 default  |  ` + "`" + `~ stray 1
       orphan, same image as 20
     30 ignored  |- evil\n40 root S...
     50 excluded ` + "`" + `~ tmux
       orphan, same image as 10:
       --orphans includes it
     52 default  ` + "`" + `~ lost
       orphan in session 9
4000000 gone     [dead]
ladder: TERM/5s/KILL/2s
`},
		{View{Columns: 80}, `    PID USER    S AGE  RSS TERM     COMMAND
     10 4000001 S  3d 2.3M default  make -j8
     20 4000001 S  2h 900K caught   ├─ /bin/sh -c cc -o 日本語日本語 a.c b.c ...
     21 4000001 S  1m    - blocked  │  ├─ [blocked]
     51 4000001 S  1s    - default  │  └╌ stray 1
       orphan, same image as 20
     30 4000001 T 59s 1.0G ignored  ├─ evil\n40 root S\x1b[2J \xff\u202e
     50 4000001 S  1s    - excluded └╌ tmux
       orphan, same image as 10: --orphans includes it
     52 4000001 S  1s    - default  └╌ lost
       orphan in session 9
4000000 4000001 Z  1s    - gone     [dead]
ladder: TERM/5s/KILL/2s
`},
	} {
		var out bytes.Buffer
		New(Options{Out: &out, Proc: proc}).PrintPlan(procs, ladder, test.view)
		if diff := cmp.Diff(test.want, out.String()); diff != "" {
			t.Errorf("%+v: -want +got:\n%s", test.view, diff)
		}
		for line := range strings.SplitSeq(out.String(), "\n") {
			if n := test.view.Columns; n > 0 && show.Columns(line) > n {
				t.Errorf("%+v: %d columns: %s", test.view, show.Columns(line), line)
			}
		}
	}

	var out bytes.Buffer
	New(Options{Out: &out, Proc: proc}).PrintPlan([]Planned{procs[0], procs[3]}, ladder, View{Colour: true, Columns: 40})
	const coloured = "PID TERM    COMMAND\n\x1b[1m 10\x1b[0m default make -j8\n 30 \x1b[33mignored\x1b[0m └─ evil\\n40 root S\\x1b[2J...\n" +
		"ladder: TERM/5s/KILL/2s\n"
	if got := strings.ReplaceAll(out.String(), " \x1b[1m10", "\x1b[1m 10"); got != coloured {
		t.Errorf("coloured: %q, want %q", got, coloured)
	}

	out.Reset()
	New(Options{Out: &out, Proc: proc}).PrintPlan(procs[:1], nil, View{})
	if got, want := out.String(), "PID USER    S AGE  RSS SIGNAL COMMAND\n 10 4000001 S  3d 2.3M none   make -j8\n"; got != want {
		t.Errorf("without a ladder: %q, want %q", got, want)
	}

	out.Reset()
	New(Options{Out: &out, Proc: proc, JSON: true}).PrintPlan([]Planned{procs[3], procs[4]}, ladder, View{})
	const wantJSON = `{"event":"plan","pid":30,"handle":"30@99994100","comm":"ignored","ppid":10,"pgid":30,"sid":30,"state":"T",` +
		`"user":"4000001","age":59,"rss":1073741824,"disposition":"ignored","ladder":"TERM/5s/KILL/2s",` +
		`"args":["evil\n40 root S\u001b[2J","\ufffd\u202e"]}
{"event":"skip","pid":50,"handle":"50@99999900","comm":"kept","user":"4000001","age":1,"reason":"orphan, same image as 10: --orphans includes it","args":["tmux"]}
`
	if diff := cmp.Diff(wantJSON, out.String()); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
}

// TestPlanVanished checks that a process that ends while the plan is printed, or whose PID is reused, causes no error
// and gets no command line.
func TestPlanVanished(t *testing.T) {
	proc := open(t, procfstest.Proc{PID: 9, Cmdline: []string{"unrelated"}})
	for _, pid := range []int{8, 9} {
		var out bytes.Buffer
		st := procfs.Stat{ID: procfs.ID{PID: pid, Start: procfstest.Ticks(5)}, Comm: "x", State: 'S'}
		New(Options{Out: &out, Proc: proc}).PrintPlan([]Planned{{Stat: st}}, nil, View{})
		if got, want := out.String(), fmt.Sprintf("PID USER S AGE RSS SIGNAL COMMAND\n  %d ?    S  5s   - none   [x]\n", pid); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestPlanWithLoops: a snapshot is not atomic, and may show a descendant of a process as its parent. Each process is
// printed once all the same.
func TestPlanWithLoops(t *testing.T) {
	proc := open(t)
	var procs []Planned
	for _, p := range [][2]int{{10, 12}, {11, 10}, {12, 11}, {20, 20}, {30, 20}, {40, 41}, {41, 40}, {50, 41}} {
		procs = append(procs, Planned{Stat: procfs.Stat{ID: procfs.ID{PID: p[0]}, PPID: p[1], Comm: "x", State: 'S'}})
	}
	var out bytes.Buffer
	New(Options{Out: &out, Proc: proc}).PrintPlan(procs, nil, View{})
	for _, p := range procs {
		if n := strings.Count(out.String(), fmt.Sprintf("\n %d ?", p.PID)); n != 1 {
			t.Errorf("%d is printed %d times:\n%s", p.PID, n, out.String())
		}
	}
}

// TestPlanDepth checks that the command lines of a deep tree are still shown, and that a chain of processes does not
// take quadratic memory.
func TestPlanDepth(t *testing.T) {
	proc := open(t)
	var procs []Planned
	for pid := 2; pid < 20_000; pid++ {
		procs = append(procs, Planned{Stat: procfs.Stat{ID: procfs.ID{PID: pid}, PPID: pid - 1, Comm: "x", State: 'S'}})
	}
	for _, columns := range []int{0, 40} {
		var out bytes.Buffer
		New(Options{Out: &out, Proc: proc}).PrintPlan(procs, nil, View{Columns: columns})
		if n := strings.Count(out.String(), "└─ [x]\n"); n != len(procs)-1 {
			t.Errorf("%d columns: %d command lines", columns, n)
		}
		if !strings.Contains(out.String(), " 19997 └─ [x]\n") || out.Len() > 2_000_000 {
			t.Errorf("%d columns: %d bytes, the last without its depth", columns, out.Len())
		}
	}
}

func TestRoundSize(t *testing.T) {
	for n, want := range map[uint64]string{
		4 << 10: "4K", 999 << 10: "999K", 1000 << 10: "1.0M", 1 << 20: "1.0M", 10188 << 10: "9.9M", 10189 << 10: "10M", 5 << 30: "5.0G", 3 << 50: "3072T",
	} {
		if got := roundSize(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
