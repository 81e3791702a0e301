package kernel

import (
	"os"
	"os/signal"
	"runtime"
	"slices"
	"testing"

	"killbox/internal/signals"

	"golang.org/x/sys/unix"
)

// stopCatcher returns a Kernel with a reaper that does not reap, and catches TSTP, CONT, USR1 and CHLD.
func stopCatcher(t *testing.T) *Kernel {
	k := New(nil, Options{})
	if err := k.Catch(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { signal.Stop(k.caught.ch) })
	k.reaper = &reaper{}
	k.caught.reaper.Store(k.reaper)
	k.catchSignals([]signals.Signal{signals.TSTP, signals.CONT, signals.Signal(unix.SIGUSR1), signals.Signal(unix.SIGCHLD)})
	return k
}

// send sends signals to the calling thread, so each handler has run when send returns.
func send(sigs ...unix.Signal) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for _, sig := range sigs {
		_ = unix.Tgkill(os.Getpid(), unix.Gettid(), sig)
	}
}

// TestStopOrder sends TSTP and CONT so fast that the runtime catches them together.
func TestStopOrder(t *testing.T) {
	k := stopCatcher(t)
	q := k.reaper
	for range 50 {
		send(unix.SIGTSTP, unix.SIGUSR1, unix.SIGCONT)
		k.caught.awaitReceived()
		q.addQueued()
		var got []signals.Signal
		for i := range q.events {
			got = append(got, q.events[i].Signal)
		}
		q.events = nil
		slices.Sort(got)
		got = slices.Compact(got) // an earlier test may have sent CONT as well
		if !slices.Equal(got, []signals.Signal{signals.Signal(unix.SIGUSR1), signals.CONT}) {
			t.Fatalf("TSTP, USR1, CONT: the events are %v", got)
		}
	}
	// CONT is no longer on its way, so it does not discard TSTP.
	send(unix.SIGCONT)
	k.caught.awaitReceived()
	send(unix.SIGTSTP)
	k.caught.awaitReceived()
	if want := []signals.Signal{signals.CONT, signals.TSTP}; !slices.Equal(q.queue, want) {
		t.Errorf("CONT, TSTP: the queue contains %v, not %v", q.queue, want)
	}
}

// TestResumes sends CONT immediately before it asks for it.
func TestResumes(t *testing.T) {
	k := stopCatcher(t)
	for i := range 100 {
		resume := i%2 == 0
		if resume {
			send(unix.SIGCONT)
		}
		k.caught.awaitReceived()
		if got := k.reaper.resumes(); got != resume {
			t.Fatalf("round %d: resumes() = %v", i, got)
		}
		k.reaper.events = nil
	}
}
