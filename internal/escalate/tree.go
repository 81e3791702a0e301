package escalate

import "killbox/internal/signals"

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
			t.beginLasting()
		}
		return found, err
	}
	return t.openMembers()
}
