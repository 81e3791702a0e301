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
}

func newTreeScan(acc *account, f *freeze.Freezer) *treeScan {
	k := acc.call.Kernel
	return &treeScan{attribution: newAttribution(k, acc.call.Plan, acc.call.Policy, f), k: k, acc: acc}
}

// freezes reports whether members are stopped before they are signalled.
func (t *treeScan) freezes() bool { return t.freezer.Freezes() }

// takeSnapshot scans the process table, and then confirms or disowns the members.
func (t *treeScan) takeSnapshot() error {
	if err := t.k.Snapshot(&t.snap); err != nil {
		return err
	}
	t.confirm(&t.snap)
	return nil
}

// scanMembers scans the tree and opens the newcomers, whose results it returns. After each member it calls onFound, if
// that is not nil, with all newcomers found so far.
func (t *treeScan) scanMembers(onFound func(found batch) error) (batch, error) {
	first := t.proof.NeedsBaseline()
	if first {
		t.proof.FindSiblings(t.k, t.freezes())
	}
	if err := t.takeSnapshot(); err != nil {
		return nil, err
	}
	if first {
		t.proof.RecordBaseline(&t.snap, t.roots, t)
	}
	var found batch
	for _, st := range parentsFirst(t.members(&t.snap)) {
		found = t.openMember(found, st)
		if onFound != nil {
			if err := onFound(found); err != nil {
				return found, err
			}
		}
	}
	return found, nil
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
	return append(found, t.acc.addMember(now))
}

// anyAlive reports whether the last scan shows a living member that remains to be ended, known or new.
func (t *treeScan) anyAlive() bool {
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
