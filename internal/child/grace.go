package child

import (
	"slices"
	"time"

	"killbox/internal/duration"
	"killbox/internal/escalate"
)

// startGrace is called when this process has received TERM, before TERM is forwarded. It begins the grace period, which
// is the first step of the ladder: at its end the remaining processes, the command included, are ended by the further
// steps.
func (s *Supervisor) startGrace() {
	if !s.termStartsGrace() {
		s.containerStops = true
		return
	}
	if s.began.IsZero() {
		s.began = time.Now()
	}
	if s.graceEnd.IsZero() && s.Ladder[0].Grace != duration.Forever {
		s.graceEnd = s.began.Add(s.termGrace())
	}
}

// termStartsGrace reports whether a forwarded TERM begins the grace period. It does not if this process is the init of
// a container (PID 1, or Init is set), which waits for the command however long the command takes to exit. As PID 1
// without Init, a forwarded TERM does begin it if the caller chose a ladder. With --pidns the inner
// half of a pair is PID 1, but it is not the init of a container.
func (s *Supervisor) termStartsGrace() bool {
	return !s.Init && (s.PID != 1 || s.LadderGiven || s.Inner)
}

// termGrace returns the length of the grace period: the wait of the first step, and 4/5 of that wait if the caller did
// not choose a ladder. The sender of the TERM, such as killwait, may follow the same default ladder and send KILL to
// this process. By then the descendants must be gone, because nothing else ends them.
func (s *Supervisor) termGrace() time.Duration {
	grace := s.Ladder[0].Grace
	if !s.LadderGiven {
		grace -= grace / 5
	}
	return grace
}

// remainingLadder returns the ladder for the remaining processes, and the number of its steps that are over. A
// forwarded TERM counts as the first step: its wait is shortened by the time since then, and the step is over when the
// grace period is over. A ladder of one step is repeated: the descendants have not been sent its signal.
func (s *Supervisor) remainingLadder() (ladder escalate.Ladder, done int) {
	if s.graceEnd.IsZero() {
		return s.Ladder, 0
	}
	if s.graceOver && len(s.Ladder) > 1 {
		return s.Ladder, 1
	}
	ladder = slices.Clone(s.Ladder)
	if !s.graceOver {
		ladder[0].Grace = max(time.Until(s.graceEnd), 0)
	}
	return ladder, 0
}
