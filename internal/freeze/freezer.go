package freeze

import (
	"fmt"

	"killbox/procfs"
)

// Options say how a Freezer prepares a freeze.
type Options struct {
	// Enabled: stop the members before they are signalled.
	Enabled bool
	// Guardian: start the guardian before the first SIGSTOP.
	Guardian bool
	// Required: if the freeze cannot be prepared, return an error. Otherwise the call continues without freezing.
	Required bool
	// Lasting: the members stay frozen for long, so return an error if the guardian fails. Otherwise the call
	// continues without a guardian.
	Lasting bool
}

// Freezer does what freezing a tree and freezing a cgroup have in common: it prepares the freeze, controls the
// guardian, and raises the priority of this process.
type Freezer struct {
	k interface {
		Preparer
		Guardian
	}
	opts          Options
	report        Reporter
	pid           int    // of the guardian; 0 if there is none
	listed        bool   // the list of the guardian may have entries
	endBoost      func() // gives up the raised priority; nil if it is not raised
	prepareFailed bool   // the freeze could not be prepared, so no process is stopped
	prepareErr    error  // the cause; nil once it has been reported
}

// NewFreezer returns a Freezer. It prepares nothing yet.
func NewFreezer(k Kernel, opts Options, report Reporter) *Freezer {
	return &Freezer{k: k, opts: opts, report: report}
}

// Freezes reports whether members are stopped before they are signalled.
func (f *Freezer) Freezes() bool { return f.opts.Enabled && !f.prepareFailed }

// PrepareWithGuardian acquires what resuming needs, raises the priority and starts the guardian. If resuming cannot be
// ensured, it returns false, or an error with Options.Required. Then the caller must not stop any process.
func (f *Freezer) PrepareWithGuardian() (ok bool, err error) {
	if f.prepareFailed {
		return false, nil
	}
	if err := f.k.PrepareFreeze(); err != nil {
		if f.opts.Required {
			return false, fmt.Errorf("nothing is frozen: %w", err)
		}
		f.prepareFailed, f.prepareErr = true, err
		return false, nil
	}
	// A fork bomb competes for the CPU with this process and with the guardian, which inherits the priority.
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

// ReportPrepareError reports, once, that the call continues without freezing. Call it after the first scan has
// succeeded: if that scan fails for lack of descriptors, too, the call does not continue, and only that failure is
// reported.
func (f *Freezer) ReportPrepareError() {
	if f.prepareErr != nil {
		f.report.Failed(nil, fmt.Errorf("going on without freezing: %w", f.prepareErr))
		f.prepareErr = nil
	}
}

// EndBoost gives up the raised priority.
func (f *Freezer) EndBoost() {
	if f.endBoost != nil {
		f.endBoost()
		f.endBoost = nil
	}
}

// IsGuardian reports whether pid is the PID of the guardian.
func (f *Freezer) IsGuardian(pid int) bool { return f.pid != 0 && pid == f.pid }

// GuardianAdd adds processes to the list of the guardian, if there is one. Call it before they are stopped.
func (f *Freezer) GuardianAdd(ids []procfs.ID) error {
	return f.addToList(func() error { return f.k.GuardianAdd(ids) })
}

// GuardianAddCgroup adds the cgroup to the list of the guardian, if there is one. Call it before the cgroup is frozen.
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

// GuardianClear empties the list of the guardian, because everything on it has been resumed or has ended.
func (f *Freezer) GuardianClear() {
	if f.pid == 0 || !f.listed {
		return
	}
	f.listed = false
	if err := f.k.GuardianClear(); err != nil {
		f.stopFailedGuardian(err)
	}
}

// StopGuardian ends the guardian, after everything has been resumed or because the guardian has failed.
func (f *Freezer) StopGuardian() {
	if f.pid != 0 {
		f.k.StopGuardian()
		f.pid = 0
	}
}

// continueUnguarded ends a guardian that has failed, so that the call continues without one. With Options.Lasting it
// returns an error instead.
func (f *Freezer) continueUnguarded(err error) error {
	if f.opts.Lasting {
		return fmt.Errorf("nothing is kept frozen without a guardian: %w (--no-guard allows it)", err)
	}
	f.stopFailedGuardian(err)
	return nil
}

func (f *Freezer) stopFailedGuardian(err error) {
	f.report.Failed(nil, fmt.Errorf("going on without a guardian: %w", err))
	f.opts.Guardian = false
	f.StopGuardian()
}
