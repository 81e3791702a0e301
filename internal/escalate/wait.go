package escalate

import (
	"time"

	"killbox/internal/duration"
	"killbox/procfs"
)

// waiter waits for the end of the targets.
type waiter struct {
	k     Waiter
	acc   *account
	scope waiterScope
	watch watcher // nil if the scope is not scanned during a wait
}

// waiterScope has methods of scope.
type waiterScope interface {
	// If allKeptFrozen returns true, waiting is useless.
	allKeptFrozen() bool
	noteEnd([]procfs.ID)
	resumeLate(limit time.Duration) time.Duration
}

// watcher is a scope that is scanned during a wait.
type watcher interface {
	// scanIfDue scans the scope if it is time for that. It returns the time until the next scan, at most limit.
	scanIfDue(limit time.Duration) (time.Duration, error)
}

func newWaiter(acc *account, s waiterScope) *waiter {
	watch, _ := s.(watcher)
	return &waiter{k: acc.call.Kernel, acc: acc, scope: s, watch: watch}
}

// wait waits until no target remains that the step is for, for at most grace. over reports that the whole call is over:
// its limit is reached, or as many targets are gone as Plan.Count asks for.
func (w *waiter) wait(grace time.Duration) (over bool, err error) {
	began := time.Now()
	tick := w.acc.call.Observer.Tick()
	for w.acc.awaitsAny() && !w.acc.isEnough() && !w.scope.allKeptFrozen() {
		remaining := duration.Forever
		if grace != duration.Forever {
			remaining = grace - time.Since(began)
		}
		limited := false
		if l := w.acc.remainingTime(); l < remaining {
			remaining, limited = l, true
		}
		timeout := max(remaining, 0)
		if tick > 0 {
			timeout = min(timeout, tick)
		}
		n, err := w.waitOnce(timeout)
		if err != nil {
			return true, err
		}
		if n > 0 {
			continue
		}
		if remaining <= timeout {
			w.acc.setLimitReached(limited)
			return limited, nil
		}
		w.acc.call.Observer.Waiting(w.progress(remaining, limited))
	}
	return w.acc.isEnough(), nil
}

// firstLook is the time after the first signal at which the observer receives FirstWait. By then a process has read a
// blocked signal from a signalfd(2) if it does so, and a process that blocks signals around a fork(2) has unblocked
// them.
const firstLook = 100 * time.Millisecond

// waitFirst begins the wait of the first step: it waits for firstLook, and calls Observer.FirstWait if targets remain.
// It does nothing on later steps, or if the step is not longer than that.
func (w *waiter) waitFirst(step Step) (over bool, err error) {
	if w.acc.rung != 1 || step.Grace <= firstLook {
		return false, nil
	}
	if over, err := w.wait(firstLook); over || err != nil || !w.acc.awaitsAny() {
		return over, err
	}
	w.acc.reportFirstWait()
	return false, nil
}

// waitOnce waits until a target ends or is reaped, for at most timeout. n is the number of processes that ended or were
// reaped; 0 if none did before the timeout.
func (w *waiter) waitOnce(timeout time.Duration) (n int, err error) {
	for began := time.Now(); ; {
		remaining := max(timeout-time.Since(began), 0)
		pause := remaining
		if w.watch != nil {
			if pause, err = w.watch.scanIfDue(remaining); err != nil {
				return 0, err
			}
		}
		pause = w.scope.resumeLate(pause)
		gone, reaped, err := w.k.Wait(pause)
		if err != nil {
			return 0, err
		}
		w.scope.noteEnd(gone)
		w.acc.markAllGone(gone, false)
		w.acc.markAllGone(reaped, true)
		if n = len(gone) + len(reaped); n > 0 || pause == remaining {
			return n, nil
		}
	}
}

// progress returns the state of the wait for the observer.
func (w *waiter) progress(remaining time.Duration, limited bool) Progress {
	p := Progress{Total: w.acc.open + w.acc.gone, Gone: w.acc.gone, Elapsed: time.Since(w.acc.start), In: remaining}
	if !limited {
		p.Next = w.acc.call.signalAfter(w.acc.rung)
	}
	return p
}
