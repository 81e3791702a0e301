package child

import (
	"time"

	"killbox/internal/duration"
	"killbox/internal/escalate"
)

// startGrace starts the clock of the ladder after a TERM was forwarded.
func (s *Supervisor) startGrace() {
	switch {
	case !s.termStartsGrace():
		s.containerStops = true
	case s.graceEnd.IsZero() && s.Ladder[0].Grace != duration.Forever:
		s.graceEnd = time.Now().Add(s.termGrace())
	}
}

// termStartsGrace reports whether a TERM that was forwarded starts the clock of the ladder. An init does not end the main
// program of a container unless the caller chose a ladder.
func (s *Supervisor) termStartsGrace() bool {
	return !s.Init && (s.PID != 1 || s.LadderGiven)
}

// termGrace returns how long the command may take after a TERM that was forwarded: the grace of the first step. The
// default is shortened by a fifth, because the sender of the TERM, such as killwait, may be about to send a KILL to this
// process, which would leave the descendants behind.
func (s *Supervisor) termGrace() time.Duration {
	grace := s.Ladder[0].Grace
	if !s.LadderGiven {
		grace -= grace / 5
	}
	return grace
}

// remainingLadder returns the ladder without the time that has passed since a TERM was forwarded: that was its first
// step.
func (s *Supervisor) remainingLadder() escalate.Ladder {
	if s.graceEnd.IsZero() {
		return s.Ladder
	}
	ladder := append(escalate.Ladder(nil), s.Ladder...)
	switch {
	case !s.graceOver:
		ladder[0].Grace = max(time.Until(s.graceEnd), 0)
	case len(ladder) > 1:
		ladder = ladder[1:]
	}
	return ladder
}
