package escalate

import (
	"cmp"
	"errors"

	"killbox/internal/freeze"
	"killbox/procfs"
)

// treeScan scans the tree and opens its members.
type treeScan struct {
	*attribution
	k interface {
		Opener
		Scanner
		freeze.Kernel
	}
	acc  *account
	snap procfs.Snapshot // the last scan

	forkers map[procfs.ID]bool // members that may have forked since the last freeze: see readWitnesses
}

func newTreeScan(acc *account, k Kernel, a *attribution) *treeScan {
	t := &treeScan{attribution: a, k: k, acc: acc, forkers: make(map[procfs.ID]bool)}
	if a.orphans != nil {
		acc.orphans = a.orphans.remaining(&t.snap, a)
	}
	return t
}

// freezes reports whether members are stopped before they are signalled on this step.
func (t *treeScan) freezes() bool { return t.freezer.Freezes() && !t.acc.isForMasters() }

// takeSnapshot scans the process table, and then confirms or disowns the members.
func (t *treeScan) takeSnapshot() error {
	if err := t.k.Snapshot(&t.snap); err != nil {
		return err
	}
	t.proof.BeginScan()
	t.confirm(&t.snap)
	if t.orphans != nil {
		t.orphans.noteScan(&t.snap, t.attribution)
		if t.orphans.anyExiting(&t.snap, t.attribution) {
			t.proof.NoteUnseen()
		}
	}
	return nil
}

// scanMembers scans the tree and opens the newcomers, whose results it returns. After each member it calls onFound, if
// that is not nil, with all newcomers found so far.
func (t *treeScan) scanMembers(onFound func(found batch) error) (batch, error) {
	first := t.proof.NeedsBaseline()
	if first {
		t.proof.FindSiblings(t.k, t.freezes())
		if t.orphans != nil {
			t.orphans.readTargets()
		}
	}
	if err := t.takeSnapshot(); err != nil {
		return nil, err
	}
	if first {
		t.proof.RecordBaseline(&t.snap, t.roots, t)
	}
	if onFound == nil {
		onFound = func(batch) error { return nil }
	}
	var found batch
	for {
		for _, st := range t.orphanCandidates() {
			found = t.openOrphan(found, st)
			if err := onFound(found); err != nil {
				return found, err
			}
		}
		// The orphans are known now, so the members include their descendants.
		for _, st := range parentsFirst(t.members(&t.snap)) {
			t.proof.NoteMember(st)
			found = t.openMember(found, st)
			if err := onFound(found); err != nil {
				return found, err
			}
		}
		// Further orphans may have the image of a newcomer.
		if t.orphans == nil || !t.orphans.addWitnesses(&t.snap, found) || len(t.orphanCandidates()) == 0 {
			return found, nil
		}
	}
}

// orphanCandidates returns the processes in the last scan that may be attributed to the tree by their image.
func (t *treeScan) orphanCandidates() []*procfs.Stat {
	if t.orphans == nil {
		return nil
	}
	return t.orphans.candidates(&t.snap, t.attribution)
}

// mayHaveOrphans reports whether a scan shows a process that may be attributed to the tree by its image.
func (t *treeScan) mayHaveOrphans(s *procfs.Snapshot) bool {
	return t.orphans != nil && len(t.orphans.candidates(s, t.attribution)) > 0
}

// scanNew reports whether a process that was forked since the last scan may be attributed to the tree by its image. ok
// is false if that is not known.
func (t *treeScan) scanNew() (more, ok bool, err error) {
	fresh, ok, err := t.k.ScanNew(&t.snap)
	if !ok || err != nil {
		return false, false, err
	}
	more = t.mayHaveOrphans(fresh)
	return more, more || !t.orphans.anyExiting(fresh, t.attribution), nil
}

// openOrphan opens a process that orphanCandidates has returned. If it has the image of a member, openOrphan appends
// its result to found.
func (t *treeScan) openOrphan(found batch, st *procfs.Stat) batch {
	now, member, ok, ended := t.orphans.attribute(st)
	if ended {
		// It may have left a child that the scan does not show.
		t.proof.NoteEnded(st)
		t.proof.NoteMissed(st.ID)
	}
	if !ok {
		return found
	}
	return t.addOrphan(found, &now, member)
}

// addOrphan adds an opened orphan that has the image of a member, and appends its result to found.
func (t *treeScan) addOrphan(found batch, now *procfs.Stat, member procfs.ID) batch {
	t.noteMember(&t.snap, now)
	if now.SID == now.PID {
		t.sessions[now.SID] = true // recorded now: the orphan may be gone before the next scan
	}
	return append(found, t.acc.addOrphan(*now, Evidence(member)))
}

// openMember opens a member that the scan shows, and appends its result to found if it is a newcomer.
func (t *treeScan) openMember(found batch, st *procfs.Stat) batch {
	known, remains := t.acc.has(st.ID)
	switch {
	case known:
		t.known[st.ID] = t.known[st.ID] || remains
		return found
	case t.excluded[st.ID]:
		return found
	case t.rootSet[st.ID] || t.isGuardian(st):
		// A root has no result only with Tree.Children, which does not end the roots.
		return found
	}
	if reason := t.excludes(st); reason != "" {
		t.excluded[st.ID] = true
		t.acc.reportExcluded(st, reason)
		return found
	}
	if st.Gone() {
		t.proof.NoteZombie(st.ID)
		return found
	}
	now, err := t.k.Open(st.PID)
	if err != nil || !t.isMember(&t.snap, st, &now) {
		// The member ended between the scan and the open, or cannot be opened.
		t.proof.NoteEnded(st)
		t.proof.NoteMissed(st.ID)
		if err == nil {
			t.k.Close(now.ID)
		} else if !errors.Is(err, procfs.ErrNoProcess) {
			t.acc.addRefused(*st, err)
		}
		return found
	}
	if now.Gone() {
		t.proof.NoteEnded(st)
	}
	t.noteMember(&t.snap, &now)
	if t.isStray(&t.snap, st) {
		return append(found, t.acc.addOrphan(now, SessionEvidence(now.SID)))
	}
	return append(found, t.acc.addMember(now))
}

// anyAlive reports whether the last scan shows a living member that remains to be ended, known or new.
func (t *treeScan) anyAlive() bool {
	if t.mayHaveOrphans(&t.snap) {
		return true
	}
	for _, st := range t.members(&t.snap) {
		if st.Gone() || t.excluded[st.ID] {
			continue
		}
		if known, remains := t.acc.has(st.ID); known {
			if remains {
				return true
			}
			continue
		}
		if t.rootSet[st.ID] || t.isGuardian(st) {
			continue
		}
		if t.excludes(st) == "" {
			return true
		}
	}
	return false
}

// addNewcomers implements scope.
func (t *treeScan) addNewcomers() (doubt string, err error) {
	_, err = t.scanMembers(nil)
	return cmp.Or(t.unseenGroup(&t.snap), freeze.TooFast), err
}

// readWitnesses is called before the members are signalled, and perhaps end. It reads the images of those that mayFork
// selects: if such a member forks and ends, only its image attributes the child to the tree. It also reads the images
// of members that orphans from before the call have.
func (t *treeScan) readWitnesses(mayFork func(*procfs.Stat) bool) {
	if t.orphans == nil {
		return
	}
	t.orphans.readForLeft(&t.snap, t.attribution)
	// Without a freeze, orphans of the members of an earlier round may not have been found yet.
	if t.freezes() {
		clear(t.forkers)
	}
	for _, res := range t.acc.remaining() {
		if st := t.snap.Lookup(res.PID); st != nil && st.ID == res.ID && mayFork(st) {
			t.forkers[st.ID] = true
			t.orphans.witnesses.Read(st)
		}
	}
}

// anyForker implements lateScan.
func (t *treeScan) anyForker(ids []procfs.ID) bool {
	for _, id := range ids {
		if t.forkers[id] {
			return true
		}
	}
	return false
}

// anyRootOfInit implements lateScan.
func (t *treeScan) anyRootOfInit(ids []procfs.ID) bool {
	for _, id := range ids {
		if res := t.acc.byID[id]; res != nil && t.rootSet[id] && res.PPID == 1 {
			return true
		}
	}
	return false
}

// scanOrphans implements lateScan.
func (t *treeScan) scanOrphans(wanted bool) (found batch, left []procfs.Stat) {
	if t.orphans == nil || !t.freezes() {
		return nil, nil
	}
	fresh, ok, err := t.k.ScanNew(&t.snap)
	if !ok || err != nil {
		return nil, nil // a later scan reports the error
	}
	for _, st := range t.orphans.candidates(fresh, t.attribution) {
		if now, member, ok, _ := t.orphans.attribute(st); ok {
			found = t.addOrphan(found, &now, member)
			t.forkers[now.ID] = true
		}
	}
	if !wanted {
		return found, nil
	}
	for _, st := range t.proof.LateOrphans(&t.snap, fresh, t) {
		switch now, err := t.k.Open(st.PID); {
		case err != nil:
		case now.ID == st.ID && now.PPID == 1 && !now.Forked():
			left = append(left, now)
		default:
			t.k.Close(now.ID)
		}
	}
	return found, left
}

// read implements lateScan.
func (t *treeScan) read(id procfs.ID) (now procfs.Stat, alive bool) {
	now, err := t.k.Stat(id)
	return now, err == nil && !now.Gone()
}

// judgeSweep evaluates the last scan of a sweep, which shows no remaining member. See freeze.Proof.JudgeSweep.
func (t *treeScan) judgeSweep() (over bool, suspect *procfs.Stat) {
	return t.proof.JudgeSweep(&t.snap, t)
}

// doubtOf returns why a process of the tree may have evaded the last scan. suspect may be nil.
func (t *treeScan) doubtOf(suspect *procfs.Stat) string {
	return t.proof.Doubt(&t.snap, suspect, t.unseenGroup(&t.snap))
}

// Attributed implements freeze.Tree.
func (t *treeScan) Attributed(id procfs.ID) bool { return t.known[id] || t.excluded[id] }

// Disowned implements freeze.Tree.
func (t *treeScan) Disowned(id procfs.ID) bool { return t.disowned[id] }

// Excluded implements freeze.Tree.
func (t *treeScan) Excluded(st *procfs.Stat) bool { return t.isGuardian(st) || t.excludes(st) != "" }

// Comms implements freeze.Tree.
func (t *treeScan) Comms() map[string]bool {
	comms := make(map[string]bool)
	for _, res := range t.acc.results {
		comms[res.Comm] = true
	}
	return comms
}
