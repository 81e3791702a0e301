package child

import (
	"errors"
	"syscall"
	"time"

	"killbox/internal/duration"
	"killbox/internal/escalate"
	"killbox/internal/signals"
	"killbox/procfs"
)

// EndRemaining signals the processes that remain by the ladder, and reaps them. This process is the adopter of all
// orphans among them, so ECHILD of wait(2) proves that none is left. It reports those that remain; the error is one
// that ended the ladder early.
func (s *Supervisor) EndRemaining() error {
	if s.ReapRemaining() {
		return nil
	}
	ladder := s.remainingLadder()
	if s.Proc == nil || s.ForeignProc() {
		return s.endUnseen(ladder)
	}
	p, sum, err := s.endTree(ladder)
	if err != nil {
		return err
	}
	if s.ReapRemaining() {
		return nil
	}
	if s.PID == 1 && s.Ladder[len(s.Ladder)-1].Signal == signals.KILL && !s.onlyRefused(sum) {
		if over, err := s.endWithoutScan(escalate.Ladder{{Signal: signals.KILL, Grace: escalate.KillGrace}}); over || err != nil {
			return err
		}
	}
	return s.reportSurvivors(p, sum)
}

// endUnseen runs the ladder if /proc does not show the descendants.
func (s *Supervisor) endUnseen(ladder escalate.Ladder) error {
	over, err := s.endWithoutScan(ladder)
	switch {
	case over || err != nil:
	case s.Proc == nil:
		s.Reporter.Note("not all is gone, and without /proc it cannot be seen who is left")
	default:
		s.Reporter.Note("not all is gone: " + s.Proc.SameNamespace(s.PID).Error())
	}
	return err
}

// endTree runs the ladder on the tree of descendants, and then its last step again for processes that were forked too
// late to be signalled. It returns the last plan and its summary.
func (s *Supervisor) endTree(ladder escalate.Ladder) (p *escalate.Plan, sum *escalate.Summary, err error) {
	var survivors map[procfs.ID]bool
	for round := 0; !s.ReapRemaining(); round++ {
		if p, err = s.TreePlan(ladder); err != nil {
			return nil, nil, err
		}
		if sum, err = escalate.Run(escalate.Call{Plan: p, Kernel: s.Kernel, Policy: s.Policy(), Observer: s.Observer()}); err != nil {
			s.Reporter.Close()
			return nil, nil, err
		}
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
		ladder = escalate.Ladder{last}
	}
	s.Reporter.Close()
	return p, sum, nil
}

// findSurvivors returns the processes that have survived a run, and reports whether one of them is among previous, the
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

// maxKillRounds bounds the rounds for processes that fork faster than they can be scanned.
const maxKillRounds = 20

// ForeignProc reports whether the PIDs in /proc are not those of this PID namespace.
func (s *Supervisor) ForeignProc() bool { return s.Proc.SameNamespace(s.PID) != nil }

// ReapRemaining reaps children and records their ends, without waiting. It reports whether no process of the command
// is left.
func (s *Supervisor) ReapRemaining() bool {
	none := s.reapExited()
	if s.reapPending() && !none {
		// The last one may have been reaped: no further event would report that.
		if none = s.reapExited(); none {
			s.reapPending()
		}
	}
	return none
}

// reapPending handles the pending events, and reports whether there were any.
func (s *Supervisor) reapPending() bool {
	events, _ := s.Kernel.WaitAndReap(0)
	s.recordEnded(events)
	return len(events) > 0
}

// recordEnded records the children that were reaped.
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

// TreePlan returns the plan that ends all descendants of this process, except those from before the command.
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

// Policy returns the policy for the tree of TreePlan.
func (s *Supervisor) Policy() escalate.Policy { return supervisorPolicy{s: s} }

type supervisorPolicy struct {
	escalate.NoPolicy
	s *Supervisor
}

// Exclude implements escalate.Policy.
func (p supervisorPolicy) Exclude(st *procfs.Stat) string {
	if p.s.existedBefore(*st) {
		return "it was there before the command"
	}
	return ""
}

// endWithoutScan runs the ladder without a scan of /proc: PID 1 signals all processes atomically, with one kill(2);
// otherwise the command or its group is signalled. over is false if processes remain that have not been reported.
func (s *Supervisor) endWithoutScan(ladder escalate.Ladder) (over bool, err error) {
	k := s.Kernel
	for _, step := range ladder {
		for _, sig := range []signals.Signal{step.Signal, signals.CONT} {
			var err error
			if s.PID == 1 {
				err = k.SignalAll(sig)
			} else if s.Command != 0 {
				err = k.SignalChild(s.Command, sig, s.leadsGroup())
			}
			switch {
			case errors.Is(err, syscall.EPERM) && s.Command != 0:
				s.ReportCommandFailed(err)
				return true, nil
			case err != nil && !errors.Is(err, procfs.ErrNoProcess):
				return false, err
			}
		}
		for end := time.Now().Add(step.Grace); step.Grace == duration.Forever || time.Until(end) > 0; {
			if s.ReapRemaining() {
				return true, nil
			}
			timeout := duration.Forever
			if step.Grace != duration.Forever {
				timeout = max(time.Until(end), 0)
			}
			events, err := k.WaitAndReap(timeout)
			if err != nil {
				return false, err
			}
			s.recordEnded(events)
		}
	}
	return s.ReapRemaining(), nil
}

// reportSurvivors reports the processes that remain, and why. Those that may not be signalled have been reported.
func (s *Supervisor) reportSurvivors(p *escalate.Plan, sum *escalate.Summary) error {
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
		return nil
	}
	doubt := "processes remain that cannot be seen"
	if sum != nil && !sum.Proved {
		doubt = sum.Doubt
	}
	s.Reporter.Note("not all is gone: " + doubt)
	return nil
}

// reportChildren reports the children that remain although the plan has no survivors, and returns their number.
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
