package escalate

import (
	"cmp"
	"errors"
	"time"

	"killbox/internal/signals"
	"killbox/procfs"
)

// stop sends SIGSTOP to those who are not stopped yet, after the guardian has
// been told of them.
func (t *tree) stop(list []*Result) error {
	var ids []procfs.ID
	var running []*Result
	for _, res := range list {
		if res.Outcome != Survived || res.Last || res.frozen {
			continue
		}
		st := t.snap.Lookup(res.PID)
		if st == nil || st.ID != res.ID || st.Gone() {
			continue
		}
		if st.Stopped() {
			res.stopped = true // by somebody else: ours to wake only if it is to die
			continue
		}
		res.active = st.State != 'S'
		running = append(running, res)
		ids = append(ids, res.ID)
	}
	if len(ids) > 0 {
		if err := t.tellGuardian(func() error { return t.r.k.GuardianAdd(ids) }); err != nil {
			return err
		}
	}
	for _, res := range running {
		if err := t.r.k.Interrupted(); err != nil {
			return err
		}
		t.halt(res)
	}
	return nil
}

// halt sends SIGSTOP to one that the guardian knows of.
func (t *tree) halt(res *Result) {
	// Marked first: should this call be the last thing that works, it is
	// thawed.
	res.frozen, res.settled = true, false
	t.frozen = append(t.frozen, res)
	err := t.r.k.Signal(res.ID, signals.STOP)
	if err == nil {
		return
	}
	res.frozen = false
	t.frozen = t.frozen[:len(t.frozen)-1]
	if errors.Is(err, procfs.ErrNoProcess) {
		t.noteEnded(&res.Stat)
		t.r.leave(res, true)
		return
	}
	res.Outcome, res.Err = Refused, err
	t.r.open--
	t.r.obs.Failed(res, err)
}

// lull gives those who were told to stop the time for it, for at most as long as a large table takes to read: to read it
// all again and again would take that time from them. Nothing is concluded from it.
func (t *tree) lull() {
	began := time.Now()
	pause := 50 * time.Microsecond
	var waiting []*Result
	for _, res := range t.frozen {
		if !res.settled {
			waiting = append(waiting, res)
		}
	}
	for i := len(waiting) - 1; i >= 0; {
		res := waiting[i]
		st, err := t.r.k.Stat(res.ID)
		if err == nil && (st.Stopped() || st.Traced()) {
			res.settled = t.halted(res, &st)
		}
		if err != nil || res.settled || st.State != 'R' && st.State != 'S' && st.State != 'T' && !(st.State == 'D' && res.forking) {
			i--
			continue
		}
		if time.Since(began) > lullLimit {
			return
		}
		t.r.k.Pause(pause)
		pause = min(2*pause, time.Millisecond)
	}
}

// halted tells whether those threads are held that st does not show the state of.
func (t *tree) halted(res *Result, st *procfs.Stat) bool {
	return st.Threads <= 1 || t.r.k.Halted(res.ID)
}

// stateOf returns the ID of the thread whose state st shows.
func stateOf(st *procfs.Stat) procfs.ID {
	return procfs.ID{PID: cmp.Or(st.Thread, st.PID), Start: st.Start}
}

const lullLimit = 250 * time.Millisecond

// settle counts the frozen members that were not held when the last reading
// began: who has stopped since may have finished a fork before, whose child is
// not in it.
func (t *tree) settle() (running int) {
	var woken, asleep []*Result
	for _, res := range t.frozen {
		st := t.snap.Lookup(res.PID)
		if res.settled {
			if st != nil && st.ID == res.ID && (st.State == 'R' || st.State == 'S') {
				// Somebody else woke it.
				res.settled, t.restless = false, true
				running++
				woken = append(woken, res)
			}
			continue
		}
		switch {
		case st == nil || st.ID != res.ID || st.Gone():
			// It exited with our SIGSTOP pending.
			res.settled = true
			t.noteEnded(&res.Stat)
		case st.Hidden():
			// /proc shows neither whether it has stopped nor a child that it forked before.
			res.settled, t.restless = true, true
		case st.Stopped() || st.Traced():
			res.settled = t.halted(res, st)
			running++
		case st.State == 'Z':
			// All threads have exited, and a debugger has yet to collect one.
			t.restless = true
			res.settled = t.halted(res, st)
			running++
		case st.State == 'D':
			// It may be in the middle of a fork, waiting for one of the
			// kernel's locks, and it will finish that before it stops. The
			// parent of a vfork waits for a child that we hold: that one
			// cannot be seen to have stopped, so the proof is asked for.
			t.restless = true
			asleep = append(asleep, res)
		default:
			running++
		}
	}
	for _, res := range woken {
		if err := t.r.k.Signal(res.ID, signals.STOP); err != nil && !errors.Is(err, procfs.ErrNoProcess) {
			t.r.obs.Failed(res, err)
		}
	}
	for i, res := range asleep {
		// Very many are a fork bomb's, whatever they wait for.
		st := t.snap.Lookup(res.PID)
		res.forking = i >= 64 || !t.r.k.Vforks(stateOf(st)) || !t.halted(res, st)
		if res.forking {
			running++
		}
	}
	return running
}
