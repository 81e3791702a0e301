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

// EndRemaining ends what is left by the ladder. As we are the reaper of all
// orphans, nobody can get away, and wait's ECHILD proves that nobody has.
func (s *Supervisor) EndRemaining() error {
	if s.Settle() {
		return nil
	}
	ladder := s.Ladder
	if !s.grace.IsZero() {
		// The clock of a TERM that was forwarded runs on.
		ladder = append(escalate.Ladder(nil), ladder...)
		switch {
		case !s.urgent:
			ladder[0].Grace = max(time.Until(s.grace), 0)
		case len(ladder) > 1:
			ladder = ladder[1:]
		}
	}
	if s.Proc == nil || s.ForeignProc() {
		over, err := s.sweep(ladder)
		if !over && err == nil && s.Proc == nil {
			s.Reporter.Note("not all is gone, and without /proc it cannot be seen who is left")
		} else if !over && err == nil {
			s.Reporter.Note("not all is gone: " + s.Proc.SameNamespace(s.PID).Error())
		}
		return err
	}
	var sum *escalate.Summary
	var p *escalate.Plan
	var left map[procfs.ID]bool
	for round := 0; !s.Settle(); round++ {
		var err error
		if p, err = s.Plan(ladder); err != nil {
			return err
		}
		if sum, err = escalate.Run(escalate.Call{Plan: p, Kernel: s.Kernel, Policy: s.Policy(), Observer: s.Observer()}); err != nil {
			s.Reporter.Close()
			return err
		}
		if s.Settle() {
			break
		}
		// Whom the last rung has left twice stays there. But who outran it, or
		// was born as its time ended, is met again.
		last := ladder[len(ladder)-1]
		stays := false
		left, stays = survived(sum, left)
		refused := s.onlyRefused(sum) && (sum.Proved || round > 0)
		if stays || refused || last.Signal != signals.KILL || round == maxRounds {
			break
		}
		ladder = escalate.Ladder{last}
	}
	s.Reporter.Close()
	if s.Settle() {
		return nil
	}
	if s.PID == 1 && s.Ladder[len(s.Ladder)-1].Signal == signals.KILL && !s.onlyRefused(sum) {
		if over, err := s.sweep(escalate.Ladder{{Signal: signals.KILL, Grace: escalate.KillGrace}}); over || err != nil {
			return err
		}
	}
	return s.survivors(p, sum)
}

// survived returns who has survived, and whether somebody has that is among
// those from before.
func survived(sum *escalate.Summary, before map[procfs.ID]bool) (now map[procfs.ID]bool, again bool) {
	now = make(map[procfs.ID]bool)
	for _, res := range sum.Results {
		if res.Outcome == escalate.Survived {
			now[res.ID] = true
			again = again || before[res.ID]
		}
	}
	return now, again
}

// maxRounds bounds the pursuit of those who fork faster than they can be read.
const maxRounds = 20

// ForeignProc reports whether the PIDs in /proc are not those of this PID namespace.
func (s *Supervisor) ForeignProc() bool { return s.Proc.SameNamespace(s.PID) != nil }

// Settle reaps, and returns whether nobody is left.
func (s *Supervisor) Settle() bool {
	alone := s.alone()
	if s.drain() && !alone {
		// The last one, perhaps: no event is left that would tell of it.
		if alone = s.alone(); alone {
			s.drain()
		}
	}
	return alone
}

// drain takes what has happened, and returns whether anything has.
func (s *Supervisor) drain() bool {
	events, _ := s.Kernel.Next(0)
	s.reap(events)
	return len(events) > 0
}

func (s *Supervisor) reap(events []Event) {
	for _, e := range events {
		if e.Kind == Ended {
			if s.Notice != nil {
				s.Notice(&e)
			}
			s.NoteReaped(&e.Child)
		}
	}
}

// Plan takes all our descendants for a tree.
func (s *Supervisor) Plan(ladder escalate.Ladder) (*escalate.Plan, error) {
	self, err := s.Kernel.Open(s.PID)
	if err != nil {
		return nil, err
	}
	return &escalate.Plan{
		Targets: []escalate.Target{{Stat: self}},
		Ladder:  ladder,
		Tree: &escalate.Tree{
			Children: true,
		},
		Freeze: true, Guardian: true, Prove: time.Second,
		Hook: s.Hook, HookTimeout: s.HookTimeout,
		Status: s.FetchStatus,
	}, nil
}

// Policy is the policy for the tree of Plan.
func (s *Supervisor) Policy() escalate.Policy { return supervisorPolicy{s: s} }

type supervisorPolicy struct {
	escalate.NoPolicy
	s *Supervisor
}

// Exclude implements escalate.Policy.
func (p supervisorPolicy) Exclude(st *procfs.Stat) string {
	if p.s.wasBefore(*st) {
		return "it was there before the command"
	}
	return ""
}

// wasBefore holds for who was there before COMMAND, and for its descendants.
func (s *Supervisor) wasBefore(st procfs.Stat) bool {
	if len(s.before) == 0 {
		return false
	}
	for !s.before[st.ID] {
		parent, err := s.Proc.Stat(st.PPID)
		if err != nil || parent.PID == s.PID || parent.PID == 1 {
			return false
		}
		st = parent
	}
	return true
}

// sweep does without /proc: PID 1 signals all processes atomically, with one kill(2). over is false if processes
// remain that have not been reported.
func (s *Supervisor) sweep(ladder escalate.Ladder) (over bool, err error) {
	k := s.Kernel
	for _, step := range ladder {
		for _, sig := range []signals.Signal{step.Signal, signals.CONT} {
			var err error
			if s.PID == 1 {
				err = k.Everybody(sig)
			} else if s.Command != 0 {
				err = k.Pass(s.Command, sig, s.leadsGroup())
			}
			switch {
			case errors.Is(err, syscall.EPERM) && s.Command != 0:
				s.CommandFailed(err)
				return true, nil
			case err != nil && !errors.Is(err, procfs.ErrNoProcess):
				return false, err
			}
		}
		for end := time.Now().Add(step.Grace); step.Grace == duration.Forever || time.Until(end) > 0; {
			if s.Settle() {
				return true, nil
			}
			left := duration.Forever
			if step.Grace != duration.Forever {
				left = max(time.Until(end), 0)
			}
			events, err := k.Next(left)
			if err != nil {
				return false, err
			}
			s.reap(events)
		}
	}
	return s.Settle(), nil
}

// survivors explains the processes that remain. Those that may not be signalled have been reported.
func (s *Supervisor) survivors(p *escalate.Plan, sum *escalate.Summary) error {
	told := 0
	if sum != nil {
		told = s.countRefused(sum)
		for _, res := range sum.Results {
			if res.Outcome == escalate.Survived {
				s.Reporter.Remains(s.Proc, res, p.LastSignal(res))
				told++
			}
		}
	}
	if told > 0 || s.tellChildren() > 0 {
		return nil
	}
	doubt := "processes remain that cannot be seen"
	if sum != nil && !sum.Proved {
		doubt = sum.Doubt
	}
	s.Reporter.Note("not all is gone: " + doubt)
	return nil
}

// tellChildren explains the children that remain although the ladder has left none, and returns their number.
func (s *Supervisor) tellChildren() int {
	var table procfs.Snapshot
	if s.Kernel.Snapshot(&table) != nil {
		return 0
	}
	n := 0
	for _, st := range table.Procs {
		if st.PPID == s.PID && !s.wasBefore(st) {
			res := &escalate.Result{Target: escalate.Target{Stat: st}}
			s.Reporter.Remains(s.Proc, res, 0)
			n++
		}
	}
	return n
}
