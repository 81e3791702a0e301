package applets

import (
	"errors"
	"syscall"
	"time"

	"killbox/internal/child"
	"killbox/internal/duration"
	"killbox/internal/escalate"
	"killbox/internal/report"
	"killbox/internal/signals"
	"killbox/procfs"
)

// teardown ends what is left by the ladder. As we are the reaper of all
// orphans, nobody can get away, and wait's ECHILD proves that nobody has.
func (r *keeping) teardown() error {
	if r.settle() {
		return nil
	}
	ladder := r.steps
	if !r.grace.IsZero() {
		// The clock of a TERM that was forwarded runs on.
		ladder = append(escalate.Ladder(nil), ladder...)
		switch {
		case !r.urgent:
			ladder[0].Grace = max(time.Until(r.grace), 0)
		case len(ladder) > 1:
			ladder = ladder[1:]
		}
	}
	if r.env.Proc == nil || r.foreignProc() {
		over, err := r.sweep(ladder)
		if !over && err == nil && r.env.Proc == nil {
			r.rep.Note("not all is gone, and without /proc it cannot be seen who is left")
		} else if !over && err == nil {
			r.rep.Note("not all is gone: " + r.env.sameNamespace().Error())
		}
		return err
	}
	var sum *escalate.Summary
	var p *escalate.Plan
	var left map[procfs.ID]bool
	for round := 0; !r.settle(); round++ {
		var err error
		if p, err = r.plan(ladder); err != nil {
			return err
		}
		if sum, err = escalate.Run(r.env.Kernel, p, r.observer()); err != nil {
			r.rep.Close()
			return err
		}
		if r.settle() {
			break
		}
		// Whom the last rung has left twice stays there. But who outran it, or
		// was born as its time ended, is met again.
		last := ladder[len(ladder)-1]
		stays := false
		left, stays = survived(sum, left)
		refused := r.onlyRefused(sum) && (sum.Proved || round > 0)
		if stays || refused || last.Signal != signals.KILL || round == maxRounds {
			break
		}
		ladder = escalate.Ladder{last}
	}
	r.rep.Close()
	if r.settle() {
		return nil
	}
	if r.env.PID == 1 && r.steps[len(r.steps)-1].Signal == signals.KILL && !r.onlyRefused(sum) {
		if over, err := r.sweep(escalate.Ladder{{Signal: signals.KILL, Grace: escalate.KillGrace}}); over || err != nil {
			return err
		}
	}
	return r.survivors(p, sum)
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

// foreignProc: the numbers in /proc are not ours.
func (r *keeping) foreignProc() bool {
	pid, err := r.env.Proc.Self()
	return err != nil || pid != r.env.PID
}

// settle reaps, and returns whether nobody is left.
func (r *keeping) settle() bool {
	alone := r.alone()
	if r.drain() && !alone {
		// The last one, perhaps: no event is left that would tell of it.
		if alone = r.alone(); alone {
			r.drain()
		}
	}
	return alone
}

// drain takes what has happened, and returns whether anything has.
func (r *keeping) drain() bool {
	events, _ := r.env.Kernel.Next(0)
	r.reap(events)
	return len(events) > 0
}

func (r *keeping) reap(events []child.Event) {
	for _, e := range events {
		if e.Kind == child.Ended {
			if r.notice != nil {
				r.notice(&e)
			}
			r.ended(&e.Child)
		}
	}
}

// plan takes all our descendants for a tree.
func (r *keeping) plan(ladder escalate.Ladder) (*escalate.Plan, error) {
	self, err := r.env.Kernel.Open(r.env.PID)
	if err != nil {
		return nil, err
	}
	return &escalate.Plan{
		Targets: []escalate.Target{{Stat: self}},
		Ladder:  ladder,
		Tree: &escalate.Tree{
			Children: true,
			Guard: func(st *procfs.Stat) string {
				if r.wasBefore(*st) {
					return "it was there before the command"
				}
				return ""
			},
		},
		Freeze: true, Guardian: true, Prove: time.Second,
		Hook: r.ladder.hook, HookTimeout: r.ladder.hookTimeout.d,
		Status: r.output.json || r.output.verbose,
	}, nil
}

// wasBefore holds for who was there before COMMAND, and for its descendants.
func (r *keeping) wasBefore(st procfs.Stat) bool {
	if len(r.before) == 0 {
		return false
	}
	for !r.before[st.ID] {
		parent, err := r.env.Proc.Stat(st.PPID)
		if err != nil || parent.PID == r.env.PID || parent.PID == 1 {
			return false
		}
		st = parent
	}
	return true
}

// sweep does without /proc: PID 1 signals all processes atomically, with one kill(2). over is false if processes
// remain that have not been reported.
func (r *keeping) sweep(ladder escalate.Ladder) (over bool, err error) {
	k := r.env.Kernel
	for _, step := range ladder {
		for _, sig := range []signals.Signal{step.Signal, signals.CONT} {
			var err error
			if r.env.PID == 1 {
				err = k.Everybody(sig)
			} else if r.pid != 0 {
				err = k.Pass(r.pid, sig, r.leadsGroup())
			}
			switch {
			case errors.Is(err, syscall.EPERM) && r.pid != 0:
				r.commandFailed(err)
				return true, nil
			case err != nil && !errors.Is(err, procfs.ErrNoProcess):
				return false, err
			}
		}
		for end := time.Now().Add(step.Grace); step.Grace == duration.Forever || time.Until(end) > 0; {
			if r.settle() {
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
			r.reap(events)
		}
	}
	return r.settle(), nil
}

// survivors explains the processes that remain. Those that may not be signalled have been reported.
func (r *keeping) survivors(p *escalate.Plan, sum *escalate.Summary) error {
	told := 0
	if sum != nil {
		told = r.countRefused(sum)
		for _, res := range sum.Results {
			if res.Outcome == escalate.Survived {
				r.rep.Survivor(res, report.Explain(r.env.Proc, res.ID, lastSignal(p, res)))
				told++
			}
		}
	}
	if told > 0 || r.tellChildren() > 0 {
		return nil
	}
	doubt := "processes remain that cannot be seen"
	if sum != nil && !sum.Proved {
		doubt = sum.Doubt
	}
	r.rep.Note("not all is gone: " + doubt)
	return nil
}

// tellChildren explains the children that remain although the ladder has left none, and returns their number.
func (r *keeping) tellChildren() int {
	var table procfs.Snapshot
	if r.env.Kernel.Snapshot(&table) != nil {
		return 0
	}
	n := 0
	for _, st := range table.Procs {
		if st.PPID == r.env.PID && !r.wasBefore(st) {
			res := &escalate.Result{Target: escalate.Target{Stat: st}}
			r.rep.Survivor(res, report.Explain(r.env.Proc, st.ID, 0))
			n++
		}
	}
	return n
}
