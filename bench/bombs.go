package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// bombLimit is the maximum number of processes of a bomb.
const bombLimit = 3000

// cgroupPrefix begins the names of the cgroups that limit bombs.
const cgroupPrefix = "killbox-bench-"

// pidsCgroup returns the folder in which cgroups with a limit on processes (pids.max) can be made on this machine.
func pidsCgroup() (string, error) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(mounts)) {
		left, right, ok := strings.Cut(line, " - ")
		f, fs := strings.Fields(left), strings.Fields(right)
		if !ok || len(f) < 5 || len(fs) < 3 {
			continue
		}
		switch fs[0] {
		case "cgroup":
			if strings.Contains(","+fs[2]+",", ",pids,") {
				return f[4], nil
			}
		case "cgroup2":
			if strings.Contains(" "+oneLine(filepath.Join(f[4], "cgroup.subtree_control"))+" ", " pids ") {
				return f[4], nil
			}
		}
	}
	return "", errors.New("no cgroup with the pids controller")
}

// removeCgroups removes the cgroups that bench has left behind. The kernel refuses to remove a cgroup that is in use.
func removeCgroups() {
	top, err := pidsCgroup()
	if err != nil {
		return
	}
	left, _ := filepath.Glob(filepath.Join(top, cgroupPrefix+"*"))
	for _, dir := range left {
		_ = os.Remove(dir)
	}
}

// limitedCgroup makes a cgroup for at most bombLimit processes, in which the C program will run.
func (b *bench) limitedCgroup(program string) (dir string, err error) {
	if _, err := lookPath(b.c(program)); err != nil {
		return "", fmt.Errorf("%s is not built; is there a C compiler?", program)
	}
	top, err := pidsCgroup()
	if err != nil {
		return "", err
	}
	dir, err = os.MkdirTemp(top, cgroupPrefix+"*")
	if err != nil {
		return "", err
	}
	return dir, os.WriteFile(filepath.Join(dir, "pids.max"), []byte(strconv.Itoa(bombLimit)), 0o644)
}

func (b *bench) bombs() error {
	dir, err := b.limitedCgroup("bomb")
	if err != nil {
		return err
	}
	defer removeCgroups()
	for _, kind := range []struct {
		name    string
		options []string
		limit   float64
	}{
		{"tame", nil, 0.5},
		// Some processes of a wild bomb are orphans when the call begins.
		{"wild", []string{"--orphans"}, 1},
	} {
		statuses := map[int]int{}
		work := fmt.Sprintf("end a fork bomb of %d, %s", bombLimit, kind.name)
		name := strings.Join(append([]string{"tkill"}, kind.options...), " ")
		b.compare(work, "s", []*arm{{name: name, goal: below(kind.limit), measure: func() (float64, error) {
			return b.endBomb(dir, kind.name, kind.options, statuses)
		}}}, nil)
		l := &b.lines[len(b.lines)-1]
		if l.Note == "" {
			l.Note = fmt.Sprintf("exit statuses and how often: %v", statuses)
		}
		for status := range statuses {
			if status != 0 {
				l.Verdict = "MISSED"
			}
		}
		if err := b.killAll(); err != nil {
			return err
		}
	}
	return nil
}

// endBomb starts a bomb, waits until the bomb reaches its limit, and ends it by one call of tkill. If tkill exits
// with 0, no process may remain.
func (b *bench) endBomb(dir, kind string, options []string, statuses map[int]int) (float64, error) {
	if err := b.killAll(); err != nil {
		return 0, err
	}
	from, to, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer from.Close()
	bomb, err := b.start(command{
		argv:   []string{"sh", "-c", `echo 0 >"$0/cgroup.procs" && exec "$@"`, dir, b.c("bomb"), kind},
		fd3:    to,
		setsid: true,
	})
	to.Close()
	if err != nil {
		return 0, err
	}
	// All processes of the bomb have the descriptor open, so do not wait for end of file: the first whose fork fails
	// writes a byte.
	if err := from.SetReadDeadline(time.Now().Add(limit)); err != nil {
		return 0, err
	}
	if _, err := bufio.NewReader(from).ReadByte(); err != nil {
		return 0, fmt.Errorf("the bomb does not fill its cgroup: %w", err)
	}
	argv := append([]string{b.tool("tkill")}, options...)
	killer, err := b.start(command{argv: append(argv, strconv.Itoa(bomb.pid))})
	if err != nil {
		return 0, err
	}
	e, err := killer.wait(0, 4, 124)
	if err != nil {
		return 0, err
	}
	statuses[e.status.ExitStatus()]++
	if left := living(filepath.Join(dir, "cgroup.procs"), 0); left != 0 && e.status.ExitStatus() == 0 {
		return 0, fmt.Errorf("%d processes of the bomb remain, and tkill exited with %d", left, e.status.ExitStatus())
	}
	return e.at.Sub(killer.begun).Seconds(), nil
}

// living returns the number of members of a cgroup that are not zombies and that started at the clock tick since or
// later.
func living(procs string, since uint64) int {
	n := 0
	for _, pid := range strings.Fields(oneLine(procs)) {
		_, rest, ok := strings.Cut(oneLine("/proc/"+pid+"/stat"), ") ")
		f := strings.Fields(rest)
		if !ok || len(f) < 20 || f[0] == "Z" || f[0] == "X" {
			continue
		}
		if start, err := strconv.ParseUint(f[19], 10, 64); err == nil && start >= since {
			n++
		}
	}
	return n
}
