package kernel

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"killbox/internal/child"
	"killbox/internal/signals"
	"killbox/procfs"

	"golang.org/x/sys/unix"
)

// TestEarlySignal: a signal that is caught before StartReaper becomes an event of WaitAndReap, and Interrupted does not
// report it.
func TestEarlySignal(t *testing.T) {
	cmd, _ := run(t, "early signal")
	if status := waitStatus(cmd); status.ExitStatus() != 0 {
		t.Errorf("ended with %v", status)
	}
}

func helpEarlySignal() {
	k := New(nil, Options{})
	fatal := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(3)
		}
	}
	fatal(k.Catch(signals.TERM))
	k.DeferSignals()
	k.caught.receive(signals.TERM)
	fatal(k.StartReaper(false))
	expect := func(sig signals.Signal) {
		events, err := k.WaitAndReap(time.Minute, nil)
		if fatal(err); len(events) != 1 || events[0].Kind != child.Signal || events[0].Signal != sig {
			fatal(fmt.Errorf("events %+v, want %v", events, sig))
		}
	}
	expect(signals.TERM)
	k.caught.receive(signals.HUP)
	expect(signals.HUP)
	fatal(k.Interrupted())
}

// TestSignalChildAfterReap: after the child was reaped, SignalChild signals nothing, because the PID may have been
// reused.
func TestSignalChildAfterReap(t *testing.T) {
	cmd, _ := run(t, "signal child")
	if status := waitStatus(cmd); status.ExitStatus() != 0 {
		t.Errorf("ended with %v", status)
	}
}

func helpSignalChild() {
	k := New(nil, Options{})
	check := func(ok bool, what string, err error) {
		if !ok {
			fmt.Fprintln(os.Stderr, what, err)
			os.Exit(3)
		}
	}
	err := k.Catch(signals.TERM)
	check(err == nil, "Catch", err)
	err = k.StartReaper(false)
	check(err == nil, "StartReaper", err)
	pid, err := k.Launch(child.NewSpec([]string{"sleep", "60"}, os.Environ()))
	check(err == nil, "Launch", err)
	err = k.SignalChild(pid, signals.KILL, false)
	check(err == nil, "SignalChild", err)
	for ended := false; !ended; {
		events, err := k.WaitAndReap(time.Minute, nil)
		check(err == nil && len(events) > 0, "WaitAndReap", err)
		for _, e := range events {
			ended = ended || e.Kind == child.Ended && e.Child.PID == pid
		}
	}
	// The PID of this process stands for a reused one.
	err = k.SignalChild(os.Getpid(), 0, false)
	check(errors.Is(err, procfs.ErrNoProcess), "SignalChild with another PID", err)
	other, err := syscall.ForkExec("/proc/self/exe", []string{"sleep"}, &syscall.ProcAttr{
		Env: []string{helper + "=sleep"}, Sys: &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL},
	})
	check(err == nil, "ForkExec", err)
	err = k.SignalChild(other, 0, true)
	check(errors.Is(err, procfs.ErrNoProcess), "SignalChild with another group", err)
	syscall.Kill(other, syscall.SIGKILL)
}

// TestChildren: Children finds a child while it is alive, and no other process.
func TestChildren(t *testing.T) {
	cmd, _ := run(t, "children")
	if status := waitStatus(cmd); status.ExitStatus() != 0 {
		t.Errorf("ended with %v", status)
	}
}

func helpChildren() {
	k := New(nil, Options{})
	check := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(3)
		}
	}
	// All blocks are searched once: with int 0x80 (386), waitid(2) is slow.
	expect := func(blocks int, want ...int) {
		var got []int
		for block := range blocks {
			pids, err := k.Children(block)
			check(err)
			got = append(got, pids...)
		}
		if !slices.Equal(got, want) {
			fmt.Fprintf(os.Stderr, "children: %v, want %v\n", got, want)
			os.Exit(3)
		}
	}
	expect(1)
	cmd := exec.Command("sleep", "150")
	check(cmd.Start())
	expect(child.ChildBlocks, cmd.Process.Pid)
	check(k.SignalFound(cmd.Process.Pid, signals.KILL))
	_, err := waitidInfo(unix.P_PID, cmd.Process.Pid, unix.WEXITED|unix.WNOWAIT)
	check(err)
	expect(1) // it is a zombie
}

// TestHangupWhileReaping: WaitAndReap reports the end of standard input although more children have exited than it
// reaps.
func TestHangupWhileReaping(t *testing.T) {
	cmd, _ := run(t, "busy reaper")
	if status := waitStatus(cmd); status.ExitStatus() != 0 {
		t.Errorf("ended with %v", status)
	}
}

func helpBusyReaper() {
	k := New(nil, Options{})
	fatal := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(3)
		}
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	fatal(err)
	fatal(unix.Dup2(pair[0], 0))
	fatal(k.Catch(signals.TERM))
	fatal(k.StartReaper(false))
	_, err = k.WatchInput()
	fatal(err)
	for range maxReaped + 10 {
		pid, err := k.Launch(child.NewSpec([]string{"true"}, os.Environ()))
		fatal(err)
		_, err = waitidInfo(unix.P_PID, pid, unix.WEXITED|unix.WNOWAIT)
		fatal(err)
	}
	fatal(unix.Close(pair[1]))
	events, err := k.WaitAndReap(time.Minute, nil)
	fatal(err)
	hangups := 0
	for _, e := range events {
		if e.Kind == child.Hangup {
			hangups++
		}
	}
	if hangups != 1 || len(events) != maxReaped+1 {
		fatal(fmt.Errorf("%d events, %d of them hangups", len(events), hangups))
	}
	if events, err = k.WaitAndReap(time.Minute, events); err != nil || len(events) != 10 {
		fatal(fmt.Errorf("%d events, want the 10 children that remain: %v", len(events), err))
	}
}

// TestReapThousands: after thousands of children were reaped, a process has as many goroutines and descriptors as
// before.
func TestReapThousands(t *testing.T) {
	cmd, _ := run(t, "reap thousands")
	if status := waitStatus(cmd); status.ExitStatus() != 0 {
		t.Errorf("ended with %v", status)
	}
}

func helpReapThousands() {
	fatal := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(3)
		}
	}
	proc, err := procfs.Open("/proc")
	fatal(err)
	k := New(proc, Options{})
	fatal(k.Catch(signals.TERM))
	fatal(k.StartReaper(true))
	var events []child.Event
	launchAndReap := func(n int) {
		for range n {
			_, err := k.Launch(child.NewSpec([]string{"true"}, os.Environ()))
			fatal(err)
		}
		ended := make(map[procfs.ID]bool)
		for !k.ReapExited() || len(k.reaper.events) > 0 {
			events, err = k.WaitAndReap(time.Minute, events)
			fatal(err)
			for _, e := range events {
				ended[e.Child.ID] = true
			}
		}
		if len(ended) != n {
			fatal(fmt.Errorf("%d of %d children were reaped", len(ended), n))
		}
	}
	descriptors := func() int {
		list, err := os.ReadDir("/proc/self/fd")
		fatal(err)
		return len(list)
	}
	launchAndReap(1)
	runtime.GC()
	time.Sleep(time.Nanosecond) // for its first timer the runtime opens two descriptors, which it keeps
	goroutines, open := runtime.NumGoroutine(), descriptors()
	for range 20 {
		launchAndReap(150)
	}
	if g, d := runtime.NumGoroutine(), descriptors(); g != goroutines || d != open {
		fatal(fmt.Errorf("%d goroutines and %d descriptors, before: %d and %d", g, d, goroutines, open))
	}
}
