package escalate

import (
	"killbox/procfs"
)

// A scan names processes by PID and start time. A clock tick is long enough for a process to be reaped and
// its PID to be reused within it. So each entry of a scan on which a signal depends is checked once more:
// confirm checks those of members opened before the scan, and belongs those of new members, after they have
// been opened.

// confirm checks, after a scan, the IDs of members opened before it. A member that has been reaped may have
// been replaced before the scan, so its entry may be that of an unrelated process: without the image of the
// member the ID is disowned. A member that exists after the clock tick of its start is confirmed for good: no
// other process can have its ID.
func (t *tree) confirm() {
	for id, opened := range t.unconfirmed {
		switch {
		case t.r.k.Exists(id) != nil:
			delete(t.unconfirmed, id)
			if st := t.snap.Lookup(id.PID); st != nil && st.ID == id && !st.Gone() && !st.SameImage(&opened) {
				t.disown(id)
			}
		case id.Start < t.snap.Began:
			delete(t.unconfirmed, id)
		}
	}
}

// disown removes an ID from the tree. The children of the process that had it may be orphaned by now.
func (t *tree) disown(id procfs.ID) {
	t.restless, t.disowned[id] = true, true
	delete(t.known, id)
	delete(t.named, id)
	for i, root := range t.roots {
		if root == id {
			t.roots = append(t.roots[:i:i], t.roots[i+1:]...)
			break
		}
	}
}

// belongs reports whether now, which was opened for the entry st, is a member. It is one if a member is its
// parent now, or if it is the process that the scan showed and the scan shows why it is a member.
func (t *tree) belongs(st, now *procfs.Stat) bool {
	if now.ID != st.ID {
		return false
	}
	if t.r.plan.Tree.Flat {
		return t.selects(now)
	}
	if parent := t.snap.Lookup(now.PPID); parent != nil && t.judged(parent.ID) && t.r.k.Exists(parent.ID) == nil {
		return true
	}
	if !t.snap.SameProcess(st, now) {
		return false
	}
	parent := t.snap.Lookup(st.PPID)
	switch {
	case t.known[st.ID]:
		return true // by an earlier scan
	case parent != nil && t.judged(parent.ID):
		// A parent forked during the scan may have reused the PID of the parent that the entry names.
		return parent.Start < t.snap.Began || parent.SameImage(now)
	case t.sessions[st.SID]:
		return now.SID == st.SID
	}
	return t.selects(now)
}

// judged reports whether the ID is that of a root, a member or an excluded process.
func (t *tree) judged(id procfs.ID) bool { return t.known[id] || t.named[id] || t.skipped[id] }

// parentsFirst orders the members so that each comes after its parent: belongs needs the verdict on the
// parent.
func (t *tree) parentsFirst(members []*procfs.Stat) []*procfs.Stat {
	waiting := make(map[int]*procfs.Stat, len(members))
	for _, st := range members {
		waiting[st.PID] = st
	}
	ordered := make([]*procfs.Stat, 0, len(members))
	var chain []*procfs.Stat
	for _, member := range members {
		for st := waiting[member.PID]; st != nil; st = waiting[st.PPID] {
			chain = append(chain, st)
			delete(waiting, st.PID) // a torn scan may show a loop of parents
		}
		for len(chain) > 0 {
			ordered = append(ordered, chain[len(chain)-1])
			chain = chain[:len(chain)-1]
		}
	}
	return ordered
}

// selects reports whether the opened process is a root of its own: a member of a group given as an operand,
// or a match of the selector.
func (t *tree) selects(now *procfs.Stat) bool {
	tr := t.r.plan.Tree
	if t.groups[now.PGID] && t.r.k.GroupLives(now.PGID, []procfs.ID{now.ID}) {
		return true
	}
	return tr.Select != nil && now.Start >= tr.Since && tr.Select(now) && t.r.k.Exists(now.ID) == nil
}
