package freeze

import (
	"fmt"

	"killbox/procfs"
)

// Options say how a Freezer prepares a freeze.
type Options struct {
	// Enabled: members are stopped before they are signalled.
	Enabled bool
	// Guardian: one is started before the first SIGSTOP.
	Guardian bool
	// Required: a freeze that cannot be prepared is an error. Otherwise the call continues without freezing.
	Required bool
	// Lasting: members stay frozen for long, so a guardian that fails is an error. Otherwise the call continues
	// without one.
	Lasting bool
}

// Freezer is what freezing a tree and freezing a cgroup have in common: the preparation of a freeze, the guardian, and
// the raised priority.
type Freezer struct {
	k interface {
		Preparer
		Guardian
	}
	opts     Options
	report   Reporter
	pid      int  // of the guardian, 0 without one
	listed   bool // the guardian may have something to resume
	endBoost func()
	refused  bool  // nothing may be frozen
	refusal  error // why, until it has been reported
}

// NewFreezer returns a Freezer that has prepared nothing yet.
func NewFreezer(k Kernel, opts Options, report Reporter) *Freezer {
	return &Freezer{k: k, opts: opts, report: report}
}

// Freezes reports whether members are stopped before they are signalled.
func (f *Freezer) Freezes() bool { return f.opts.Enabled && !f.refused }

// PrepareWithGuardian acquires what resuming takes, raises the priority and starts the guardian. It returns false if nothing may be
// frozen.
func (f *Freezer) PrepareWithGuardian() (ok bool, err error) {
	if f.refused {
		return false, nil
	}
	if err := f.k.PrepareFreeze(); err != nil {
		if f.opts.Required {
			return false, fmt.Errorf("nothing is frozen: %w", err)
		}
		f.refused, f.refusal = true, err
		return false, nil
	}
	// Against a fork bomb, being scheduled is half the battle, for the guardian too.
	if f.endBoost == nil {
		f.endBoost = f.k.Boost()
	}
	if !f.opts.Guardian || f.pid != 0 {
		return true, nil
	}
	pid, err := f.k.StartGuardian()
	if err != nil {
		return true, f.continueUnguarded(err)
	}
	f.pid = pid
	return true, nil
}

// ReportPrepareError reports, once, that the call continues without freezing. A call that fails for the same want of
// descriptors does not continue, and reports that failure alone.
func (f *Freezer) ReportPrepareError() {
	if f.refusal != nil {
		f.report.Failed(nil, fmt.Errorf("going on without freezing: %w", f.refusal))
		f.refusal = nil
	}
}

// EndBoost gives up the raised priority.
func (f *Freezer) EndBoost() {
	if f.endBoost != nil {
		f.endBoost()
		f.endBoost = nil
	}
}

// IsGuardian reports whether pid is that of the guardian.
func (f *Freezer) IsGuardian(pid int) bool { return f.pid != 0 && pid == f.pid }

// GuardianAdd puts processes that are about to be stopped on the list of the guardian, if there is one.
func (f *Freezer) GuardianAdd(ids []procfs.ID) error {
	return f.addToList(func() error { return f.k.GuardianAdd(ids) })
}

// GuardianAddCgroup puts the cgroup, which is about to be frozen, on the list of the guardian, if there is one.
func (f *Freezer) GuardianAddCgroup() error { return f.addToList(f.k.GuardianAddCgroup) }

func (f *Freezer) addToList(add func() error) error {
	if f.pid == 0 {
		return nil
	}
	f.listed = true
	if err := add(); err != nil {
		return f.continueUnguarded(err)
	}
	return nil
}

// GuardianClear tells the guardian that everything has been resumed.
func (f *Freezer) GuardianClear() {
	if f.pid == 0 || !f.listed {
		return
	}
	f.listed = false
	if err := f.k.GuardianClear(); err != nil {
		f.giveUpGuardian(err)
	}
}

// StopGuardian ends the guardian. The caller has resumed everything, or goes on without a guardian.
func (f *Freezer) StopGuardian() {
	if f.pid != 0 {
		f.k.StopGuardian()
		f.pid = 0
	}
}

// continueUnguarded continues without a guardian. It returns an error if that is no option.
func (f *Freezer) continueUnguarded(err error) error {
	if f.opts.Lasting {
		return fmt.Errorf("nobody is held without a guardian: %w (--no-guard does without one)", err)
	}
	f.giveUpGuardian(err)
	return nil
}

func (f *Freezer) giveUpGuardian(err error) {
	f.report.Failed(nil, fmt.Errorf("going on without a guardian: %w", err))
	f.opts.Guardian = false
	f.StopGuardian()
}
