//go:build !nodropins

package applets

import (
	"fmt"
	"time"

	"killbox/internal/escalate"
	"killbox/internal/show"
	"killbox/internal/signals"
)

// killWatch prints what --timeout does.
type killWatch struct{ c *killCall }

func (w killWatch) Signalled(r *escalate.Result, s signals.Signal, rung int, _ time.Duration) {
	if rung > 1 && w.c.verbose {
		fmt.Fprintf(w.c.env.Stdout, "timeout, sending signal %d to pid %d\n", int(s), r.PID)
	}
}

func (w killWatch) Failed(r *escalate.Result, err error) {
	if r != nil {
		w.c.say("sending signal to %s failed: %s", show.Word(r.Name), cError(err))
		return
	}
	w.c.say("%v", err)
}

func (killWatch) Gone(*escalate.Result)     {}
func (killWatch) Skipped(escalate.Skip)     {}
func (killWatch) Frozen([]*escalate.Result) {}
func (killWatch) Waiting(escalate.Progress) {}
func (killWatch) Tick() time.Duration       { return 0 }
