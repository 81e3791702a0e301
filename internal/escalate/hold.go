package escalate

import (
	"fmt"
	"time"

	"killbox/internal/duration"
	"killbox/internal/signals"
)

// Hold freezes the targets, and thaws them when it is over.
type Hold struct {
	// Frozen is told who is held, once.
	Frozen func([]*Result)
	// Over is asked after each return of Kernel.Wait.
	Over func() bool
}

// hold freezes everybody and waits until that is to end. It never goes on
// without the guardian that was asked for: what is held is held for long.
func (r *run) hold() error {
	defer func() {
		// They were not to end, so whoever is left is no survivor.
		for _, res := range r.results {
			if res.Outcome == Survived {
				res.Outcome = Exists
			}
		}
	}()
	for _, res := range r.results {
		if res.Last {
			res.Outcome, res.Err = Refused, fmt.Errorf("an ancestor of this process is never frozen")
			r.open--
			r.obs.Failed(res, res.Err)
		}
	}
	if r.open == 0 && (r.plan.Tree == nil || len(r.plan.Targets) == 0) {
		return nil
	}
	if _, err := r.tree.gather(0); err != nil {
		return err
	}
	r.tree.unboost() // nothing is in a hurry from here on
	if t, ok := r.tree.(*tree); ok && r.plan.Tree != nil && !t.proved {
		r.sum.Proved = false
		r.sum.Doubt = t.doubt(t.suspect())
	}
	var held []*Result
	for _, res := range r.results {
		if res.Outcome == Survived {
			held = append(held, res)
			r.obs.Signalled(res, signals.STOP, 0, time.Since(r.start))
		}
	}
	r.plan.Hold.Frozen(held)
	for r.open > 0 && !r.plan.Hold.Over() {
		left := duration.Forever
		if r.plan.Limit > 0 {
			if left = r.plan.Limit - time.Since(r.start); left <= 0 {
				r.sum.LimitReached = true
				return nil
			}
		}
		gone, reaped, err := r.k.Wait(left)
		if err != nil {
			return err
		}
		r.leaveAll(gone, false)
		r.leaveAll(reaped, true)
	}
	return r.k.Interrupted()
}

func unheld(err error) error {
	return fmt.Errorf("nobody is held without a guardian: %w (--no-guard does without one)", err)
}
