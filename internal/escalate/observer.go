package escalate

import (
	"time"

	"killbox/internal/signals"
)

// Observer is told what happens, in order, from one goroutine.
type Observer interface {
	Signalled(r *Result, s signals.Signal, rung int, elapsed time.Duration)
	Gone(*Result)
	// Failed reports what did not work; r is nil if it concerns the call.
	Failed(r *Result, err error)
	Skipped(Skip)
	// Frozen is told, once, which targets a plan that only freezes has frozen.
	Frozen([]*Result)
	WaitObserver
}

// WaitObserver is told of the time that passes.
type WaitObserver interface {
	// Waiting is called while nothing else happens, every Tick.
	Waiting(Progress)
	// Tick is how often Waiting wants to be called; 0 is never.
	Tick() time.Duration
}

// Progress is the state of a wait.
type Progress struct {
	Total, Gone int
	Elapsed     time.Duration
	// Next is the signal of the next step, 0 if there is none, and In the time until then (duration.Forever if there
	// is no limit).
	Next signals.Signal
	In   time.Duration
}
