package escalate

import "killbox/internal/fmt"

// freezer is what freezing a tree and freezing a cgroup have in common: what resuming takes is in hand
// before the first process is stopped, a guardian that resumes them if we are killed, and the priority.
type freezer struct {
	r        *run
	guarded  bool // a guardian is wanted, and has not failed
	guardian int  // its PID, 0 without one
	told     bool // it has something to resume
	boosted  func()
	refused  bool // nothing may be frozen
}

func newFreezer(r *run) freezer { return freezer{r: r, guarded: r.plan.Guardian} }

// freezes reports whether members are stopped before they are signalled.
func (f *freezer) freezes() bool { return f.r.plan.Freeze && !f.refused }

// start prepares a freeze. It returns false when nothing may be frozen.
func (f *freezer) start() (ok bool, err error) {
	if f.refused {
		return false, nil
	}
	if err := f.r.k.PrepareFreeze(); err != nil {
		if f.r.plan.FreezeOrFail || f.r.plan.Hold != nil {
			return false, fmt.Errorf("nothing is frozen: %w", err)
		}
		f.refused = true
		f.r.obs.Failed(nil, fmt.Errorf("going on without freezing: %w", err))
		return false, nil
	}
	// Against a fork bomb, being scheduled is half the battle, for the guardian too.
	if f.boosted == nil {
		f.boosted = f.r.k.Boost()
	}
	if !f.guarded || f.guardian != 0 {
		return true, nil
	}
	pid, err := f.r.k.Guard()
	if err != nil {
		return true, f.unguarded(err)
	}
	f.guardian = pid
	return true, nil
}

// tell lets the guardian know what is about to be stopped.
func (f *freezer) tell(message func() error) error {
	if f.guardian == 0 {
		return nil
	}
	f.told = true
	if err := message(); err != nil {
		return f.unguarded(err)
	}
	return nil
}

// clear lets the guardian know that everything has been resumed.
func (f *freezer) clear() {
	if f.guardian == 0 || !f.told {
		return
	}
	f.told = false
	if err := f.r.k.Clear(); err != nil {
		f.giveUpGuardian(err)
	}
}

// unguarded goes on without a guardian, unless processes are to be held.
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
	f.end()
}

// end ends the guardian. Everything has been resumed by then, or is about to be.
func (f *freezer) end() {
	if f.guardian != 0 {
		f.r.k.Unguard()
		f.guardian = 0
	}
}

func (f *freezer) unboost() {
	if f.boosted != nil {
		f.boosted()
		f.boosted = nil
	}
}
