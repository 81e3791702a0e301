package escalate

import (
	"errors"

	"killbox/internal/freeze"
	"killbox/procfs"
)

// attribution decides which processes are members of the tree.
//
// A scan identifies a process by its ID: PID and start time. Within one clock tick (10 ms) a process can be reaped and
// its PID reused, and then two processes have the same ID. So each entry of a scan that decides about a signal is
// checked again: confirm checks members that were opened before the scan, and isMember checks new members after they
// have been opened.
type attribution struct {
	k interface {
		Opener
		GroupSignaller
	}
	policy  Policy
	tree    *Tree // nil if only the targets are to be ended
	freezer *freeze.Freezer
	proof   *freeze.Proof

	roots    []procfs.ID        // the targets of the plan and, with Tree.Children, the roots that were found later
	rootSet  map[procfs.ID]bool // the elements of roots
	known    map[procfs.ID]bool // every member that was ever opened, including roots
	excluded map[procfs.ID]bool
	sessions map[int]bool // by session ID: sessions that a member leads or has led
	groups   map[int]bool // by PGID: whether the group of the plan still existed after the last scan

	// unconfirmed holds the members and roots whose ID another process may have, or may still get, by PID reuse
	// within the clock tick of their start. The value was read when the process was opened. See confirm.
	unconfirmed map[procfs.ID]procfs.Stat
	disowned    map[procfs.ID]bool // IDs that were found to belong to an unrelated process now

	orphans *orphanFinder // nil if orphans are not attributed by their image
}

func newAttribution(k Kernel, p *Plan, policy Policy, f *freeze.Freezer) *attribution {
	a := &attribution{
		k: k, policy: policy, tree: p.Tree, freezer: f,

		rootSet:  make(map[procfs.ID]bool, len(p.Targets)),
		known:    make(map[procfs.ID]bool),
		excluded: make(map[procfs.ID]bool),
		sessions: make(map[int]bool),

		unconfirmed: make(map[procfs.ID]procfs.Stat, len(p.Targets)),
		disowned:    make(map[procfs.ID]bool),

		orphans: newOrphanFinder(k, p),
	}
	claim := freeze.Claim{Flat: a.isFlat(), Strict: p.ProveAlways, Churning: p.Tree != nil && p.Tree.Churning}
	for _, target := range p.Targets {
		claim.Targets = append(claim.Targets, target.Stat)
	}
	a.proof = freeze.NewProof(claim)
	for _, target := range p.Targets {
		a.roots = append(a.roots, target.ID)
		a.rootSet[target.ID], a.unconfirmed[target.ID] = true, target.Stat
		if target.Hidden() {
			a.proof.NoteHidden()
		}
		if target.SID == target.PID {
			a.sessions[target.SID] = true // recorded now: the target may be gone before the first scan
		}
	}
	for _, s := range p.Skipped {
		a.excluded[s.ID] = true
	}
	return a
}

// isFlat reports whether descendants of the roots are not members.
func (a *attribution) isFlat() bool { return a.tree == nil || a.tree.Flat }

// hasTree reports whether the tree can have members besides the targets.
func (a *attribution) hasTree() bool { return a.tree != nil }

// canGrow reports whether a process that was forked after a proved freeze can be attributed to the tree when all known
// members are gone: by a session, a group or a selector, or as a descendant of a root that stays alive (Tree.Children).
func (a *attribution) canGrow() bool {
	return len(a.sessions)+len(a.tree.Groups) > 0 || a.tree.Children || a.tree.Selector
}

// confirm checks the unconfirmed IDs after a scan. If a member has been reaped, the entry with its ID may belong to an
// unrelated process that has reused the PID: if the memory layout differs (SameLayout), the ID is disowned. If a member
// still exists after the clock tick of its start, no other process can get its ID, so it is confirmed for good.
func (a *attribution) confirm(s *procfs.Snapshot) {
	for id, opened := range a.unconfirmed {
		switch err := a.k.Exists(id); {
		case errors.Is(err, procfs.ErrNoProcess):
			delete(a.unconfirmed, id)
			if st := s.Lookup(id.PID); st != nil && st.ID == id && !st.Gone() && !st.SameLayout(&opened) {
				a.disown(id)
			}
		case err == nil && id.Start < s.Began:
			delete(a.unconfirmed, id)
		}
	}
}

// disown removes an ID from the tree, because an unrelated process has it now. The member that had it has ended, and
// may have orphaned children, so the tree is churning.
func (a *attribution) disown(id procfs.ID) {
	a.proof.NoteChurn()
	a.disowned[id] = true
	delete(a.known, id)
	delete(a.rootSet, id)
	for i, root := range a.roots {
		if root == id {
			a.roots = append(a.roots[:i:i], a.roots[i+1:]...)
			break
		}
	}
}

// noteMember records a new member that was opened after the scan s.
func (a *attribution) noteMember(s *procfs.Snapshot, now *procfs.Stat) {
	a.known[now.ID] = true
	if now.Hidden() {
		a.proof.NoteHidden()
	}
	if now.Start >= s.Began {
		a.unconfirmed[now.ID] = *now
	}
}

// excludes returns why a process that the tree implies is excluded, or "".
func (a *attribution) excludes(st *procfs.Stat) string { return a.policy.Exclude(st) }

// isGuardian reports whether the process is the guardian. The guardian is a child of this process, so it can be in the
// tree.
func (a *attribution) isGuardian(st *procfs.Stat) bool { return a.freezer.IsGuardian(st.PID) }

// isMember reports whether an opened process is a member. st is its entry in the scan s; now was read when the process
// was opened. The process is a member if the parent in now is in the tree and still exists. It is also a member if st
// and now are the same process and the scan shows that st is a member.
func (a *attribution) isMember(s *procfs.Snapshot, st, now *procfs.Stat) bool {
	if now.ID != st.ID {
		return false
	}
	if a.isFlat() {
		return a.isRoot(now)
	}
	if parent := s.Lookup(now.PPID); parent != nil && a.isInTree(parent.ID) && a.k.Exists(parent.ID) == nil {
		return true
	}
	if !s.SameProcess(st, now) {
		return false
	}
	parent := s.Lookup(st.PPID)
	switch {
	case a.known[st.ID]:
		return true // an earlier scan has shown that it is a member
	case parent != nil && a.isInTree(parent.ID):
		// If the parent started during the scan, it may be an unrelated process that reused the PID of the true
		// parent. Then require that parent and child have the same memory layout.
		return parent.Start < s.Began || parent.SameLayout(now)
	case a.sessions[st.SID]:
		return now.SID == st.SID
	}
	return a.isRoot(now)
}

// isStray reports whether a member is attributed to the tree by its session, and not by its parent. Its parent, if it
// is a member, must be known already.
func (a *attribution) isStray(s *procfs.Snapshot, st *procfs.Stat) bool {
	parent := s.Lookup(st.PPID)
	return !a.isFlat() && a.tree.Sessions && a.sessions[st.SID] && (parent == nil || !a.isInTree(parent.ID))
}

// isInTree reports whether the process has been attributed to the tree already, as a root, member or excluded process.
func (a *attribution) isInTree(id procfs.ID) bool {
	return a.known[id] || a.rootSet[id] || a.excluded[id]
}

// isRoot reports whether the opened process is a root itself: a member of a group of the plan, or a match of the
// selector.
func (a *attribution) isRoot(now *procfs.Stat) bool {
	if a.groups[now.PGID] && a.k.GroupLives(now.PGID, []procfs.ID{now.ID}) {
		return true
	}
	return a.isSelected(now) && a.k.Exists(now.ID) == nil
}

// isSelected reports whether the process matches the selector and started after the selector was first evaluated, at
// Tree.Since or later.
func (a *attribution) isSelected(st *procfs.Stat) bool {
	return a.tree.Selector && st.Start >= a.tree.Since && a.policy.Selects(st)
}
