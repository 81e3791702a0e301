package escalate

import (
	"killbox/internal/freeze"
	"killbox/procfs"
)

// members returns the processes in the tree as the scan shows it; without a tree, the targets alone.
func (a *attribution) members(s *procfs.Snapshot) []*procfs.Stat {
	a.proof.BeginScan()
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
			if st := &s.Procs[i]; a.known[st.ID] || a.named[st.ID] || selected[st.ID] {
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

// newRoots returns new roots that the scan shows: processes that match the selector and started after it was first
// evaluated, and new members of groups given as operands. With Children they are recorded at once.
func (a *attribution) newRoots(s *procfs.Snapshot) map[procfs.ID]bool {
	if !a.tree.Selector && len(a.tree.Groups) == 0 {
		return nil
	}
	a.groups = a.liveGroups(s)
	selected := make(map[procfs.ID]bool)
	for i := range s.Procs {
		st := &s.Procs[i]
		if a.isJudged(st.ID) || a.isGuardian(st) {
			continue
		}
		// A process that joins a group may be older than the first evaluation of the selector.
		if a.groups[st.PGID] || a.isSelected(st) {
			if selected[st.ID] = true; a.tree.Children {
				a.roots, a.named[st.ID] = append(a.roots, st.ID), true
			}
		}
	}
	return selected
}

// liveGroups returns the groups given as operands that still existed after the scan: a PGID is not reused while its
// group exists, so throughout the scan it meant that group.
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
			if seen = true; a.known[st.ID] || a.named[st.ID] {
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

// unseenGroup returns the doubt for a group that exists after the scan, which shows none of its members, or "".
func (a *attribution) unseenGroup(s *procfs.Snapshot) string {
	for _, pgid := range a.tree.Groups {
		if a.groups[pgid] && len(s.Group(pgid)) == 0 {
			return freeze.UnseenGroup(pgid)
		}
	}
	return ""
}

// parentsFirst orders the members so that each comes after its parent: whether a process is a member depends on whether
// its parent is.
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
			delete(waiting, st.PID) // a torn scan may show a loop of parents
		}
		for len(chain) > 0 {
			ordered = append(ordered, chain[len(chain)-1])
			chain = chain[:len(chain)-1]
		}
	}
	return ordered
}
