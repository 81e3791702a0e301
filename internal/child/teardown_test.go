package child

import (
	"testing"

	"killbox/internal/escalate"
	"killbox/procfs"
)

// Who is left after one KILL may have been born as its time ended; only who is left after two stays there.
func TestSurvivedTwice(t *testing.T) {
	left := func(pid int, outcome escalate.Outcome) *escalate.Result {
		return &escalate.Result{Target: escalate.Target{Stat: procfs.Stat{ID: procfs.ID{PID: pid, Start: 1}}}, Outcome: outcome}
	}
	first := &escalate.Summary{Results: []*escalate.Result{left(10, escalate.Gone), left(11, escalate.Survived)}}
	newcomer := &escalate.Summary{Results: []*escalate.Result{left(11, escalate.Gone), left(12, escalate.Survived)}}
	now, again := survived(first, nil)
	if len(now) != 1 || again {
		t.Errorf("after one KILL: %v, again %v", now, again)
	}
	if now, again = survived(newcomer, now); len(now) != 1 || again {
		t.Errorf("a newcomer: %v, again %v", now, again)
	}
	if _, again = survived(newcomer, now); !again {
		t.Error("who survives twice was not noticed")
	}
}
