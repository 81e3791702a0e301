package freeze

import (
	"math"
	"slices"
	"time"
)

// A parent that waits for stopped children as well (WUNTRACED in waitpid(2)), such as su(1) and script(1), stops itself
// when a child has stopped, and expects to be resumed after its child. So children are resumed before their parents:
// SIGCONT takes back the news that they have stopped. A parent that had the news before it was stopped itself stops
// after it was resumed. It is found by looking again, and resumed once more. A process that others have stopped
// meanwhile cannot be told from it, so only members with children are resumed again, and each once.

// lateLooks are the times, after the members were resumed, at which they are looked at again.
var lateLooks = [...]time.Duration{5 * time.Millisecond, 20 * time.Millisecond, 80 * time.Millisecond}

// lateResume is what ResumeLate looks at.
type lateResume struct {
	members []*Member // that were resumed, and a child of which was
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
		l.members = slices.DeleteFunc(l.members, s.resumeStopped)
	}
	l.members = nil
	return limit
}

// resumeStopped resumes the member if it has stopped. It reports whether no further look at the member is needed.
func (s *Stopped) resumeStopped(m *Member) (over bool) {
	if s.account.IsGone(m) {
		return true
	}
	st, err := s.k.Stat(m.stat.ID)
	if err != nil || !st.Stopped() {
		return err != nil
	}
	if err := s.resumeMember(m); err != nil {
		s.account.NotResumed(m, err)
	}
	return true
}

// parentsIn returns the members of the list that are the parent of another one.
func parentsIn(list []*Member) (parents []*Member) {
	pids := make(map[int]bool)
	for _, m := range list {
		pids[m.stat.PPID] = true
	}
	for _, m := range list {
		if pids[m.stat.PID] {
			parents = append(parents, m)
		}
	}
	return parents
}

// finishLate takes all looks that are left.
func (s *Stopped) finishLate() {
	s.late.members = slices.DeleteFunc(s.late.members, s.account.IsGone)
	for len(s.late.members) > 0 {
		if until := s.ResumeLate(math.MaxInt64); len(s.late.members) > 0 {
			s.k.Pause(until)
		}
	}
}
