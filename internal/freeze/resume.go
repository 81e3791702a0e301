package freeze

import (
	"errors"
	"slices"
	"time"

	"killbox/internal/signals"
	"killbox/procfs"
)

// ResumeAfter resumes the members after all of them have been sent sig. After a signal that stops processes, such as
// TSTP, the members stay stopped. more says that a further step of the ladder follows: then members that are part of a
// fork bomb are kept frozen until that step.
func (s *Stopped) ResumeAfter(sig signals.Signal, more bool) {
	if sig.Stops() {
		// The user asked for stopped processes, so send no SIGCONT, and do not let the guardian send it.
		for _, m := range s.members {
			m.frozen = false
		}
		s.members = s.members[:0]
		s.clearGuardian()
	}
	// After the last step no signal follows, so a member that is kept frozen would stay frozen for ever.
	s.resume(sig.Ends() && sig != signals.KILL && more)
}

// ResumeAll resumes all members, including those that are kept frozen. It returns when they need not be looked at again.
func (s *Stopped) ResumeAll() {
	if len(s.members) > 0 || s.late.members == nil { // otherwise resume would drop the looks that are left
		s.resume(false)
	}
	s.finishLate()
}

// resume resumes all members, children first. With keep it leaves out members that are marked as kept frozen.
func (s *Stopped) resume(keep bool) {
	var kept []*Member
	var failed []func()
	var resumed []*Member
	for _, m := range slices.Backward(s.members) {
		if keep && m.keptFrozen {
			kept = append(kept, m)
			continue
		}
		m.frozen = false
		if s.account.IsGone(m) {
			continue // the caller has closed it, so it cannot be signalled
		}
		if err := s.resumeMember(m); err != nil {
			failed = append(failed, func() { s.account.NotResumed(m, err) })
			continue
		}
		resumed = append(resumed, m)
	}
	s.late = lateResume{members: parentsIn(resumed), began: time.Now()}
	slices.Reverse(kept)
	s.members = kept
	defer func() {
		// Report after all members have been resumed, because a report may panic.
		for _, tell := range failed {
			tell()
		}
	}()
	if failed == nil {
		// Clear the list of the guardian: PIDs of members that have ended may be reused. If a member was not
		// resumed, keep the list: StopGuardian makes the guardian try again.
		s.clearGuardian()
	}
	s.freezer.EndBoost()
}

// resumeMember sends SIGCONT to a member. If descriptors or memory are not available (EMFILE, ENFILE, ENOMEM), it tries
// again for at most resumeLimit.
func (s *Stopped) resumeMember(m *Member) error {
	began := time.Now()
	for {
		err := s.k.Signal(m.stat.ID, signals.CONT)
		switch {
		case err == nil || errors.Is(err, procfs.ErrNoProcess):
			return nil
		case !procfs.Exhausted(err) || time.Since(began) > resumeLimit:
			return err
		}
		s.k.Pause(time.Millisecond)
	}
}

// resumeLimit is how long resumeMember tries to resume one member.
const resumeLimit = 5 * time.Second

// clearGuardian empties the list of the guardian, if no member is frozen any more.
func (s *Stopped) clearGuardian() {
	// Members that are kept frozen must stay on the list at every instant. Entries for running members are
	// harmless.
	if len(s.members) == 0 {
		s.freezer.GuardianClear()
	}
}
