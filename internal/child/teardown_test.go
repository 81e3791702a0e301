package child

import (
	"testing"

	"killbox/internal/escalate"
	"killbox/procfs"
)

// TestFindSurvivors: a process that is seen after one KILL may have been forked after the KILL was sent. If it is still
// there after the next KILL, it is a survivor.
func TestFindSurvivors(t *testing.T) {
	result := func(pid int, outcome escalate.Outcome) *escalate.Result {
		return &escalate.Result{Target: escalate.Target{Stat: procfs.Stat{ID: procfs.ID{PID: pid, Start: 1}}}, Outcome: outcome}
	}
	first := &escalate.Summary{Results: []*escalate.Result{result(10, escalate.Gone), result(11, escalate.Survived)}}
	newcomer := &escalate.Summary{Results: []*escalate.Result{result(11, escalate.Gone), result(12, escalate.Survived)}}
	now, twice := findSurvivors(first, nil)
	if len(now) != 1 || twice {
		t.Errorf("after one KILL: %v, twice %v", now, twice)
	}
	if now, twice = findSurvivors(newcomer, now); len(now) != 1 || twice {
		t.Errorf("a newcomer: %v, twice %v", now, twice)
	}
	if _, twice = findSurvivors(newcomer, now); !twice {
		t.Error("a process that survived twice was not found")
	}
}
