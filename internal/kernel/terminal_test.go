package kernel

import (
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"killbox/internal/signals"

	"golang.org/x/sys/unix"
)

func TestRaiseStop(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer blockSignals()()
	for _, test := range []struct {
		name   string
		queue  []signals.Signal
		resume bool // CONT arrives meanwhile
		want   bool
	}{
		{"nothing", nil, false, true},
		{"TSTP was caught", []signals.Signal{signals.TSTP}, false, true},
		{"CONT was caught", []signals.Signal{signals.CONT}, false, false},
		{"CONT arrives", nil, true, false},
	} {
		k := New(nil, Options{})
		k.reaper = &reaper{queue: test.queue}
		var over atomic.Bool
		var sender sync.WaitGroup
		if test.resume {
			runs := make(chan struct{})
			sender.Go(func() {
				close(runs)
				for !over.Load() {
					_ = unix.Kill(os.Getpid(), unix.SIGCONT)
				}
			})
			<-runs
		}
		if got := k.raiseStop(); got != test.want {
			t.Errorf("%s: raiseStop() = %v", test.name, got)
		}
		over.Store(true)
		sender.Wait()
		ignore, old := ignoreDisposition(), disposition{}
		rtSigaction(int(unix.SIGTSTP), &ignore, &old) // discards the pending signal
		rtSigaction(int(unix.SIGTSTP), &old, nil)
	}
}
