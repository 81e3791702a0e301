package escalate

import (
	"killbox/internal/freeze"
	"killbox/procfs"
)

// attribution is what is known of which processes are part of the tree.
//
// A scan names processes by PID and start time. A clock tick is long enough for a process to be reaped and its PID to be
// reused within it. So each entry of a scan on which a signal depends is checked once more: confirm checks those of members
// opened before the scan, and isMember those of new members, after they have been opened.
type attribution struct {
	k interface {
		Opener
		GroupSignaller
	}
	policy  Policy
	tree    *Tree // nil if the targets alone are meant
	freezer *freeze.Freezer
	proof   *freeze.Proof

	roots    []procfs.ID
	named    map[procfs.ID]bool // given as operands, or selected where only descendants of roots are meant
	known    map[procfs.ID]bool // every member ever opened, roots included
	excluded map[procfs.ID]bool
	sessions map[int]bool // sessions that members lead or have led
	groups   map[int]bool // groups given as operands that existed after the last scan

	// unconfirmed are the members and roots whose PID may have been reused, or may still be, within the clock tick of
	// their start: another process can have the same ID. See confirm.
	unconfirmed map[procfs.ID]procfs.Stat // as they were opened
	disowned    map[procfs.ID]bool        // those whose PID was reused, as far as is known
}

func newAttribution(k Kernel, p *Plan, policy Policy, f *freeze.Freezer) *attribution {
	a := &attribution{
		k: k, policy: policy, tree: p.Tree, freezer: f,

		named:    make(map[procfs.ID]bool, len(p.Targets)),
		known:    make(map[procfs.ID]bool),
		excluded: make(map[procfs.ID]bool),
		sessions: make(map[int]bool),

		unconfirmed: make(map[procfs.ID]procfs.Stat, len(p.Targets)),
		disowned:    make(map[procfs.ID]bool),
	}
	claim := freeze.Claim{Flat: a.isFlat(), Strict: p.ProveAlways, Churning: p.Tree != nil && p.Tree.Churning}
	for _, target := range p.Targets {
		claim.Targets = append(claim.Targets, target.Stat)
	}
	a.proof = freeze.NewProof(claim)
	for _, target := range p.Targets {
		a.roots = append(a.roots, target.ID)
		a.named[target.ID], a.unconfirmed[target.ID] = true, target.Stat
		if target.Hidden() {
			a.proof.NoteHidden()
		}
		if target.SID == target.PID {
			a.sessions[target.SID] = true // it may be gone before the first scan
		}
	}
	for _, s := range p.Skipped {
		a.excluded[s.ID] = true
	}
	return a
}

// isFlat reports whether descendants are not meant.
func (a *attribution) isFlat() bool { return a.tree == nil || a.tree.Flat }

// hasTree reports whether more than the targets is meant.
func (a *attribution) hasTree() bool { return a.tree != nil }

// canGrow reports whether a process that was forked after a proved freeze, and that is orphaned, could be attributed to
// the tree: by a session, a group or a selector, or because the roots live on.
func (a *attribution) canGrow() bool {
	return len(a.sessions)+len(a.tree.Groups) > 0 || a.tree.Children || a.tree.Selector
}

// confirm checks, after a scan, the IDs of members opened before it. A member that has been reaped may have been replaced
// before the scan, so its entry may be that of an unrelated process: without the image of the member the ID is disowned.
// A member that exists after the clock tick of its start is confirmed for good: no other process can have its ID.
func (a *attribution) confirm(s *procfs.Snapshot) {
	for id, opened := range a.unconfirmed {
		switch {
		case a.k.Exists(id) != nil:
			delete(a.unconfirmed, id)
			if st := s.Lookup(id.PID); st != nil && st.ID == id && !st.Gone() && !st.SameImage(&opened) {
				a.disown(id)
			}
		case id.Start < s.Began:
			delete(a.unconfirmed, id)
		}
	}
}

// disown removes an ID from the tree. The children of the process that had it may be orphaned by now.
func (a *attribution) disown(id procfs.ID) {
	a.proof.NoteChurn()
	a.disowned[id] = true
	delete(a.known, id)
	delete(a.named, id)
	for i, root := range a.roots {
		if root == id {
			a.roots = append(a.roots[:i:i], a.roots[i+1:]...)
			break
		}
	}
}

// noteMember notes a member that has been opened after the scan.
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

// isGuardian reports whether the process is the guardian, which is a descendant of this process.
func (a *attribution) isGuardian(st *procfs.Stat) bool { return a.freezer.IsGuardian(st.PID) }

// isMember reports whether now, which was opened for the entry st of the scan, is a member. It is one if a member is its
// parent now, or if it is the process that the scan showed and the scan shows why it is a member.
func (a *attribution) isMember(s *procfs.Snapshot, st, now *procfs.Stat) bool {
	if now.ID != st.ID {
		return false
	}
	if a.isFlat() {
		return a.isRoot(now)
	}
	if parent := s.Lookup(now.PPID); parent != nil && a.isJudged(parent.ID) && a.k.Exists(parent.ID) == nil {
		return true
	}
	if !s.SameProcess(st, now) {
		return false
	}
	parent := s.Lookup(st.PPID)
	switch {
	case a.known[st.ID]:
		return true // by an earlier scan
	case parent != nil && a.isJudged(parent.ID):
		// A parent forked during the scan may have reused the PID of the parent that the entry names.
		return parent.Start < s.Began || parent.SameImage(now)
	case a.sessions[st.SID]:
		return now.SID == st.SID
	}
	return a.isRoot(now)
}

// isJudged reports whether the ID is that of a root, a member or an excluded process.
func (a *attribution) isJudged(id procfs.ID) bool {
	return a.known[id] || a.named[id] || a.excluded[id]
}

// isRoot reports whether the opened process is a root of its own: a member of a group given as an operand, or a match of
// the selector.
func (a *attribution) isRoot(now *procfs.Stat) bool {
	if a.groups[now.PGID] && a.k.GroupLives(now.PGID, []procfs.ID{now.ID}) {
		return true
	}
	return a.isSelected(now) && a.k.Exists(now.ID) == nil
}

// isSelected reports whether the process matches the selector and started after the selector was first evaluated.
func (a *attribution) isSelected(st *procfs.Stat) bool {
	return a.tree.Selector && st.Start >= a.tree.Since && a.policy.Selects(st)
}
