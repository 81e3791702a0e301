package escalate

import (
	"errors"
	"time"

	"killbox/internal/signals"
)

func (a *account) fetchStatus(res *Result) {
	status, err := a.call.Kernel.Status(res.ID)
	if res.StatusErr = err; err == nil {
		res.Status = &status
	}
}

// awaitStatus gives the parents of targets that are gone the time to reap them: only then is the status known.
func (a *account) awaitStatus() {
	began := time.Now()
	for _, res := range a.results {
		for errors.Is(res.StatusErr, signals.ErrNotReaped) && time.Since(began) < a.call.Plan.StatusWait {
			a.call.Kernel.Pause(time.Millisecond)
			a.fetchStatus(res)
		}
	}
}

// closeEnded closes a target that is gone, unless its exit status is still to be fetched.
func (a *account) closeEnded(res *Result) {
	if !errors.Is(res.StatusErr, signals.ErrNotReaped) {
		a.call.Kernel.Close(res.ID)
	}
}
