package escalate

import (
	"errors"
	"time"

	"killbox/internal/signals"
	"killbox/procfs"
)

// maxShakes bounds how often those are shaken who block the signal. Who
// blocks it now and then is met at another moment sooner or later; who blocks
// it for good does not die of it either.
const maxShakes = 8

// shakeFor is how long somebody runs on the first time; the next times are twice as long each, up to 16 ms.
const (
	shakeFor   = time.Millisecond
	maxDoubled = 4
)

// shake lets those members run on for a moment who were stopped in action
// with sig blocked, and returns whether there were any. The C library, shells
// and perl block signals around fork(2): thawed with the signal pending, such
// a process would fork first and die of the signal right after, and nobody
// could tell any more whose child the newborn is.
func (t *tree) shake(sig signals.Signal) bool {
	t.findBlocking(sig)
	rest := t.frozen[:0]
	var shaken []*Result
	for _, res := range t.frozen {
		if res.blocks && !res.held {
			res.shaken++
			shaken = append(shaken, res)
		} else {
			rest = append(rest, res)
		}
	}
	t.frozen = rest
	for _, res := range shaken {
		res.frozen = false
		if err := t.r.k.Signal(res.ID, signals.CONT); err != nil && !errors.Is(err, procfs.ErrNoProcess) {
			t.r.obs.Failed(res, err)
		}
	}
	if len(shaken) > 0 {
		// With one processor nobody would get to run before us.
		t.r.k.Pause(shakeFor << min(shaken[0].shaken-1, maxDoubled))
	}
	for _, res := range shaken {
		t.halt(res)
	}
	return len(shaken) > 0
}

// findBlocking notes who blocks sig, and who of them is to be held. It returns true when
// somebody is in the middle of a fork and is not.
func (t *tree) findBlocking(sig signals.Signal) (loose bool) {
	if !sig.Ends() || sig == signals.KILL {
		return false
	}
	var forking []*Result
	for _, res := range t.frozen {
		res.blocks, res.held = false, false
		if res.active && res.Outcome == Survived && t.mayBlock(res, sig) {
			var all bool
			// Nobody blocks all signals but for the time of a fork.
			if res.blocks, all = t.r.k.Blocks(res.ID, sig); all {
				forking = append(forking, res)
			}
		}
	}
	for _, res := range forking {
		// Who is met in one again and again, and not alone, does nothing
		// else: a fork bomb, held until a signal that it cannot block.
		res.held = res.shaken >= heldAfter && len(forking) > 1
		loose = loose || !res.held
	}
	return loose
}

// mayBlock is false for who is seen by the last reading to block nothing of the kind: it is stopped, so that holds still.
func (t *tree) mayBlock(res *Result, sig signals.Signal) bool {
	st := t.snap.Lookup(res.PID)
	return st == nil || st.ID != res.ID || sig > 31 || st.Blocked>>(sig-1)&1 != 0
}

// heldAfter is how often a process is met in a fork before it is held.
const heldAfter = 2
