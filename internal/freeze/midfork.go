package freeze

import (
	"errors"
	"time"

	"killbox/internal/signals"
	"killbox/procfs"
)

// MaxRestops bounds how often members that block the signal of the step are resumed and stopped again. A member that
// blocks the signal only around fork(2) is soon caught elsewhere. A member that always blocks the signal would not die
// of it anyway.
const MaxRestops = 8

// runFor is how long members run in the first round of ResumeAndRestop. The time doubles with each further round, up to
// 16 ms.
const (
	runFor     = time.Millisecond
	maxDoubled = 4
)

// keptAfter is how often a member must have been resumed and stopped again before it can be kept frozen. If at most
// fewForking members are caught mid-fork, they are resumed MaxRestops times before: on a busy machine, processes of a
// job that forks, such as the loops of a few shells, may not run while they are resumed for the first times.
const (
	keptAfter  = 2
	fewForking = 16
)

// ResumeAndRestop briefly resumes the members that block sig, unless they were asleep when they were last stopped
// again. Then it stops them again. round is the number of earlier rounds of this freeze. It reports whether there were
// such members. The C library, shells and perl block signals around fork(2): a process caught mid-fork with sig pending
// would finish the fork after it is resumed and then die. If its child has called execve(2), nothing may link that
// child to the tree.
func (s *Stopped) ResumeAndRestop(sig signals.Signal, round int) bool {
	s.MarkBlockers(sig)
	rest := s.members[:0]
	var blockers []*Member
	for _, m := range s.members {
		if m.blocksSignal && !m.keptFrozen {
			m.restops++
			blockers = append(blockers, m)
		} else {
			rest = append(rest, m)
		}
	}
	s.members = rest
	for _, m := range blockers {
		m.frozen = false
		if err := s.k.Signal(m.stat.ID, signals.CONT); err != nil && !errors.Is(err, procfs.ErrNoProcess) {
			s.account.Failed(m, err)
		}
	}
	if len(blockers) > 0 {
		// On a machine with one processor, no member would run before this process gives up the processor.
		s.k.Pause(runFor << min(round, maxDoubled))
	}
	for _, m := range blockers {
		// A process that always blocks the signal, such as one that waits for it in sigwait(3), is asleep by now.
		st, err := s.k.Stat(m.stat.ID)
		m.slept = err == nil && st.State == 'S'
		s.stopMember(m)
	}
	return len(blockers) > 0
}

// MarkBlockers records which members block sig, and which of them are kept frozen. It reports whether a member that is
// caught mid-fork (it blocks all signals) is not kept frozen.
func (s *Stopped) MarkBlockers(sig signals.Signal) (willResume bool) {
	matters := sig.Ends() && sig != signals.KILL
	var forking []*Member
	for _, m := range s.members {
		m.blocksSignal, m.keptFrozen = false, false
		if matters && !m.slept && s.account.Remains(m) && s.mayBlock(m, sig) {
			var all bool
			// The C library blocks all signals around fork(2).
			if m.blocksSignal, all = s.k.Blocks(m.stat.ID, sig); all {
				forking = append(forking, m)
			}
		}
	}
	after := keptAfter
	if len(forking) <= fewForking {
		after = MaxRestops
	}
	for _, m := range forking {
		// A member that is repeatedly caught mid-fork together with others is part of a fork bomb: keep it
		// frozen until KILL, which cannot be blocked. Two members are no bomb: in one fork(2) or vfork(2), both the
		// parent and the child block the signals.
		m.keptFrozen = m.restops >= after && len(forking) > 2
		willResume = willResume || !m.keptFrozen
	}
	return willResume
}

// mayBlock reports whether the member can have sig blocked. For the signals 1 to 31 it saves the call of Blocks: a
// stopped process cannot change its signal mask, so the mask in the last scan is final. The scan does not read the mask
// of higher signals, so for these it returns true.
func (s *Stopped) mayBlock(m *Member, sig signals.Signal) bool {
	st := s.entry(m)
	return st == nil || sig > 31 || st.Blocked>>(sig-1)&1 != 0
}

// AllKeptFrozen reports whether all targets of the call that remain are kept frozen, so that waiting for them is
// useless. remaining is their number.
func (s *Stopped) AllKeptFrozen(remaining int) bool {
	kept := 0
	for _, m := range s.members {
		if s.account.Remains(m) {
			kept++
		}
	}
	return kept > 0 && kept == remaining
}
