package kernel

import (
	"fmt"
	"os"
	"testing"
	"time"

	"killbox/internal/family"
	"killbox/internal/signals"
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
	k.Hold()
	k.notes.take(signals.TERM)
	fatal(k.Adopt(false))
	expect := func(sig signals.Signal) {
		events, err := k.Next(time.Minute)
		if fatal(err); len(events) != 1 || events[0].Kind != family.Signal || events[0].Signal != sig {
			fatal(fmt.Errorf("events %+v, want %v", events, sig))
		}
	}
	expect(signals.TERM)
	k.notes.take(signals.HUP)
	expect(signals.HUP)
	fatal(k.Interrupted())
}
