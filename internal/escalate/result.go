package escalate

import (
	"time"

	"killbox/internal/freeze"
	"killbox/internal/signals"
)

// Outcome is what became of a target.
type Outcome int

// The outcomes.
const (
	Survived Outcome = iota // not gone after the last step
	Gone                    // all its threads have exited
	Refused                 // could not be signalled: Result.Err says why
	Exists                  // signal 0 found it
)

// Result is the account of one target.
type Result struct {
	Target
	Outcome Outcome
	// Rung is the number of the last step whose signal it was sent, from 1.
	Rung int
	// Elapsed is the time from the start of the call to its end.
	Elapsed time.Duration
	Err     error
	// Status is how it ended; StatusErr why that is not known. Both are nil if that was not asked for.
	Status    *signals.Status
	StatusErr error

	reaped bool
	member freeze.Member
}

// Summary is the account of the call.
type Summary struct {
	Results []*Result
	// Rung is the highest that was used, from 1.
	Rung int
	// Proved is false if something may have escaped the freeze; Doubt says what is known about it.
	Proved bool
	Doubt  string
	// LimitReached: the limit of the whole call cut it short.
	LimitReached bool
	// Failed: a process may have been left frozen.
	Failed bool
	// Refused: a group exists that may not be signalled, and none of its members can be seen.
	Refused bool
	Elapsed time.Duration
}

// Count returns how many results have that outcome.
func (s *Summary) Count(o Outcome) int {
	n := 0
	for _, r := range s.Results {
		if r.Outcome == o {
			n++
		}
	}
	return n
}

// newResult returns the result of a target of which nothing has become yet.
func newResult(t Target) *Result {
	res := &Result{Target: t}
	res.member = freeze.NewMember(&res.Stat)
	return res
}

// LastSignal returns the signal that a target of the plan was sent last, 0 if it was sent none.
func (p *Plan) LastSignal(res *Result) signals.Signal {
	if p.WaitOnly || res.Rung == 0 {
		return 0
	}
	return p.Ladder[res.Rung-1].Signal
}
