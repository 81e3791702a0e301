package freeze

import "killbox/procfs"

// Member is one process that is frozen or will be frozen, and the state of its freeze.
type Member struct {
	stat *procfs.Stat // read when the process was opened

	frozen      bool // this process has sent it SIGSTOP and has not resumed it
	foreignStop bool // a third party had stopped it before
	// hasStopped: the freeze no longer waits for the member. All its threads were seen stopped after SIGSTOP, or it
	// is gone, or /proc hides it.
	hasStopped   bool
	maybeMidFork bool // in uninterruptible sleep, and not known to wait for a vfork child
	slept        bool // was in state S right before it was stopped again, so it was not mid-fork
	blocksSignal bool // blocks the signal of this step
	restops      int  // how often it was resumed and stopped again, in all steps, because it blocked the signal
	keptFrozen   bool // part of a fork bomb: stays frozen until a signal that it cannot block
}

// NewMember returns the member for an opened process. It keeps st, which the open returned.
func NewMember(st *procfs.Stat) Member { return Member{stat: st} }

// ID returns the identity of the process.
func (m *Member) ID() procfs.ID { return m.stat.ID }

// Frozen reports whether this process has sent SIGSTOP to the member and has not resumed it.
func (m *Member) Frozen() bool { return m.frozen }

// StoppedByOthers reports whether a third party had stopped the member before this process tried to.
func (m *Member) StoppedByOthers() bool { return m.foreignStop }

// Account records what happens to the members. The caller of this package implements it.
type Account interface {
	Reporter
	// Remains reports whether the member is still to be ended: it is not gone, and the kernel has not refused to
	// signal it.
	Remains(*Member) bool
	// IsGone reports whether the member is gone. The caller has closed it then.
	IsGone(*Member) bool
	// Ended records that SIGSTOP failed because the member has been reaped.
	Ended(*Member)
	// Refused records that SIGSTOP failed for another reason, such as permission.
	Refused(*Member, error)
	// NotResumed records that SIGCONT failed, so the member may still be stopped.
	NotResumed(*Member, error)
}

// Reporter reports failures.
type Reporter interface {
	// Failed reports a failure. The member is nil if the failure concerns the whole call.
	Failed(*Member, error)
}
