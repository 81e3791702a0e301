package escalate

import (
	"errors"
	"time"

	"killbox/internal/signals"
	"killbox/procfs"
)

// thaw lets everybody go on, after all have the signal pending.
func (t *tree) thaw(sig signals.Signal) {
	if sig.Stops() {
		// Stopped is what the user asked for: a SIGCONT would take it back.
		for _, res := range t.frozen {
			res.frozen = false
		}
		t.frozen = t.frozen[:0]
		t.clear()
	}
	// After the last rung nothing comes that the held could not block.
	t.release(sig.Ends() && sig != signals.KILL && t.r.rung < len(t.r.plan.Ladder))
}

// wake thaws everybody.
func (t *tree) wake() { t.release(false) }

// release thaws everybody, those apart that are to be held.
func (t *tree) release(hold bool) {
	held := t.frozen[:0]
	var failed []func()
	for _, res := range t.frozen {
		if hold && res.held {
			held = append(held, res)
			continue
		}
		res.frozen = false
		if res.Outcome == Gone {
			continue // and closed
		}
		if err := t.resume(res); err != nil {
			t.r.sum.Failed = true
			failed = append(failed, func() { t.r.obs.Failed(res, err) })
		}
	}
	t.frozen = held
	defer func() {
		// Told last: whatever telling does, everybody has been woken.
		for _, tell := range failed {
			tell()
		}
	}()
	if failed == nil {
		// After a failure the guardian keeps its list, and tries again. Otherwise the list is cleared, also
		// of members that have ended: their PIDs may be reused.
		t.clear()
	}
	t.unboost()
}

// resume sends SIGCONT to a member. While that takes descriptors or memory that are not available it tries
// again, for at most resumeLimit.
func (t *tree) resume(res *Result) error {
	began := time.Now()
	for {
		err := t.r.k.Signal(res.ID, signals.CONT)
		switch {
		case err == nil || errors.Is(err, procfs.ErrNoProcess):
			return nil
		case !procfs.Exhausted(err) || time.Since(began) > resumeLimit:
			return err
		}
		// Other processes have taken all descriptors or memory of the machine.
		t.r.k.Pause(time.Millisecond)
	}
}

const resumeLimit = 5 * time.Second

func (t *tree) clear() {
	// Members kept frozen must be on the guardian's list at every instant. Entries for running ones are
	// harmless.
	if len(t.frozen) == 0 {
		t.clearGuardian()
	}
}

// holding tells whether everybody who is left is held: then there is nothing
// to wait for.
func (t *tree) holding() bool {
	held := 0
	for _, res := range t.frozen {
		if res.Outcome == Survived {
			held++
		}
	}
	return held > 0 && held == t.r.open
}
