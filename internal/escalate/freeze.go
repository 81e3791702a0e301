package escalate

import (
	"math"
	"time"

	"killbox/internal/signals"
	"killbox/procfs"
)

// tree finds, stops and thaws what the targets stand for.
//
// A stopped process cannot fork, but one that was told to stop may still
// finish the fork it is in: since Linux 4.20 a fork is no longer restarted
// because a signal came in (kernel/fork.c, copy_process). So a member counts
// as held only once it has been seen stopped, and the reading of /proc that
// finds nobody new must begin after that.
type tree struct {
	freezer

	snap     procfs.Snapshot
	scanned  bool
	groups   map[int]bool       // groups given as operands that existed after the last scan
	known    map[procfs.ID]bool // every member ever opened, roots included
	sessions map[int]bool       // sessions that members lead or have led
	roots    []procfs.ID
	named    map[procfs.ID]bool
	skipped  map[procfs.ID]bool

	frozen   []*Result // stopped by us and not thawed
	restless bool      // somebody vanished, or was born, while we froze
	proved   bool
	unseen   bool // /proc hides a member, and so possibly its children
	missed   bool // the last reading showed a member that could not be opened, or a group without any

	// unconfirmed are the members and roots whose PID may have been reused, or may still be, within
	// the clock tick of their start: another process can have the same ID. See confirm.
	unconfirmed map[procfs.ID]procfs.Stat // as they were opened
	disowned    map[procfs.ID]bool        // those whose PID was reused, as far as is known

	// What the first reading of this freeze showed, to tell who was born
	// since.
	before   map[procfs.ID]bool
	siblings map[int]bool // children of the roots' ancestors before the first scan; nil if unknown
	orphaned uint64       // the earliest start of a member that ended before it was stopped; see noteEnded
	adopters map[int]bool // ancestors of the roots: who gets their orphans
}

func newTree(r *run) *tree {
	t := &tree{
		freezer:  newFreezer(r),
		known:    make(map[procfs.ID]bool),
		sessions: make(map[int]bool),
		named:    make(map[procfs.ID]bool, len(r.plan.Targets)),
		skipped:  make(map[procfs.ID]bool),

		unconfirmed: make(map[procfs.ID]procfs.Stat, len(r.plan.Targets)),
		disowned:    make(map[procfs.ID]bool),

		proved:   true,
		restless: r.plan.Tree != nil && r.plan.Tree.Restless,
	}
	for _, target := range r.plan.Targets {
		t.roots = append(t.roots, target.ID)
		t.named[target.ID], t.unconfirmed[target.ID] = true, target.Stat
		t.unseen = t.unseen || target.Hidden()
		if target.SID == target.PID {
			t.sessions[target.SID] = true // it may be gone before the first reading
		}
	}
	for _, s := range r.plan.Skipped {
		t.skipped[s.ID] = true
	}
	return t
}

// close leaves nobody frozen, whatever happened.
func (t *tree) close() {
	t.wake()
	t.endGuardian()
}

// gather brings the tree up to date: everybody in it is opened and, with
// Freeze, stopped, so that sig can be sent. It returns who was not known
// before.
func (t *tree) gather(sig signals.Signal) ([]*Result, error) {
	if t.proved {
		// Who was born between two rungs, while all ran free, may be
		// anybody's. What an unproved freeze left open stays open.
		t.before = nil
	}
	if t.r.plan.Freeze {
		if ok, err := t.startFreezing(); ok || err != nil {
			if err == nil {
				return t.freeze(sig)
			}
			return nil, err
		}
	}
	found, err := t.look()
	if err == nil {
		t.reportRefusal()
	}
	return found, err
}

// signal is left to Run: nothing but pidfds names the members of a tree.
func (t *tree) signal([]*Result, signals.Signal) bool { return false }

// freeze stops everybody, until a whole reading finds nobody new and nobody
// still running.
func (t *tree) freeze(sig signals.Signal) ([]*Result, error) {
	var newcomers []*Result
	began := time.Now()
	pause := 50 * time.Microsecond
	shakes, calm := 0, 0
	fewest := math.MaxInt
	t.proved = false
	for pass := 0; ; pass++ {
		if err := t.r.k.Interrupted(); err != nil {
			return newcomers, err
		}
		found, err := t.look()
		newcomers = append(newcomers, found...)
		if err != nil {
			return newcomers, err
		}
		if pass > 0 && len(found) > 0 {
			t.restless = true
		}
		// Not only those: whom somebody else had stopped may have been woken.
		if err := t.stop(t.running()); err != nil {
			return newcomers, err
		}
		running := t.settle()
		if running > 0 {
			t.lull()
		}
		quiet := len(found) == 0 && running == 0 && !t.missed
		if quiet && shakes < maxShakes && t.shake(sig) {
			shakes++
			continue
		}
		if quiet && shakes == maxShakes && t.findBlocking(sig) {
			// Let go, it finishes its fork: sweep looks for the child.
			t.restless = true
			return newcomers, nil
		}
		if quiet && t.r.plan.Tree == nil {
			// The targets alone are meant, and each has been seen stopped.
			t.proved = true
			return newcomers, nil
		}
		if quiet {
			suspect := t.suspect()
			t.restless = t.restless || suspect != nil
			if !t.restless && !t.r.plan.ProveAlways {
				// While others are being born, one reading may have passed
				// by somebody who runs ahead of it.
				if calm++; calm >= calmReadings || t.still() {
					t.proved = true
					return newcomers, nil
				}
				continue
			}
			if t.still() {
				// With a suspect about, more readings prove no more.
				t.proved = suspect == nil && !t.unseen
				return newcomers, nil
			}
		}
		// While fewer and fewer are in the middle of something it goes on:
		// let go on now, a fork bomb would begin anew.
		eased := running > 0 && running < fewest-fewest/16
		fewest = min(fewest, running)
		if time.Since(began) > t.r.plan.Prove && !eased || t.r.left() <= 0 {
			// The kill is carried out all the same; sweep tries again.
			t.restless = true
			return newcomers, nil
		}
		if len(found) == 0 {
			t.r.k.Pause(pause)
			pause = min(2*pause, 2*time.Millisecond)
		}
	}
}

// calmReadings is how many readings without anything new a tree must pass that
// held still, unless no PID was handed out during one.
const calmReadings = 3
