package kernel

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"killbox/internal/child"
	"killbox/internal/signals"
	"killbox/procfs"
)

// TestEarlySignal: one that comes before there are children is told of later,
// and does not end a wait.
func TestEarlySignal(t *testing.T) {
	cmd, _ := run(t, "early")
	if status := waitStatus(cmd); status.ExitStatus() != 0 {
		t.Errorf("ended with %v", status)
	}
}

func helpEarly() {
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
		events, err := k.WaitAndReap(time.Minute)
		if fatal(err); len(events) != 1 || events[0].Kind != child.Signal || events[0].Signal != sig {
			fatal(fmt.Errorf("events %+v, want %v", events, sig))
		}
	}
	expect(signals.TERM)
	k.caught.receive(signals.HUP)
	expect(signals.HUP)
	fatal(k.Interrupted())
}

// TestPass: once a child has been reaped its number may be anybody's.
func TestPass(t *testing.T) {
	cmd, _ := run(t, "pass")
	if status := waitStatus(cmd); status.ExitStatus() != 0 {
		t.Errorf("ended with %v", status)
	}
}

func helpPass() {
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
	check(err == nil, "Pass", err)
	for ended := false; !ended; {
		events, err := k.WaitAndReap(time.Minute)
		check(err == nil && len(events) > 0, "Next", err)
		for _, e := range events {
			ended = ended || e.Kind == child.Ended && e.Child.PID == pid
		}
	}
	// Ours stands for whoever has the number now.
	err = k.SignalChild(os.Getpid(), 0, false)
	check(errors.Is(err, procfs.ErrNoProcess), "Pass to another", err)
	other, err := syscall.ForkExec("/proc/self/exe", []string{"stranger"}, &syscall.ProcAttr{
		Env: []string{helper + "=stranger"}, Sys: &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL},
	})
	check(err == nil, "ForkExec", err)
	err = k.SignalChild(other, 0, true)
	check(errors.Is(err, procfs.ErrNoProcess), "Pass to another group", err)
	syscall.Kill(other, syscall.SIGKILL)
}
