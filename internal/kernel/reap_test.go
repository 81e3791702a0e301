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
