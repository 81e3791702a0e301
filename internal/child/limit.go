package child

import (
	"time"

	"killbox/internal/escalate"
	"killbox/procfs"
)

// LimitReporter prints that the time limit was reached.
type LimitReporter interface {
	// LimitReached reports the limit, and how many processes were ended, the command included. If exact is false,
	// there may have been more.
	LimitReached(limit time.Duration, ended int, exact bool)
}

// limitApplies reports whether reaching the deadline ends the wait: it limits the command and, with Linger, the
// remaining processes.
func (s *Supervisor) limitApplies() bool {
	return !s.Deadline.IsZero() && (s.Command != 0 || s.Linger)
}

// reportLimit reports that the time limit was reached.
func (s *Supervisor) reportLimit() {
	if s.TimedOut {
		none := s.ReapRemaining()
		s.Reporter.LimitReached(s.Limit, s.ended.count(none), !s.ended.unseen)
	}
}

// endedCount counts the processes that the ladder ends.
type endedCount struct {
	// signalled are the processes that were sent a signal; the value is true for those that remain.
	signalled map[procfs.ID]bool
	// unseen: the ladder has signalled without a scan, and reaped is the number of children reaped since. What other
	// processes have reaped is not known.
	unseen bool
	reaped int
}

// add adds the processes of a run of the ladder. It replaces what an earlier run said of those that remain: a process
// that is not in the later run has ended between the two.
func (c *endedCount) add(sum *escalate.Summary) {
	if c.signalled == nil {
		c.signalled = make(map[procfs.ID]bool)
	}
	for id := range c.signalled {
		c.signalled[id] = false
	}
	for _, res := range sum.Results {
		if res.Rung > 0 {
			c.signalled[res.ID] = res.Outcome != escalate.Gone
		}
	}
}

// count returns the number of processes that have ended after a signal. none says that no process remains.
func (c *endedCount) count(none bool) int {
	if c.unseen {
		return c.reaped
	}
	n := 0
	for _, remains := range c.signalled {
		if none || !remains {
			n++
		}
	}
	return n
}
