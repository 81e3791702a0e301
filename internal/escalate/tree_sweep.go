package escalate

import (
	"cmp"

	"killbox/internal/signals"
	"killbox/procfs"
)

// treeSweeper scans a tree for newcomers.
type treeSweeper struct {
	scan    *treeScan
	late    *lateOrphans
	suspect *procfs.Stat // of the last scan
}

func newTreeSweeper(scan *treeScan) *treeSweeper {
	return &treeSweeper{scan: scan, late: newLateOrphans(scan, scan.acc)}
}

// noteResume is called before the members are resumed that were sent sig.
func (t *treeSweeper) noteResume(sig signals.Signal) { t.late.noteResume(sig) }

// noteEnd implements scope.
func (t *treeSweeper) noteEnd(ids []procfs.ID) { t.late.noteEnd(ids) }

// sweep scans for processes of the tree that were forked since the last step.
func (t *treeSweeper) sweep() (more bool, err error) {
	switch {
	case !t.scan.hasTree():
		return false, nil
	case !t.scan.proof.Proved() || t.scan.canGrow():
		t.scan.proof.BeginSweep()
		more, err = sweepUntilProved(t.scan.acc, t)
	case len(t.scan.forkers) > 0:
		more, err = t.findLateOrphans()
	default:
		// In the freeze all members were known, and since then none can have forked, or nothing would attribute its
		// child to the tree.
	}
	if doubt := cmp.Or(t.scan.proof.HiddenDoubt(), t.late.doubt()); !more && err == nil && doubt != "" {
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
