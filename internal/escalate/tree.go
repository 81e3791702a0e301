package escalate

import (
	"killbox/internal/signals"
	"killbox/procfs"
)

// tree is the scope of the trees of the targets. For a plan without Tree it is the scope of the targets alone, which
// are stopped before they are signalled.
type tree struct {
	*treeFreezer
	*treeSender
	*treeSweeper
}

func newTree(acc *account) *tree {
	f := newTreeFreezer(acc)
	return &tree{treeFreezer: f, treeSender: newTreeSender(acc, f.treeScan), treeSweeper: newTreeSweeper(f.treeScan)}
}

// scanAndStop implements scope.
func (t *tree) scanAndStop(sig signals.Signal) (batch, error) {
	ok, err := t.prepare()
	if err != nil {
		return nil, err
	}
	if ok {
		found, err := t.freezeMembers(sig)
		if err == nil {
			t.readWitnesses(func(st *procfs.Stat) bool { return maySurvive(st, sig) })
			t.beginLasting()
		}
		return found, err
	}
	found, err := t.openMembers()
	t.readWitnesses(func(*procfs.Stat) bool { return true }) // without a freeze any member may fork until its end
	return found, err
}

// resume implements scope.
func (t *tree) resume(sig signals.Signal) {
	t.noteResume(sig)
	t.treeFreezer.resume(sig)
}

// maySurvive reports whether a stopped process may run code of its program after it has been sent sig and resumed. If
// it has one thread, no handler, and neither ignores nor blocks the signal, it dies before that. A second thread may
// run until the first has taken the signal, and a handler of another signal that is pending may run before.
func maySurvive(st *procfs.Stat, sig signals.Signal) bool {
	switch {
	case sig == signals.KILL:
		return false
	case !sig.Ends() || sig > 31 || st.Threads > 1 || st.Caught != 0: // the masks in stat end with signal 31
		return true
	}
	return (st.Blocked|st.Ignored)>>(sig-1)&1 != 0
}
