package escalate

import "fmt"

// freezer is what freezing a tree and freezing a cgroup have in common: the preparation of a freeze, the
// guardian, which resumes the members if this process is killed, and the raised priority.
type freezer struct {
	r        *run
	guarded  bool // a guardian is wanted, and has not failed
	guardian int  // its PID, 0 without one
	told     bool // the guardian may have something to resume
	boosted  func()
	refused  bool  // nothing may be frozen
	refusal  error // why, until it has been reported
}

func newFreezer(r *run) freezer { return freezer{r: r, guarded: r.plan.Guardian} }

// freezes reports whether members are stopped before they are signalled.
func (f *freezer) freezes() bool { return f.r.plan.Freeze && !f.refused }

// startFreezing prepares a freeze: it acquires what resuming takes, raises the priority and starts the
// guardian. It returns false if nothing may be frozen, which is an error with FreezeOrFail or Hold.
func (f *freezer) startFreezing() (ok bool, err error) {
	if f.refused {
		return false, nil
	}
	if err := f.r.k.PrepareFreeze(); err != nil {
		if f.r.plan.FreezeOrFail || f.r.plan.Hold != nil {
			return false, fmt.Errorf("nothing is frozen: %w", err)
		}
		f.refused, f.refusal = true, err
		return false, nil
	}
	// Against a fork bomb, being scheduled is half the battle, for the guardian too.
	if f.boosted == nil {
		f.boosted = f.r.k.Boost()
	}
	if !f.guarded || f.guardian != 0 {
		return true, nil
	}
	pid, err := f.r.k.StartGuardian()
	if err != nil {
		return true, f.unguarded(err)
	}
	f.guardian = pid
	return true, nil
}

// reportRefusal reports, once, that the call continues without freezing. A call that fails for the same want of
// descriptors does not continue, and reports that failure alone.
func (f *freezer) reportRefusal() {
	if f.refusal != nil {
		f.r.obs.Failed(nil, fmt.Errorf("going on without freezing: %w", f.refusal))
		f.refusal = nil
	}
}

// tellGuardian sends the guardian, if there is one, a message that names what is about to be stopped.
func (f *freezer) tellGuardian(message func() error) error {
	if f.guardian == 0 {
		return nil
	}
	f.told = true
	if err := message(); err != nil {
		return f.unguarded(err)
	}
	return nil
}

// clearGuardian tells the guardian that everything has been resumed.
func (f *freezer) clearGuardian() {
	if f.guardian == 0 || !f.told {
		return
	}
	f.told = false
	if err := f.r.k.GuardianClear(); err != nil {
		f.giveUpGuardian(err)
	}
}

// unguarded continues without a guardian. With Hold, which keeps processes frozen for long, it returns an
// error.
func (f *freezer) unguarded(err error) error {
	if f.r.plan.Hold != nil {
		return unheld(err)
	}
	f.giveUpGuardian(err)
	return nil
}

func (f *freezer) giveUpGuardian(err error) {
	f.r.obs.Failed(nil, fmt.Errorf("going on without a guardian: %w", err))
	f.guarded = false
	f.endGuardian()
}

// endGuardian ends the guardian. The caller has resumed everything, or resumes it next.
func (f *freezer) endGuardian() {
	if f.guardian != 0 {
		f.r.k.StopGuardian()
		f.guardian = 0
	}
}

func (f *freezer) unboost() {
	if f.boosted != nil {
		f.boosted()
		f.boosted = nil
	}
}
