package freeze

import (
	"errors"
	"time"

	"killbox/internal/signals"
	"killbox/procfs"
)

// ResumeAfter resumes the members, all of which have sig pending. A signal that stops processes leaves them stopped.
// With more, a further step of the ladder follows, so that members caught mid-fork can be kept frozen until then.
func (s *Stopped) ResumeAfter(sig signals.Signal, more bool) {
	if sig.Stops() {
		// Stopped is what the user asked for: a SIGCONT would take it back.
		for _, m := range s.members {
			m.frozen = false
		}
		s.members = s.members[:0]
		s.clearGuardian()
	}
	// After the last step no signal follows that a member kept frozen could not block.
	s.resume(sig.Ends() && sig != signals.KILL && more)
}

// ResumeAll resumes all members, those kept frozen included.
func (s *Stopped) ResumeAll() { s.resume(false) }

// resume resumes all members, except with keep those that are to be kept frozen.
func (s *Stopped) resume(keep bool) {
	kept := s.members[:0]
	var failed []func()
	for _, m := range s.members {
		if keep && m.keptFrozen {
			kept = append(kept, m)
			continue
		}
		m.frozen = false
		if s.account.IsGone(m) {
			continue // and closed
		}
		if err := s.resumeMember(m); err != nil {
			failed = append(failed, func() { s.account.NotResumed(m, err) })
		}
	}
	s.members = kept
	defer func() {
		// Told last: whatever the telling does, all members have been resumed.
		for _, tell := range failed {
			tell()
		}
	}()
	if failed == nil {
		// After a failure the guardian keeps its list, and tries again. Otherwise the list is cleared, also
		// of members that have ended: their PIDs may be reused.
		s.clearGuardian()
	}
	s.freezer.EndBoost()
}

// resumeMember sends SIGCONT to a member. While that takes descriptors or memory that are not available it tries again,
// for at most resumeLimit.
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
		// Other processes have taken all descriptors or memory of the machine.
		s.k.Pause(time.Millisecond)
	}
}

const resumeLimit = 5 * time.Second

func (s *Stopped) clearGuardian() {
	// Members kept frozen must be on the list of the guardian at every instant. Entries for running ones are
	// harmless.
	if len(s.members) == 0 {
		s.freezer.GuardianClear()
	}
}
