package escalate

import (
	"time"

	"killbox/internal/signals"
)

// Observer receives the events of a call, in order and from one goroutine.
type Observer interface {
	// Signalled: the signal s was sent on step number rung, at the given time after the start of the call.
	Signalled(r *Result, s signals.Signal, rung int, elapsed time.Duration)
	// Attributed: an orphan is attributed to the tree, for the reason in Result.Evidence.
	Attributed(*Result)
	// Gone: the target is gone.
	Gone(*Result)
	// Failed: an operation failed. r is nil if the failure concerns the whole call.
	Failed(r *Result, err error)
	// Skipped: a process is excluded.
	Skipped(Skip)
	// Frozen: a plan with FreezeOnly has frozen these targets. It is called once.
	Frozen([]*Result)
	WaitObserver
}

// WaitObserver receives the progress of a wait.
type WaitObserver interface {
	// FirstWait is called 100 ms after the first signal if targets remain and the first step takes longer.
	FirstWait(*FirstWait)
	// Waiting is called after each Tick during which no target ended.
	Waiting(Progress)
	// Tick returns the time between calls of Waiting; 0 means that it is never called.
	Tick() time.Duration
}

// FirstWait describes the first step when it has not ended all targets.
type FirstWait struct {
	Results []*Result
	// Mixed: the next step is for all members, and this one was for the masters alone.
	Mixed bool
	// Groups: the targets are the members of process groups.
	Groups bool
	Step
	// Next is the signal of the next step, 0 if none follows. Limit is the limit of the whole call, 0 for none.
	Next  signals.Signal
	Limit time.Duration
}

// Progress is the state of a wait.
type Progress struct {
	Total, Gone int           // numbers of targets; Total leaves out those that could not be signalled
	Elapsed     time.Duration // since the start of the call
	// Next is the signal of the next step; 0 if no step follows, or if the limit of the call ends the wait. In is
	// the time until the wait ends; duration.Forever if it has no limit.
	Next signals.Signal
	In   time.Duration
}
