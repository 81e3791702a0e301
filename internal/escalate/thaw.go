package escalate

import (
	"errors"

	"killbox/internal/fmt"
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
		if err := t.r.k.Signal(res.ID, signals.CONT); err != nil && !errors.Is(err, procfs.ErrNoProcess) {
			t.r.sum.Failed = true
			failed = append(failed, func() { t.r.obs.Failed(res, err) })
		}
	}
	some := len(held) < len(t.frozen)
	t.frozen = held
	defer func() {
		// Told last: whatever telling does, everybody has been woken.
		for _, tell := range failed {
			tell()
		}
	}()
	if some && failed == nil {
		// Not cleared after a failure: the guardian is to try again.
		t.clear()
	}
	t.unboost()
}

func (t *tree) unboost() {
	if t.boosted != nil {
		t.boosted()
		t.boosted = nil
	}
}

func (t *tree) clear() {
	if t.guardian == 0 {
		return
	}
	if len(t.frozen) > 0 {
		// Those that are held must be on its list at every instant. That
		// others are, who run already, harms nobody.
		return
	}
	if err := t.r.k.Clear(); err != nil {
		t.unguarded(err)
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

// unguarded gives up the guardian: the kill goes on without one.
func (t *tree) unguarded(err error) {
	t.r.obs.Failed(nil, fmt.Errorf("going on without a guardian: %w", err))
	if t.guardian != 0 {
		t.r.k.Unguard()
	}
	t.guarded, t.guardian = false, 0
}
