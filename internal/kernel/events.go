package kernel

import (
	"slices"

	"killbox/internal/child"
	"killbox/internal/signals"
)

// enqueue adds a signal to the queue, from which addQueued makes events.
func (q *reaper) enqueue(sig signals.Signal) {
	q.mu.Lock()
	q.queue = append(q.queue, sig)
	q.mu.Unlock()
}

// add adds an event. CONT discards the events of each TSTP before it, as the kernel discards a pending TSTP (signal(7)):
// its sender expects this process to run afterwards.
func (q *reaper) add(e *child.Event) {
	if e.IsSignal(signals.CONT) {
		q.discardStopEvents(len(q.events))
	}
	q.events = append(q.events, *e)
}

// discardStopEvents discards each TSTP among the first n events that WaitAndReap has not returned.
func (q *reaper) discardStopEvents(n int) {
	kept := slices.DeleteFunc(q.events[:n], func(e child.Event) bool { return e.IsSignal(signals.TSTP) })
	q.events = append(kept, q.events[n:]...)
}

// addQueued adds events for the queued signals.
func (q *reaper) addQueued() {
	q.mu.Lock()
	for _, sig := range q.queue {
		q.add(&child.Event{Kind: child.Signal, Signal: sig})
	}
	q.queue = q.queue[:0]
	q.mu.Unlock()
}

// resumes reports whether a CONT was caught that WaitAndReap has not returned.
func (q *reaper) resumes() bool {
	q.addQueued()
	for i := range q.events {
		if q.events[i].IsSignal(signals.CONT) {
			return true
		}
	}
	return false
}
