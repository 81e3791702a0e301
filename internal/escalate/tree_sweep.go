package escalate

import "killbox/procfs"

// treeSweeper scans a tree for newcomers.
type treeSweeper struct {
	scan    *treeScan
	suspect *procfs.Stat // of the last scan
}

func newTreeSweeper(scan *treeScan) *treeSweeper { return &treeSweeper{scan: scan} }

// sweep scans for processes of the tree that were forked since the last step.
func (t *treeSweeper) sweep() (more bool, err error) {
	if !t.scan.hasTree() {
		return false, nil
	}
	if t.scan.proof.Proved() && !t.scan.canGrow() {
		// All members are gone, so a process forked after the freeze is orphaned by now, and no session, group
		// or selector links it to the tree: no scan would find it.
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

// scanAgain implements sweeper.
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

// doubt implements sweeper.
func (t *treeSweeper) doubt() string { return t.scan.doubtOf(t.suspect) }
