package escalate

import (
	"killbox/internal/freeze"
	"killbox/procfs"
)

// members returns the entries of the scan that are members of the tree, including excluded processes. If the plan is
// not to end a tree, it returns the entries of the targets.
func (a *attribution) members(s *procfs.Snapshot) []*procfs.Stat {
	switch {
	case a.tree == nil:
		var targets []*procfs.Stat
		for _, id := range a.roots {
			if st := s.Lookup(id.PID); st != nil && st.ID == id {
				targets = append(targets, st)
			}
		}
		return targets
	case a.tree.Flat:
		var members []*procfs.Stat
		selected := a.newRoots(s)
		for i := range s.Procs {
			if st := &s.Procs[i]; a.known[st.ID] || a.rootSet[st.ID] || selected[st.ID] {
				members = append(members, st)
			}
		}
		return members
	default:
		roots := a.roots
		for id := range a.newRoots(s) {
			roots = append(roots[:len(roots):len(roots)], id)
		}
		return s.Descendants(procfs.TreeQuery{
			Roots:           roots,
			Known:           a.known,
			Sessions:        a.sessions,
			IncludeSessions: a.tree.Sessions,
		})
	}
}

// newRoots returns the new roots in the scan: processes that match the selector and started at Tree.Since or later, and
// processes that have joined a group of the plan. With Tree.Children it records them as roots at once, because they are
// never opened.
func (a *attribution) newRoots(s *procfs.Snapshot) map[procfs.ID]bool {
	if !a.tree.Selector && len(a.tree.Groups) == 0 {
		return nil
	}
	a.groups = a.liveGroups(s)
	selected := make(map[procfs.ID]bool)
	for i := range s.Procs {
		st := &s.Procs[i]
		if a.isInTree(st.ID) || a.isGuardian(st) {
			continue
		}
		// Tree.Since is for the selector only: a process that joins a group may be older.
		if a.groups[st.PGID] || a.isSelected(st) {
			if selected[st.ID] = true; a.tree.Children {
				a.roots, a.rootSet[st.ID] = append(a.roots, st.ID), true
			}
		}
	}
	return selected
}

// liveGroups returns which groups of the plan still existed after the scan. A PGID is not reused while its group
// exists, so it meant the same group throughout the scan.
func (a *attribution) liveGroups(s *procfs.Snapshot) map[int]bool {
	groups := make(map[int]bool)
	for _, pgid := range a.tree.Groups {
		var known []procfs.ID
		seen := false
		for i := range s.Procs {
			st := &s.Procs[i]
			if st.PGID != pgid {
				continue
			}
			if seen = true; a.known[st.ID] || a.rootSet[st.ID] {
				known = append(known, st.ID)
			}
		}
		groups[pgid] = a.k.GroupLives(pgid, known)
		if groups[pgid] && !seen {
			a.proof.NoteUnseen()
		}
	}
	return groups
}

// unseenGroup returns the doubt for a group that still existed after a scan that shows none of its members, or "".
func (a *attribution) unseenGroup(s *procfs.Snapshot) string {
	for _, pgid := range a.tree.Groups {
		if a.groups[pgid] && len(s.Group(pgid)) == 0 {
			return freeze.UnseenGroup(pgid)
		}
	}
	return ""
}

// parentsFirst orders the members so that each comes after its parent, because isMember needs to know whether the
// parent is a member.
func parentsFirst(members []*procfs.Stat) []*procfs.Stat {
	waiting := make(map[int]*procfs.Stat, len(members))
	for _, st := range members {
		waiting[st.PID] = st
	}
	ordered := make([]*procfs.Stat, 0, len(members))
	var chain []*procfs.Stat
	for _, member := range members {
		for st := waiting[member.PID]; st != nil; st = waiting[st.PPID] {
			chain = append(chain, st)
			delete(waiting, st.PID) // a scan is not atomic, and may show a loop of parents
		}
		for len(chain) > 0 {
			ordered = append(ordered, chain[len(chain)-1])
			chain = chain[:len(chain)-1]
		}
	}
	return ordered
}
