package escalate

import (
	"math"
	"time"

	"killbox/procfs"
)

// remember notes who was there at the first reading of a freeze. Who was born while it
// was made counts as born since.
func (t *tree) remember() {
	first, last := t.snap.FirstPID, t.snap.LastPID
	during := func(pid int) bool {
		if first <= last {
			return first < pid && pid <= last
		}
		return first < pid || pid <= last // the numbers began anew
	}
	t.adopters = map[int]bool{1: true}
	adopts := func(pid int) {
		for _, id := range t.snap.Ancestors(pid) {
			t.adopters[id.PID] = true
		}
	}
	for _, root := range t.roots {
		adopts(root.PID)
	}
	// A root that has ended since it was opened may have orphaned children before the first scan.
	t.orphaned = math.MaxUint64
	for i := range t.r.plan.Targets {
		root := &t.r.plan.Targets[i]
		st := t.snap.Lookup(root.PID)
		there := st != nil && st.ID == root.ID && !st.Gone() && !t.disowned[root.ID]
		if t.scanned || t.flat() || root.Gone() || there {
			continue
		}
		t.noteEnded(&root.Stat)
		t.adopters[root.PPID] = true
		adopts(root.PPID)
	}
	t.before = make(map[procfs.ID]bool, len(t.snap.Procs))
	for i := range t.snap.Procs {
		if st := &t.snap.Procs[i]; !during(st.PID) {
			t.before[st.ID] = true
		}
	}
}

// findSiblings returns the children that the roots' ancestors have now, while all roots are alive: no orphan of a
// member that ends later is among them. It is nil if they are not known.
func (t *tree) findSiblings() map[int]bool {
	if t.flat() || !t.freezes() {
		return nil
	}
	parents := make([]int, len(t.r.plan.Targets))
	for i := range parents {
		parents[i] = t.r.plan.Targets[i].PPID
	}
	siblings := t.r.k.AncestorsChildren(parents)
	for i := range t.r.plan.Targets {
		if st, err := t.r.k.Stat(t.r.plan.Targets[i].ID); err != nil || st.Gone() {
			return nil
		}
	}
	return siblings
}

// noteEnded notes that a root or member ended before it was stopped. If it ended while the first scan was read,
// the scan shows its children as orphans that could have been there before. None is older than its parent.
func (t *tree) noteEnded(parent *procfs.Stat) {
	t.restless = true
	t.orphaned = min(t.orphaned, parent.Start)
}

func (t *tree) flat() bool { return t.r.plan.Tree == nil || t.r.plan.Tree.Flat }

// still holds when no PID was handed out during the last reading, and nobody
// was hidden from it or outran it.
func (t *tree) still() bool {
	return t.snap.Stable() && t.snap.Hidden+t.snap.Vanished == 0 && !t.missed
}

// suspect returns a process outside the tree that was born since the first
// reading of the freeze and is now a child of whoever would have got the tree's orphans:
// what a child that nobody saw may have left behind. Of a tree that held still
// only its like is suspected, which may have left before we came.
func (t *tree) suspect() *procfs.Stat {
	if t.flat() {
		return nil
	}
	comms := make(map[string]bool)
	for _, res := range t.r.results {
		comms[res.Comm] = true
	}
	for i := range t.snap.Procs {
		st := &t.snap.Procs[i]
		if t.before[st.ID] && (st.Start < t.orphaned || t.siblings[st.PID]) || st.Gone() || t.known[st.ID] || t.skipped[st.ID] {
			continue
		}
		if parent := t.snap.Lookup(st.PPID); parent != nil && t.before[parent.ID] && !t.disowned[parent.ID] && !t.adopters[st.PPID] {
			continue // it has a parent that is none of ours
		}
		if !t.restless && !comms[st.Comm] {
			continue
		}
		if st.PID != t.guardian && t.r.plan.Tree.Guard(st) == "" {
			return st
		}
	}
	return nil
}

// sweep looks for who was born meanwhile.
func (t *tree) sweep() (more bool, err error) {
	if t.r.plan.Tree == nil {
		return false, nil
	}
	more, err = t.search()
	if !more && err == nil && t.unseen && !t.flat() && t.r.sum.Proved {
		t.r.sum.Proved = false
		t.r.sum.Doubt = hiddenMembers
	}
	return more, err
}

// search scans for processes that were forked since the last step and belong to the tree.
func (t *tree) search() (more bool, err error) {
	if tr := t.r.plan.Tree; t.proved && len(t.sessions)+len(tr.Groups) == 0 && !tr.Children && tr.Select == nil {
		// Whoever was born since has lost its parent and no session tells
		// where it came from.
		return false, nil
	}
	began := time.Now()
	pause := 50 * time.Microsecond
	for calm := 0; ; {
		if err := t.r.k.Interrupted(); err != nil {
			return false, err
		}
		if err := t.scan(); err != nil {
			return false, err
		}
		if t.left() {
			return true, nil
		}
		var suspect *procfs.Stat
		if !t.proved {
			suspect = t.suspect()
		} else if t.snap.Vanished == 0 && !t.missed {
			calm++
		}
		if suspect == nil && (t.still() || calm >= calmReadings) {
			return false, nil
		}
		if limited := t.r.left() <= 0; limited || time.Since(began) > t.r.plan.Prove {
			t.r.sum.LimitReached = limited
			t.r.sum.Proved = false
			t.r.sum.Doubt = t.doubt(suspect)
			return false, nil
		}
		t.r.k.Pause(pause)
		pause = min(2*pause, 5*time.Millisecond)
	}
}

// left holds when the last reading shows a member that lives and is not
// excused.
func (t *tree) left() bool {
	for _, st := range t.members() {
		if st.Gone() || t.skipped[st.ID] {
			continue
		}
		if res := t.r.byID[st.ID]; res != nil {
			if res.Outcome == Survived {
				return true
			}
			continue
		}
		if t.named[st.ID] || st.PID == t.guardian {
			continue
		}
		if t.r.plan.Tree.Guard(st) == "" {
			return true
		}
	}
	return false
}

// survivors takes in who was born last.
func (t *tree) survivors() error {
	_, err := t.look()
	return err
}
