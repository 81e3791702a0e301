package dropin

import (
	"errors"

	"killbox/internal/cli"
	"killbox/internal/escalate"
	"killbox/internal/signals"
	"killbox/procfs"
)

// runLadder runs the ladder of --timeout for all targets at the same time, and adds the results to c.done and c.failed.
// It returns a nonzero exit status if a caught signal or an error interrupted the ladder.
func (c *killCall) runLadder() int {
	plan := &escalate.Plan{Targets: c.targets, Ladder: c.ladder()}
	for i := range plan.Targets {
		if st, err := c.env.Kernel.Stat(plan.Targets[i].ID); err == nil {
			plan.Targets[i].Stat = st
		}
	}
	var k escalate.Kernel = c.env.Kernel
	if c.queue {
		k = queueing{c.env.Kernel, c.value}
	}
	_ = c.env.Kernel.DeferSignals()
	sum, err := escalate.Run(escalate.Call{Plan: plan, Kernel: k, Observer: killObserver{c}})
	if i := new(signals.Interrupt); errors.As(err, &i) {
		c.env.Die(i.Signal)
		return 128 + int(i.Signal)
	}
	if err != nil {
		return c.fail("%v", err)
	}
	for _, res := range sum.Results {
		switch res.Outcome {
		case escalate.Survived, escalate.Exists:
			c.failed++
			c.say("%d is still there", res.PID)
		case escalate.Refused:
			c.failed++
		default:
			c.done++
		}
	}
	return 0
}

// ladder returns the signal, and the ladder of --timeout if it is given.
func (c *killCall) ladder() (l escalate.Ladder) {
	if len(c.followUp) == 0 {
		return escalate.Ladder{{Signal: c.signal}}
	}
	at := c.signal // the signal before the wait
	for _, step := range c.followUp {
		l = append(l, escalate.Step{Signal: at, Grace: step.Grace})
		at = step.Signal
	}
	return append(l, escalate.Step{Signal: at, Grace: escalate.KillGrace})
}

// queueing is a Kernel that sends a value with every signal, as sigqueue(3) does.
type queueing struct {
	cli.Kernel
	value int32
}

func (q queueing) Signal(id procfs.ID, sig signals.Signal) error {
	return q.SignalWithValue(id, sig, q.value)
}
