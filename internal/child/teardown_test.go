package child

import (
	"testing"

	"killbox/internal/escalate"
	"killbox/procfs"
)

// TestSurvivorsTwice: a process that remains after one KILL may have been forked too late for it; one that remains
// after two is a survivor.
func TestSurvivorsTwice(t *testing.T) {
	left := func(pid int, outcome escalate.Outcome) *escalate.Result {
		return &escalate.Result{Target: escalate.Target{Stat: procfs.Stat{ID: procfs.ID{PID: pid, Start: 1}}}, Outcome: outcome}
	}
	first := &escalate.Summary{Results: []*escalate.Result{left(10, escalate.Gone), left(11, escalate.Survived)}}
	newcomer := &escalate.Summary{Results: []*escalate.Result{left(11, escalate.Gone), left(12, escalate.Survived)}}
	now, again := findSurvivors(first, nil)
	if len(now) != 1 || again {
		t.Errorf("after one KILL: %v, again %v", now, again)
	}
	if now, again = findSurvivors(newcomer, now); len(now) != 1 || again {
		t.Errorf("a newcomer: %v, again %v", now, again)
	}
	if _, again = findSurvivors(newcomer, now); !again {
		t.Error("a process that survived twice was not found")
	}
}
