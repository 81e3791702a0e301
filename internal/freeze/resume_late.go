package freeze

import (
	"math"
	"time"
)

// A parent that waits for stopped children as well (WUNTRACED in waitpid(2)), such as su(1) and script(1), stops itself
// when a child has stopped, and expects to be resumed after its child. So children are resumed before their parents:
// SIGCONT takes back the news that they have stopped. A parent that had the news before it was stopped itself stops
// after it was resumed. It is found by looking again, and resumed once more.

// lateLooks are the times, after the members were resumed, at which they are looked at again.
var lateLooks = [...]time.Duration{5 * time.Millisecond, 20 * time.Millisecond, 80 * time.Millisecond}

// lateResume is what ResumeLate looks at.
type lateResume struct {
	members []*Member // that were resumed
	began   time.Time // when they were resumed
	looks   int       // that have been taken
}

// ResumeLate resumes the members again that have stopped since they were resumed, if it is time to look at them. It
// returns the time until the next look, at most limit.
func (s *Stopped) ResumeLate(limit time.Duration) time.Duration {
	l := &s.late
	for ; len(l.members) > 0 && l.looks < len(lateLooks); l.looks++ {
		if until := lateLooks[l.looks] - time.Since(l.began); until > 0 {
			return min(until, limit)
		}
		for _, m := range l.members {
			if s.account.IsGone(m) {
				continue
			}
			if st, err := s.k.Stat(m.stat.ID); err != nil || !st.Stopped() {
				continue
			}
			if err := s.resumeMember(m); err != nil {
				s.account.NotResumed(m, err)
			}
		}
	}
	l.members = nil
	return limit
}

// finishLate takes all looks that are left.
func (s *Stopped) finishLate() {
	for s.late.members != nil {
		if until := s.ResumeLate(math.MaxInt64); s.late.members != nil {
			s.k.Pause(until)
		}
	}
}
