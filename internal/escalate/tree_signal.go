package escalate

import (
	"slices"

	"killbox/internal/signals"
)

// treeSender signals the members of a tree.
type treeSender struct {
	scan   *treeScan
	single *sender
}

func newTreeSender(acc *account, scan *treeScan) *treeSender {
	return &treeSender{scan: scan, single: newSender(acc)}
}

// signal signals the members one by one, because no system call signals a whole tree.
func (t *treeSender) signal(list batch, sig signals.Signal) {
	if !t.scan.freezes() && sig == signals.KILL {
		list = t.deepestFirst(list)
	}
	t.single.signalAll(list, sig)
}

// deepestFirst orders the list so that children come before their parents. Without a freeze, KILL is sent in this
// order: a child of a living parent is not orphaned before it has been signalled.
func (t *treeSender) deepestFirst(list batch) batch {
	depth := func(pid int) int {
		d := 0
		for st := t.scan.snap.Lookup(pid); st != nil && d < len(t.scan.snap.Procs); st = t.scan.snap.Lookup(st.PPID) {
			d++
		}
		return d
	}
	depths := make(map[int]int, len(list))
	for _, res := range list {
		depths[res.PID] = depth(res.PID)
	}
	sorted := slices.Clone(list)
	slices.SortStableFunc(sorted, func(a, b *Result) int { return depths[b.PID] - depths[a.PID] })
	return sorted
}
