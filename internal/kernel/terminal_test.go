package kernel

import (
	"runtime"
	"testing"

	"killbox/internal/signals"

	"golang.org/x/sys/unix"
)

func TestRaiseStop(t *testing.T) {
	k := stopCatcher(t)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer blockSignals()()
	for _, test := range []struct {
		name  string
		queue []signals.Signal
		sent  []unix.Signal
		want  bool
	}{
		{"nothing", nil, nil, true},
		{"TSTP was received", []signals.Signal{signals.TSTP}, nil, true},
		{"CONT was received", []signals.Signal{signals.CONT}, nil, false},
		{"CONT is pending", nil, []unix.Signal{unix.SIGCONT}, false},
		{"TSTP is pending", nil, []unix.Signal{unix.SIGCONT, unix.SIGTSTP}, true},
	} {
		k.reaper.queue, k.reaper.events = test.queue, nil
		send(test.sent...)
		if got := k.raiseStop(); got != test.want {
			t.Errorf("%s: raiseStop() = %v", test.name, got)
		}
		ignore, old := ignoreDisposition(), disposition{}
		for _, sig := range []int{int(unix.SIGTSTP), int(unix.SIGCONT)} { // discards the pending signals
			rtSigaction(sig, &ignore, &old)
			rtSigaction(sig, &old, nil)
		}
	}
}
