package freeze

import (
	"errors"
	"time"

	"killbox/internal/signals"
	"killbox/procfs"
)

// MaxRestops bounds how often members that block sig are resumed and stopped again. A member that blocks it only around
// fork is soon caught elsewhere; one that blocks it for good would not die of it anyway.
const MaxRestops = 8

// runFor is how long members run when they are resumed for the first time. Each further time is twice as long, up to
// 16 ms.
const (
	runFor     = time.Millisecond
	maxDoubled = 4
)

// keptAfter is how often a member must have been caught mid-fork before it is kept frozen.
const keptAfter = 2

// ResumeAndRestop briefly resumes the members that were stopped in action with sig blocked, stops them again, and
// reports whether there were any. libc, shells and perl block signals around fork(2): resumed with sig pending, such a
// process would finish the fork and then die, orphaning a child that nothing links to the tree.
func (s *Stopped) ResumeAndRestop(sig signals.Signal) bool {
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
		// With one processor none of them would run before this process does.
		s.k.Pause(runFor << min(blockers[0].restops-1, maxDoubled))
	}
	for _, m := range blockers {
		s.stopMember(m)
	}
	return len(blockers) > 0
}

// MarkBlockers records which members block sig, and which of them are kept frozen. It reports whether a member that was
// caught mid-fork will be resumed.
func (s *Stopped) MarkBlockers(sig signals.Signal) (willResume bool) {
	if !sig.Ends() || sig == signals.KILL {
		return false
	}
	var forking []*Member
	for _, m := range s.members {
		m.blocksSignal, m.keptFrozen = false, false
		if m.active && s.account.Remains(m) && s.mayBlock(m, sig) {
			var all bool
			// A process blocks all signals only during a fork.
			if m.blocksSignal, all = s.k.Blocks(m.stat.ID, sig); all {
				forking = append(forking, m)
			}
		}
	}
	for _, m := range forking {
		// A member that is repeatedly caught mid-fork together with others is part of a fork bomb: keep it frozen
		// until KILL, which cannot be blocked.
		m.keptFrozen = m.restops >= keptAfter && len(forking) > 1
		willResume = willResume || !m.keptFrozen
	}
	return willResume
}

// mayBlock reports whether the member can have sig blocked. The mask in the last scan is final: a stopped process
// cannot change it.
func (s *Stopped) mayBlock(m *Member, sig signals.Signal) bool {
	st := s.entry(m)
	return st == nil || sig > 31 || st.Blocked>>(sig-1)&1 != 0
}

// AllKeptFrozen reports whether all members that remain, which are that many, are kept frozen. Then there is nothing to
// wait for.
func (s *Stopped) AllKeptFrozen(remaining int) bool {
	kept := 0
	for _, m := range s.members {
		if s.account.Remains(m) {
			kept++
		}
	}
	return kept > 0 && kept == remaining
}
