package escalate

import "killbox/procfs"

// treeSweeper looks for processes that a tree has gained.
type treeSweeper struct {
	scan    *treeScan
	suspect *procfs.Stat // of the last scan
}

func newTreeSweeper(scan *treeScan) *treeSweeper { return &treeSweeper{scan: scan} }

// sweep looks for processes that were forked since the last step and are part of the tree.
func (t *treeSweeper) sweep() (more bool, err error) {
	if !t.scan.hasTree() {
		return false, nil
	}
	if t.scan.proof.Proved() && !t.scan.canGrow() {
		// A process forked since then is orphaned, and no session links it to the tree.
		more, err = false, nil
	} else {
		t.scan.proof.BeginSweep()
		more, err = sweepUntilProved(t.scan.acc, t)
	}
	if doubt := t.scan.proof.HiddenDoubt(); !more && err == nil && doubt != "" {
		t.scan.acc.addDoubt(doubt)
	}
	return more, err
}

func (t *treeSweeper) scanAgain() (finding, error) {
	if err := t.scan.takeSnapshot(); err != nil {
		return inconclusive, err
	}
	if t.scan.anyAlive() {
		return newcomers, nil
	}
	over, suspect := t.scan.judgeSweep()
	t.suspect = suspect
	if over {
		return nothing, nil
	}
	return inconclusive, nil
}

// doubt returns why the last scan does not prove that no process of the tree remains.
func (t *treeSweeper) doubt() string { return t.scan.doubtOf(t.suspect) }
