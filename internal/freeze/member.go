package freeze

import "killbox/procfs"

// Member is the state of one process that is frozen, or is to be frozen.
type Member struct {
	stat *procfs.Stat // of the process, as it was opened

	frozen       bool // stopped by this process, which is to resume it
	foreignStop  bool // found stopped by a third party
	settled      bool // does not fork any more: seen stopped with all its threads after our SIGSTOP, gone, or hidden
	forking      bool // seen in uninterruptible sleep, and not known to wait for the child of a vfork
	active       bool // was not asleep when it was sent SIGSTOP
	blocksSignal bool // blocks the signal that it is to be sent
	restops      int  // how often it was resumed and stopped again
	keptFrozen   bool // stays frozen until a signal that it cannot block
}

// NewMember returns the state of the process that was opened with the result st, which must stay valid.
func NewMember(st *procfs.Stat) Member { return Member{stat: st} }

// ID returns the identity of the process.
func (m *Member) ID() procfs.ID { return m.stat.ID }

// Frozen reports whether this process has stopped the member and has not resumed it.
func (m *Member) Frozen() bool { return m.frozen }

// StoppedByOthers reports whether the member was found stopped by a third party.
func (m *Member) StoppedByOthers() bool { return m.foreignStop }

// Account is the account of the members, which the caller of this package keeps. It is told what happens to a member.
type Account interface {
	Reporter
	// Remains reports whether the member is still to be ended: it is neither gone nor refused.
	Remains(*Member) bool
	// IsGone reports whether the member is gone, so that the caller has closed it.
	IsGone(*Member) bool
	// Ended is called if SIGSTOP found the member reaped.
	Ended(*Member)
	// Refused is called if the member may not be sent SIGSTOP.
	Refused(*Member, error)
	// NotResumed is called if the member may have been left frozen.
	NotResumed(*Member, error)
}

// Reporter reports failures.
type Reporter interface {
	// Failed reports what did not work; the member is nil if it concerns the call.
	Failed(*Member, error)
}
