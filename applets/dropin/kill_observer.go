package dropin

import (
	"fmt"
	"time"

	"killbox/internal/cli"
	"killbox/internal/escalate"
	"killbox/internal/show"
	"killbox/internal/signals"
)

// killObserver prints the signals and errors of a ladder of --timeout, in the words of util-linux.
type killObserver struct{ c *killCall }

func (w killObserver) Signalled(r *escalate.Result, s signals.Signal, rung int, _ time.Duration) {
	if rung > 1 && w.c.verbose {
		fmt.Fprintf(w.c.env.Stdout, "timeout, sending signal %d to pid %d\n", int(s), r.PID)
	}
}

func (w killObserver) Failed(r *escalate.Result, err error) {
	if r != nil {
		w.c.say("sending signal to %s failed: %s", show.Word(r.Name), cli.StrError(err))
		return
	}
	w.c.say("%v", err)
}

func (killObserver) Attributed(*escalate.Result)   {}
func (killObserver) Gone(*escalate.Result)         {}
func (killObserver) Skipped(escalate.Skip)         {}
func (killObserver) Frozen([]*escalate.Result)     {}
func (killObserver) FirstWait(*escalate.FirstWait) {}
func (killObserver) Waiting(escalate.Progress)     {}
func (killObserver) Tick() time.Duration           { return 0 }
