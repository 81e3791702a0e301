package escalate

import (
	"time"

	"killbox/internal/freeze"
	"killbox/internal/signals"
	"killbox/procfs"
)

// Outcome is the state of a target at the end of the call.
type Outcome int

// The outcomes.
const (
	Survived Outcome = iota // not gone; during the call, also the state of every target that remains
	Gone                    // all its threads have exited
	Refused                 // could not be signalled; Result.Err is the cause
	Exists                  // alive, and the plan was not to end it (signal 0, FreezeOnly)
)

// Result is what happened to one target.
type Result struct {
	Target
	Outcome Outcome
	// Evidence is why an orphan was attributed to the tree; empty for any other process.
	Evidence string
	// Rung is the number of the last step whose signal the target was sent, from 1; 0 if none.
	Rung int
	// Elapsed is the time from the start of the call until the target was gone.
	Elapsed time.Duration
	Err     error
	// Status is the exit status, StatusErr the error if it is not known. Both are nil without Plan.Status.
	Status    *signals.Status
	StatusErr error

	reaped bool
	member freeze.Member
}

// Orphan is an orphan that existed before the call, has the image of a member, and was not attributed to the tree
// because the plan did not ask for that.
type Orphan struct {
	procfs.Stat
	Member procfs.ID
}

// Summary is the result of the call.
type Summary struct {
	Results []*Result
	// Rung is the highest number of a step whose signal was sent, from 1.
	Rung int
	// Proved is false if a process may have escaped. Doubt is the reason, as a text for the user.
	Proved bool
	Doubt  string
	// LimitReached: the call ended because its time limit was reached.
	LimitReached bool
	// Failed: a process or the cgroup could not be resumed, and may still be frozen.
	Failed bool
	// Refused: the kernel refused to signal a group that exists and has no visible member.
	Refused bool
	// Orphans are the orphans that were not attributed, because the plan did not ask for that.
	Orphans []Orphan
	Elapsed time.Duration // of the whole call
}

// Count returns the number of results with the outcome o.
func (s *Summary) Count(o Outcome) int {
	n := 0
	for _, r := range s.Results {
		if r.Outcome == o {
			n++
		}
	}
	return n
}

// newResult returns a result for a target that remains.
func newResult(t Target) *Result {
	res := &Result{Target: t}
	res.member = freeze.NewMember(&res.Stat)
	return res
}

// LastSignal returns the last signal that the target was sent, or 0 if it was sent none.
func (p *Plan) LastSignal(res *Result) signals.Signal {
	if p.WaitOnly || res.Rung == 0 {
		return 0
	}
	return p.Ladder[res.Rung-1].Signal
}
