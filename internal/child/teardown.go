package child

import (
	"errors"
	"slices"
	"time"

	"killbox/internal/escalate"
	"killbox/internal/signals"
	"killbox/procfs"
)

// EndRemaining runs the ladder on the remaining processes, reaps them, and reports the survivors. This process is the
// adopter of all orphans among them, so ECHILD of wait(2) proves that no process remains. The error is one that ended
// the ladder early. If the other half of a pair is killed meanwhile, the ladder ends, and KILL follows at once.
func (s *Supervisor) EndRemaining() error {
	err := s.runLadder()
	if errors.As(err, new(*signals.Interrupt)) {
		s.loseHalf()
		err = s.runLadder()
	}
	return err
}

// runLadder is EndRemaining without a second attempt. The error is a *signals.Interrupt if the other half of a pair was
// killed.
func (s *Supervisor) runLadder() error {
	if s.ReapRemaining() {
		return nil
	}
	ladder, done := s.remainingLadder()
	if s.began.IsZero() {
		s.began = time.Now()
	}
	if s.Proc == nil || s.ForeignProc() {
		return s.endUnseen(ladder, done)
	}
	p, sum, err := s.endTree(ladder, done)
	if err != nil {
		return err
	}
	if s.ReapRemaining() {
		return nil
	}
	if last := len(s.Ladder) - 1; s.PID == 1 && s.Ladder[last].Signal == signals.KILL && !s.onlyRefused(sum) {
		ladder = append(slices.Clone(s.Ladder[:last]), KillLadder()...)
		if over, err := s.endWithoutScan(ladder, last); over || err != nil {
			return err
		}
	}
	s.reportSurvivors(p, sum)
	return nil
}

// endTree runs the ladder on all descendants; done steps of it were carried out before. If the last signal is KILL, it
// repeats the last step up to maxKillRounds times, for processes that were forked too late to be signalled. It returns
// the last plan and its summary.
func (s *Supervisor) endTree(ladder escalate.Ladder, done int) (p *escalate.Plan, sum *escalate.Summary, err error) {
	var survivors map[procfs.ID]bool
	for round := 0; !s.ReapRemaining(); round++ {
		if p, err = s.TreePlan(ladder); err != nil {
			return nil, nil, err
		}
		p.StepsDone, p.Began = done, s.began
		if round > 0 {
			p.Hook = "" // the hooks of the last step have run
		}
		if sum, err = escalate.Run(escalate.Call{Plan: p, Kernel: s.Kernel, Policy: s.Policy(), Observer: s.Observer()}); err != nil {
			s.Reporter.Close()
			return nil, nil, err
		}
		s.ended.add(sum)
		if s.ReapRemaining() {
			break
		}
		// A process that survives the last step twice is a survivor. One that was forked too late to be
		// signalled gets another round.
		last := ladder[len(ladder)-1]
		twice := false
		survivors, twice = findSurvivors(sum, survivors)
		refused := s.onlyRefused(sum) && (sum.Proved || round > 0)
		if twice || refused || last.Signal != signals.KILL || round == maxKillRounds {
			break
		}
		done = len(ladder) - 1
	}
	s.Reporter.Close()
	return p, sum, nil
}

// findSurvivors returns the processes that survived a run. twice reports whether one of them is in previous, the
// survivors of the run before.
func findSurvivors(sum *escalate.Summary, previous map[procfs.ID]bool) (now map[procfs.ID]bool, twice bool) {
	now = make(map[procfs.ID]bool)
	for _, res := range sum.Results {
		if res.Outcome == escalate.Survived {
			now[res.ID] = true
			twice = twice || previous[res.ID]
		}
	}
	return now, twice
}

// maxKillRounds limits how often the KILL step is repeated for processes that fork faster than they can be scanned.
const maxKillRounds = 20

// ForeignProc reports whether /proc belongs to another PID namespace: its PIDs name other processes here.
func (s *Supervisor) ForeignProc() bool { return s.Proc.SameNamespace(s.PID) != nil }

// ReapRemaining reaps children that have exited and records how they ended, without waiting. It reports whether no
// process remains. It drops other events, such as signals, so it is for the time when the remaining processes are being
// ended.
func (s *Supervisor) ReapRemaining() bool {
	none := s.reapExited()
	if s.reapPending() && !none {
		// reapPending may have reaped the last child, and no further event would report that none remains.
		if none = s.reapExited(); none {
			s.reapPending()
		}
	}
	return none
}

// reapPending reaps children without waiting, and records how they ended. It reports whether there was an event.
func (s *Supervisor) reapPending() bool {
	events, _ := s.Kernel.WaitAndReap(0, nil)
	s.recordEnded(events)
	return len(events) > 0
}

// recordEnded records the children that the events report as reaped.
func (s *Supervisor) recordEnded(events []Event) {
	for _, e := range events {
		if e.Kind == Ended {
			if s.OnEvent != nil {
				s.OnEvent(&e)
			}
			s.RecordReaped(&e.Child)
		}
	}
}

// TreePlan returns a plan that ends all descendants of this process. Policy excludes the descendants that existed
// before the command.
func (s *Supervisor) TreePlan(ladder escalate.Ladder) (*escalate.Plan, error) {
	self, err := s.Kernel.Open(s.PID)
	if err != nil {
		return nil, err
	}
	return &escalate.Plan{
		Targets: []escalate.Target{{Stat: self}},
		Ladder:  ladder,
		Tree:    &escalate.Tree{Children: true},
		Freeze:  true, Guardian: true, Prove: time.Second,
		Hook: s.Hook, HookTimeout: s.HookTimeout,
		Status: s.FetchStatus,
	}, nil
}

// Policy returns the policy for TreePlan.
func (s *Supervisor) Policy() escalate.Policy { return supervisorPolicy{s: s} }

type supervisorPolicy struct {
	escalate.NoPolicy
	s *Supervisor
}

// Exclude implements escalate.Policy.
func (p supervisorPolicy) Exclude(st *procfs.Stat) string {
	if p.s.existedBefore(*st) {
		return "it existed before the command"
	}
	return ""
}

// reportSurvivors reports the remaining processes, and why each remains. Processes that may not be signalled have been
// reported already (teardownObserver).
func (s *Supervisor) reportSurvivors(p *escalate.Plan, sum *escalate.Summary) {
	reported := 0
	if sum != nil {
		reported = s.countRefused(sum)
		for _, res := range sum.Results {
			if res.Outcome == escalate.Survived {
				s.Reporter.ExplainSurvivor(s.Proc, res, p.LastSignal(res))
				reported++
			}
		}
	}
	if reported > 0 || s.reportChildren() > 0 {
		return
	}
	if sum != nil && !sum.Proved {
		s.Reporter.Note("processes remain: " + sum.Doubt)
	} else {
		s.Reporter.Note("processes remain that /proc does not show")
	}
}

// reportChildren is called if the ladder left no survivor to report and yet children remain. It reports these children,
// and returns their number.
func (s *Supervisor) reportChildren() int {
	var table procfs.Snapshot
	if s.Kernel.Snapshot(&table) != nil {
		return 0
	}
	n := 0
	for _, st := range table.Procs {
		if st.PPID == s.PID && !s.existedBefore(st) {
			res := &escalate.Result{Target: escalate.Target{Stat: st}}
			s.Reporter.ExplainSurvivor(s.Proc, res, 0)
			n++
		}
	}
	return n
}
