package main

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// treeMemory measures the largest resident size of tkill when it ends many processes, and of tools that read or signal
// as many.
func (b *bench) treeMemory() error {
	by := func(argv ...string) func() (float64, error) {
		return func() (float64, error) {
			if err := b.killAll(); err != nil {
				return 0, err
			}
			h, err := b.startHerd(b.max, 0)
			if err != nil {
				return 0, err
			}
			args := slices.Clone(argv)
			if args[0] != "pkill" {
				args = append(args, h.rootPID())
			}
			return b.peakOf(args)
		}
	}
	b.compare(fmt.Sprintf("memory to end %d", b.max), "MB",
		[]*arm{{name: "tkill", measure: by(b.tool("tkill"))}},
		[]*arm{
			b.arm(goal{}, "pkill", by("pkill", "-x", "herd")),
			b.arm(atMost(6), "pstree", by("pstree", "-p")).called("pstree -p"),
		})
	return nil
}

// peakOf runs a command, and returns its largest resident size in megabytes.
func (b *bench) peakOf(argv []string) (float64, error) {
	from, to, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer from.Close()
	p, err := b.start(command{argv: append([]string{b.c("peak")}, argv...), fd3: to})
	to.Close()
	if err != nil {
		return 0, err
	}
	if _, err := p.wait(0); err != nil {
		return 0, err
	}
	kb, err := readNumber(from)
	return float64(kb) / 1024, err
}

// readNumber reads a line that consists of a number.
func readNumber(from *os.File) (int, error) {
	if err := from.SetReadDeadline(time.Now().Add(limit)); err != nil {
		return 0, err
	}
	line, err := bufio.NewReader(from).ReadString('\n')
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(line))
}

// reapMemory measures the private memory of inits after they have reaped thousands of orphans, and that of reapwait
// before. Of reapwait, it is that of the second process, which reaps.
func (b *bench) reapMemory() error {
	if err := unix.Prctl(unix.PR_SET_THP_DISABLE, 1, 0, 0, 0); err != nil { // as in idle
		return fmt.Errorf("prctl(PR_SET_THP_DISABLE): %w", err)
	}
	defer func() { _ = unix.Prctl(unix.PR_SET_THP_DISABLE, 0, 0, 0, 0) }()
	after := func(orphans int, init ...string) func() (float64, error) {
		return func() (float64, error) { return b.privateAfter(orphans, init) }
	}
	reapwait := []string{b.tool("reapwait"), "--"}
	b.compare(fmt.Sprintf("private memory after %d orphans", b.reaped), "MB",
		[]*arm{{name: "reapwait", measure: after(b.reaped, reapwait...)}},
		[]*arm{
			{name: "reapwait at the start", goal: atMost(1.3), measure: after(0, reapwait...)},
			b.arm(goal{}, "tini", after(b.reaped, "tini", "-s", "--")),
		})
	return nil
}

// privateAfter returns the megabytes of private memory of the process that is the parent of the command, after the
// command has left n orphans.
func (b *bench) privateAfter(n int, init []string) (float64, error) {
	from, to, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer from.Close()
	// Each subshell leaves one orphan. The command then tells its parent, and sleeps until it is killed.
	script := fmt.Sprintf("n=0; while [ $n -lt %d ]; do (: &); n=$((n + 1)); done; echo $PPID >&3; exec 3>&-; exec sleep 60", n)
	p, err := b.start(command{argv: append(init[:len(init):len(init)], "sh", "-c", script), fd3: to})
	to.Close()
	if err != nil {
		return 0, err
	}
	parent, err := readNumber(from)
	if err != nil {
		return 0, fmt.Errorf("%q: %w", p.argv[0], err)
	}
	kb := statusField(fmt.Sprintf("/proc/%d/status", parent), "RssAnon")
	if err := unix.Kill(p.pid, syscall.SIGTERM); err != nil {
		return 0, err
	}
	if kb == 0 {
		return 0, fmt.Errorf("%q did not stay", p.argv[0])
	}
	_, err = p.wait(128 + int(unix.SIGTERM))
	return float64(kb) / 1024, err
}
