package child

import (
	"testing"

	"killbox/internal/escalate"
	"killbox/procfs"
)

// TestEndedCount counts processes over several runs of the ladder.
func TestEndedCount(t *testing.T) {
	result := func(pid, rung int, outcome escalate.Outcome) *escalate.Result {
		st := procfs.Stat{ID: procfs.ID{PID: pid, Start: 1}}
		return &escalate.Result{Target: escalate.Target{Stat: st}, Rung: rung, Outcome: outcome}
	}
	first := &escalate.Summary{Results: []*escalate.Result{
		result(10, 1, escalate.Gone), result(11, 2, escalate.Survived), result(12, 2, escalate.Survived),
		result(13, 0, escalate.Gone),    // it ended by itself
		result(14, 0, escalate.Refused), // it may not be signalled
	}}
	second := &escalate.Summary{Results: []*escalate.Result{result(12, 1, escalate.Survived), result(15, 1, escalate.Gone)}}
	for _, test := range []struct {
		sums []*escalate.Summary
		none bool
		want int
	}{
		{nil, true, 0},
		{[]*escalate.Summary{first}, false, 1},
		{[]*escalate.Summary{first}, true, 3},
		{[]*escalate.Summary{first, second}, false, 3}, // 11 ended between the runs
		{[]*escalate.Summary{first, second}, true, 4},
	} {
		var c endedCount
		for _, sum := range test.sums {
			c.add(sum)
		}
		if got := c.count(test.none); got != test.want {
			t.Errorf("%d runs, none remains %v: %d, want %d", len(test.sums), test.none, got, test.want)
		}
	}
}
