package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// herd is a process with many children that sleep.
type herd struct {
	root *child
	pids []int
}

// startHerd starts a herd of n children, and waits until all exist. On TERM a child exits after linger milliseconds.
func (b *bench) startHerd(n, linger int) (*herd, error) {
	if _, err := lookPath(b.c("herder")); err != nil {
		return nil, fmt.Errorf("herder is not built; is there a C compiler?")
	}
	from, to, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer from.Close()
	root, err := b.start(command{argv: []string{b.c("herder"), strconv.Itoa(n), strconv.Itoa(linger)}, fd3: to})
	to.Close()
	if err != nil {
		return nil, err
	}
	h := &herd{root: root}
	for s := bufio.NewScanner(from); s.Scan(); {
		pid, err := strconv.Atoi(s.Text())
		if err != nil {
			return nil, err
		}
		h.pids = append(h.pids, pid)
	}
	if len(h.pids) != n {
		return nil, fmt.Errorf("a herd of %d, not %d: is there a limit on processes?", len(h.pids), n)
	}
	return h, nil
}

func (h *herd) rootPID() string { return strconv.Itoa(h.root.pid) }

// absence is a name that no process has, so that only the search is measured.
const absence = "nobodyhasthis"

func (b *bench) selectByName() error {
	if _, err := b.startHerd(b.max, 0); err != nil {
		return err
	}
	b.compare(fmt.Sprintf("select by name among %d", b.max), "ms",
		[]*arm{
			b.command(goal{}, b.tool("killwait"), "-n", "--name", absence),
		}, []*arm{
			b.command(goal{}, b.c("statfloor")),
			// The floor for tools that compare full names: it reads comm, cmdline and exe instead of stat.
			b.command(atMost(1.1), b.c("statfloor"), "name").called("statfloor name"),
			b.command(atLeast(4), "pgrep", absence),
			b.command(atLeast(1), "killall", "-0", absence),
			b.command(goal{}, "toybox", "pgrep", absence).called("toybox pgrep"),
		})
	return nil
}

func (b *bench) parents() error {
	h, err := b.startHerd(b.max, 0)
	if err != nil {
		return err
	}
	info := b.arm(goal{}, b.c("infofloor"), func() (float64, error) { return b.timed(command{argv: []string{b.c("infofloor")}}, 0) })
	b.compare(fmt.Sprintf("parents of all processes, among %d", b.max), "ms",
		[]*arm{b.command(goal{}, b.tool("killwait"), "-n", "--parent", strconv.Itoa(h.pids[0])).called("killwait --parent")},
		[]*arm{b.command(atMost(0.6), b.c("statfloor")), info})
	return nil
}

func (b *bench) drawTree() error {
	if _, err := b.startHerd(b.max-100, 0); err != nil {
		return err
	}
	tree, err := b.startHerd(99, 0)
	if err != nil {
		return err
	}
	b.compare(fmt.Sprintf("a tree of 100 among %d", b.max), "ms",
		[]*arm{b.command(goal{}, b.tool("tkill"), "-n", tree.rootPID()).called("tkill -n")},
		[]*arm{b.command(atLeast(50), "pstree", "-p", tree.rootPID()).called("pstree -p")})
	return nil
}

// latency measures the time from the exit of the last target, which a pidfd reports to this process, to the exit of the
// tool that waits for the target.
func (b *bench) latency() error {
	after := func(argv ...string) func() (float64, error) {
		return func() (float64, error) { return b.latencyOf(argv) }
	}
	b.compare("return after the last target is gone", "ms",
		[]*arm{{name: "killwait", goal: below(0.6), measure: after(b.tool("killwait"))}},
		[]*arm{
			b.arm(goal{}, "killall", after("killall", "-w", "herd")).called("killall -w"),
			b.arm(atMost(1.2), "pidwait", after("pidwait")).called("pidwait"),
		})
	return nil
}

func (b *bench) latencyOf(argv []string) (float64, error) {
	if err := b.killAll(); err != nil {
		return 0, err
	}
	// The target exits 100 ms after TERM. That gives the tool time to begin its wait.
	h, err := b.startHerd(1, 100)
	if err != nil {
		return 0, err
	}
	fd, err := unix.PidfdOpen(h.pids[0], 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	gone := make(chan time.Time, 1)
	go func() {
		runtime.LockOSThread()
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		for {
			if n, err := unix.Poll(fds, int(limit/time.Millisecond)); err != unix.EINTR || n > 0 {
				gone <- time.Now()
				return
			}
		}
	}()
	switch argv[0] {
	case "pidwait":
		argv = []string{"pidwait", "-x", "herd"}
		// pidwait sends no signal, so this process sends TERM.
		time.AfterFunc(20*time.Millisecond, func() { _ = unix.Kill(h.pids[0], unix.SIGTERM) })
	case "killall":
	default:
		argv = append(argv[:1:1], strconv.Itoa(h.pids[0]))
	}
	waiter, err := b.start(command{argv: argv})
	if err != nil {
		return 0, err
	}
	e, err := waiter.wait(0)
	if err != nil {
		return 0, err
	}
	return ms(e.at.Sub(<-gone)), nil
}

func (b *bench) endMany() error {
	const many = 4000
	b.compare(fmt.Sprintf("end %d and see them gone", many), "ms",
		[]*arm{b.endArm(many, goal{}, b.tool("killwait"), "-").called("killwait -")},
		[]*arm{
			b.endArm(many, goal{}, b.c("pidkill")),
			// With stat, pidkill reads /proc, as a tool must that verifies what it signals. That costs time in the tool,
			// and in the kernel when each process exits.
			b.endArm(many, atMost(1.3), b.c("pidkill"), "stat").called("pidkill stat"),
			b.endArm(many, atLeast(8), "killall", "-w", "herd").called("killall -w"),
		})
	return nil
}

// endArm measures how long a tool takes to end a herd of n. All tools but killall read the PIDs from standard input.
func (b *bench) endArm(n int, g goal, argv ...string) *arm {
	return b.arm(g, argv[0], func() (float64, error) { return b.endHerd(n, argv) })
}

func (b *bench) endHerd(n int, argv []string) (float64, error) {
	if err := b.killAll(); err != nil {
		return 0, err
	}
	h, err := b.startHerd(n, 0)
	if err != nil {
		return 0, err
	}
	list, err := os.CreateTemp("", "killbox-bench-*")
	if err != nil {
		return 0, err
	}
	defer list.Close()
	defer os.Remove(list.Name())
	for _, pid := range h.pids {
		fmt.Fprintln(list, pid)
	}
	if _, err := list.Seek(0, 0); err != nil {
		return 0, err
	}
	took, err := b.timed(command{argv: argv, stdin: list}, 0)
	if err != nil {
		return 0, err
	}
	for _, pid := range h.pids {
		if unix.Kill(pid, 0) != unix.ESRCH {
			return 0, fmt.Errorf("%q: %d is still there", argv[0], pid)
		}
	}
	return took, nil
}

// oneSignal measures one TERM to one process, which dies of it. killwait also waits until the process is gone. A round
// consists of many calls, because one call is too short to be measured.
func (b *bench) oneSignal() error {
	const calls = 20
	h, err := b.startHerd(4*calls*b.rounds, 0)
	if err != nil {
		return err
	}
	next := 0
	by := func(argv ...string) func() (float64, error) {
		return func() (float64, error) {
			var took []float64
			for range calls {
				x, err := b.timed(command{argv: append(argv[:len(argv):len(argv)], strconv.Itoa(h.pids[next]))}, 0)
				if err != nil {
					return 0, err
				}
				next++
				took = append(took, x)
			}
			return median(took), nil
		}
	}
	b.compare("one signal to one PID", "ms",
		[]*arm{{name: "kill", measure: by(b.tool("kill"))}},
		[]*arm{b.arm(atMost(1.5), "/usr/bin/kill", by("/usr/bin/kill")).called("/usr/bin/kill")})
	b.compare("one signal to one PID, and wait until it is gone", "ms",
		[]*arm{{name: "killwait --no-kill", measure: by(b.tool("killwait"), "--no-kill")}},
		[]*arm{b.arm(goal{}, "/usr/bin/kill", by("/usr/bin/kill")).called("/usr/bin/kill, which does not wait")})
	return nil
}
