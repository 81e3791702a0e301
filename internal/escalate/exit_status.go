package escalate

import (
	"errors"
	"time"

	"killbox/internal/signals"
)

// fetchStatus stores in res the exit status of a process that is gone, or the error.
func (a *account) fetchStatus(res *Result) {
	status, err := a.call.Kernel.Status(res.ID)
	if res.StatusErr = err; err == nil {
		res.Status = &status
	}
}

// awaitStatus polls for exit statuses that are not known until the parent has reaped the process, for at most
// Plan.StatusWait in all.
func (a *account) awaitStatus() {
	began := time.Now()
	for _, res := range a.results {
		for errors.Is(res.StatusErr, signals.ErrNotReaped) && time.Since(began) < a.call.Plan.StatusWait {
			a.call.Kernel.Pause(time.Millisecond)
			a.fetchStatus(res)
		}
	}
}

// closeEnded closes the descriptor of a target that is gone, unless its exit status is still to be read through it.
func (a *account) closeEnded(res *Result) {
	if !errors.Is(res.StatusErr, signals.ErrNotReaped) {
		a.call.Kernel.Close(res.ID)
	}
}
