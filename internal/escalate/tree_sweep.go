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
	switch {
	case !t.scan.hasTree():
		return false, nil
	case !t.scan.proof.Proved() || t.scan.canGrow():
		t.scan.proof.BeginSweep()
		more, err = sweepUntilProved(t.scan.acc, t)
	case t.scan.mayFork:
		more, err = t.findLateOrphans()
	default:
		// In the freeze all members were known, and since then none can have forked, or nothing would attribute its
		// child to the tree.
	}
	if doubt := t.scan.proof.HiddenDoubt(); !more && err == nil && doubt != "" {
		t.scan.acc.addDoubt(doubt)
	}
	return more, err
}

// findLateOrphans scans for orphans that members have forked between the proved freeze and their end. Only the image
// attributes such an orphan, so it is enough to scan the processes that were forked since then. Where these cannot be
// told apart, or the last scan or this one is not conclusive, sweepUntilProved scans the whole process table.
func (t *treeSweeper) findLateOrphans() (more bool, err error) {
	if !t.scan.proof.Missed() {
		if more, ok, err := t.scan.scanNew(); ok || err != nil {
			return more, err
		}
	}
	t.scan.proof.BeginSweep()
	return sweepUntilProved(t.scan.acc, t)
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
