package escalate

import "killbox/internal/signals"

// tree is the scope of the trees of the targets, or of the targets alone if those are stopped.
type tree struct {
	*treeFreezer
	*treeSender
	*treeSweeper
}

func newTree(acc *account) *tree {
	f := newTreeFreezer(acc)
	return &tree{treeFreezer: f, treeSender: newTreeSender(acc, f.treeScan), treeSweeper: newTreeSweeper(f.treeScan)}
}

// scanAndStop opens all members and, if the plan freezes, stops them.
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
