package escalate

import (
	"errors"
	"slices"

	"killbox/procfs"
)

// look reads the table and opens the members that are new.
func (t *tree) look() ([]*Result, error) {
	if t.before == nil {
		t.siblings = t.findSiblings()
	}
	if err := t.scan(); err != nil {
		return nil, err
	}
	if t.before == nil {
		t.remember()
	}
	t.scanned = true
	var found []*Result
	halted := 0
	for _, st := range t.parentsFirst(t.members()) {
		if res := t.take(st); res != nil {
			found = append(found, res)
		}
		// Of thousands, the first are stopped while the last are opened.
		if t.boosted != nil && len(found)-halted == haltAtOnce {
			if err := t.stop(found[halted:]); err != nil {
				return found, err
			}
			halted = len(found)
		}
	}
	return found, nil
}

// scan takes a snapshot, and confirms or disowns the members that it may show.
func (t *tree) scan() error {
	if err := t.r.k.Snapshot(&t.snap); err != nil {
		return err
	}
	t.confirm()
	return nil
}

const haltAtOnce = 128

// members returns the processes in the tree as the last scan shows it; without a tree, the targets alone.
func (t *tree) members() []*procfs.Stat {
	t.missed = false
	switch tr := t.r.plan.Tree; {
	case tr == nil:
		var targets []*procfs.Stat
		for _, id := range t.roots {
			if st := t.snap.Lookup(id.PID); st != nil && st.ID == id {
				targets = append(targets, st)
			}
		}
		return targets
	case tr.Flat:
		var members []*procfs.Stat
		selected := t.selectNew()
		for i := range t.snap.Procs {
			if st := &t.snap.Procs[i]; t.known[st.ID] || t.named[st.ID] || selected[st.ID] {
				members = append(members, st)
			}
		}
		return members
	default:
		roots := t.roots
		for id := range t.selectNew() {
			roots = append(roots[:len(roots):len(roots)], id)
		}
		return t.snap.Descendants(procfs.TreeQuery{
			Roots:           roots,
			Known:           t.known,
			Sessions:        t.sessions,
			IncludeSessions: tr.Strays,
		})
	}
}

// selectNew returns new roots that the last scan shows: processes that match the selector and started after
// it was first evaluated, and new members of groups given as operands. With Children they are recorded at
// once.
func (t *tree) selectNew() map[procfs.ID]bool {
	tr := t.r.plan.Tree
	if tr.Select == nil && len(tr.Groups) == 0 {
		return nil
	}
	t.groups = t.liveGroups()
	selected := make(map[procfs.ID]bool)
	for i := range t.snap.Procs {
		st := &t.snap.Procs[i]
		if t.known[st.ID] || t.named[st.ID] || t.skipped[st.ID] || st.PID == t.guardian {
			continue
		}
		// A process that joins a group may be older than the first evaluation of the selector.
		if t.groups[st.PGID] || tr.Select != nil && st.Start >= tr.Since && tr.Select(st) {
			if selected[st.ID] = true; tr.Children {
				t.roots, t.named[st.ID] = append(t.roots, st.ID), true
			}
		}
	}
	return selected
}

// liveGroups returns the groups given as operands that still existed after the scan: a PGID is not reused
// while its group exists, so throughout the scan it meant that group.
func (t *tree) liveGroups() map[int]bool {
	groups := make(map[int]bool)
	for _, pgid := range t.r.plan.Tree.Groups {
		var known []procfs.ID
		seen := false
		for i := range t.snap.Procs {
			st := &t.snap.Procs[i]
			if st.PGID != pgid {
				continue
			}
			if seen = true; t.known[st.ID] || t.named[st.ID] {
				known = append(known, st.ID)
			}
		}
		groups[pgid] = t.r.k.GroupLives(pgid, known)
		t.missed = t.missed || groups[pgid] && !seen
	}
	return groups
}

// take opens a member seen in the table, and returns it if it is new and to
// be ended.
func (t *tree) take(st *procfs.Stat) *Result {
	if res := t.r.byID[st.ID]; res != nil {
		t.known[st.ID] = t.known[st.ID] || res.Outcome == Survived
		return nil
	}
	if t.skipped[st.ID] {
		return nil
	}
	if t.named[st.ID] || st.PID == t.guardian {
		// Named and not among the results: the root that --children leaves out.
		return nil
	}
	if reason := t.r.plan.Tree.Guard(st); reason != "" {
		t.skipped[st.ID] = true
		t.r.obs.Skipped(Skip{*st, reason})
		return nil
	}
	if st.Gone() {
		// Nothing is left of it but the number, and whoever it forked has a
		// new parent by now.
		t.restless = t.restless || !t.before[st.ID]
		return nil
	}
	now, err := t.r.k.Open(st.PID)
	if err != nil || !t.belongs(st, &now) {
		// It ended between the scan and the open.
		t.noteEnded(st)
		t.missed = true
		delete(t.before, st.ID) // if it is not gone, it may be a member that nothing shows any more
		if err == nil {
			t.r.k.Close(now.ID)
		} else if !errors.Is(err, procfs.ErrNoProcess) {
			res := t.r.add(Target{Stat: *st})
			res.Outcome, res.Err = Refused, err
			t.r.open--
			t.r.obs.Failed(res, err)
		}
		return nil
	}
	if now.Gone() {
		t.noteEnded(st)
	}
	t.known[now.ID] = true
	t.unseen = t.unseen || now.Hidden()
	if now.Start >= t.snap.Began {
		t.unconfirmed[now.ID] = now
	}
	return t.r.add(Target{Stat: now})
}

// running returns everybody who is left and not frozen: the newcomers, and the
// members of earlier rungs, which have been thawed since.
func (t *tree) running() []*Result {
	var list []*Result
	for _, res := range t.r.results {
		if res.Outcome == Survived && !res.frozen {
			list = append(list, res)
		}
	}
	return list
}

// deepestFirst orders the list so that nobody comes after its parent. Without
// a freeze, KILL goes round in that order: a parent that still lives cannot
// lose a child to another's care.
func (t *tree) deepestFirst(list []*Result) []*Result {
	depth := func(res *Result) int {
		d := 0
		for st := t.snap.Lookup(res.PID); st != nil && d < len(t.snap.Procs); st = t.snap.Lookup(st.PPID) {
			d++
		}
		return d
	}
	depths := make(map[*Result]int, len(list))
	for _, res := range list {
		depths[res] = depth(res)
	}
	return slices.SortedStableFunc(slices.Values(list), func(a, b *Result) int { return depths[b] - depths[a] })
}
