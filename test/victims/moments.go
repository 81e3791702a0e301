package victims

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// experiment is the configuration of one call of `victim moments`.
type experiment struct {
	path   string
	cmd    []string
	null   uintptr
	signal unix.Signal
	resume bool // the signal is followed by CONT within 15 ms
	group  bool
	family []int        // the processes of $FAMILY, which the command stops
	events string       // cgroup.events of a cgroup that the command freezes, "" for none
	known  map[int]bool // processes that existed before
	span   time.Duration
}

// moments is `victim moments ROUNDS SIG one|group CMD...`: it runs CMD ROUNDS times, and each time sends SIG to CMD,
// or to its group, at a random moment of its run. $FAMILY lists the processes that CMD stops and resumes. $EVENTS is
// the cgroup.events of a cgroup, which counts as one more process, stopped while frozen. Each round prints a line
// "ROUND ended=SIG|exit:N at-once=N after=N": how CMD ended, how many processes of $FAMILY were stopped when CMD was
// reaped, and how many when all processes that CMD had started (such as its guardian) were gone. The processes are
// sent CONT before the next round. They end by themselves after 150 s, so moments makes no further round after 25 s.
// If CMD stops, moments sends CONT to its group, as a shell does for fg; with TSTP+CONT as SIG, moments sends CONT within
// 15 ms after TSTP instead, whether CMD has stopped or not. It fails if CMD has not ended in 10 s.
func moments(args []string) {
	const enough = 25 * time.Second
	if len(args) < 4 {
		die(2, "usage: victim moments ROUNDS SIG one|group CMD...")
	}
	e := newExperiment(args)
	// The random moments lie within the longest of three runs without a signal.
	for range 3 {
		start := time.Now()
		waitFor(e.run())
		e.span = max(e.span, time.Since(start))
		e.waitForEnd()
	}
	began := time.Now()
	for round := 1; round <= number(args, 0) && time.Since(began) < enough; round++ {
		e.play(round)
	}
}

func newExperiment(args []string) *experiment {
	name, resume := strings.CutSuffix(args[1], "+CONT")
	e := &experiment{
		cmd: args[3:], signal: unix.SignalNum("SIG" + name), resume: resume, group: args[2] == "group", events: os.Getenv("EVENTS"),
	}
	if e.signal == 0 {
		die(2, "moments: no such signal: %s", args[1])
	}
	var err error
	e.path, err = exec.LookPath(e.cmd[0])
	must(e.cmd[0], err)
	for _, word := range strings.Fields(os.Getenv("FAMILY")) {
		pid, err := strconv.Atoi(word)
		must("FAMILY", err)
		e.family = append(e.family, pid)
	}
	e.null = uintptr(devNull())
	// A background job of a shell ignores some signals. Catch them: execve(2) then resets them to their default
	// action for the command.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGTERM)
	e.known = make(map[int]bool)
	for _, pid := range processes() {
		e.known[pid] = true
	}
	return e
}

// run starts the command and returns its PID.
func (e *experiment) run() int {
	pid, err := syscall.ForkExec(e.path, e.cmd, &syscall.ProcAttr{
		Env: os.Environ(), Files: []uintptr{0, e.null, e.null}, Sys: &syscall.SysProcAttr{Setpgid: true},
	})
	must(e.path, err)
	return pid
}

func (e *experiment) play(round int) {
	pid := e.run()
	pass(rand.N(e.span))
	target := pid
	if e.group {
		target = -pid
	}
	_ = unix.Kill(target, e.signal)
	if e.resume {
		pass(rand.N(15 * time.Millisecond))
		_ = unix.Kill(target, unix.SIGCONT)
	}
	ws, hit := e.waitForCommand(pid)
	atOnce := e.stopped()
	after := e.waitForEnd()
	// The longest of the three runs may be much longer than later ones, so adjust the span: shorten it if the command
	// ended before the signal, otherwise lengthen it.
	ended := fmt.Sprintf("exit:%d", ws.ExitStatus())
	if ws.Signaled() {
		ended = fmt.Sprintf("SIG%d", ws.Signal())
	}
	if hit {
		e.span = e.span * 105 / 100
	} else {
		e.span = max(e.span*8/10, time.Microsecond)
	}
	fmt.Printf("%d ended=%s at-once=%d after=%d\n", round, ended, atOnce, after)
	for _, pid := range e.family {
		_ = unix.Kill(pid, unix.SIGCONT)
	}
	if slices.ContainsFunc(e.family, hasEnded) {
		die(1, "moments: the family is no longer whole")
	}
}

// pass waits for d. A sleep is too coarse for the last millisecond, so it polls the clock.
func pass(d time.Duration) {
	until := time.Now().Add(d)
	time.Sleep(d - time.Millisecond)
	for time.Now().Before(until) {
	}
}

// waitForCommand waits until the command has ended, and sends CONT to its group when the command has stopped, unless
// play has sent it. hit is whether a signal has stopped or ended the command.
func (e *experiment) waitForCommand(pid int) (ws unix.WaitStatus, hit bool) {
	hang := time.AfterFunc(patience, func() { die(1, "moments: the command hangs") })
	defer hang.Stop()
	for {
		_, err := unix.Wait4(pid, &ws, unix.WUNTRACED, nil)
		switch {
		case err == unix.EINTR:
		case err != nil:
			die(2, "moments: wait4: %v", err)
		case ws.Stopped():
			hit = true
			if !e.resume {
				_ = unix.Kill(-pid, unix.SIGCONT)
			}
		default:
			return ws, hit || ws.Signaled()
		}
	}
}

// stopped returns how many processes of the family are stopped.
func (e *experiment) stopped() (n int) {
	for _, pid := range e.family {
		if state(pid) == "T" {
			n++
		}
	}
	if e.events != "" {
		data, err := os.ReadFile(e.events)
		must(e.events, err)
		if bytes.Contains(data, []byte("frozen 1\n")) {
			n++
		}
	}
	return n
}

// waitForEnd waits until all processes that the command has started are gone, and then a little longer for signals that
// are still in delivery. It returns how many processes of the family are stopped.
func (e *experiment) waitForEnd() int {
	for range 30000 {
		if !slices.ContainsFunc(processes(), func(pid int) bool { return !e.known[pid] && !hasEnded(pid) }) {
			break
		}
		time.Sleep(time.Millisecond)
	}
	for range 20 {
		time.Sleep(time.Millisecond)
		if e.stopped() == 0 {
			break
		}
	}
	return e.stopped()
}

// hasEnded reports whether the process is a zombie or does not exist.
func hasEnded(pid int) bool {
	switch state(pid) {
	case "", "Z", "X":
		return true
	}
	return false
}

// processes returns the PIDs in /proc.
func processes() (pids []int) {
	dir, err := os.Open("/proc")
	must("/proc", err)
	defer dir.Close()
	names, err := dir.Readdirnames(0)
	must("/proc", err)
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}
