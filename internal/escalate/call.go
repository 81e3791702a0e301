package escalate

import "killbox/internal/signals"

// Call is a plan, the kernel on which Run carries it out, the policy that Run asks, and the observer that Run reports
// to.
type Call struct {
	Plan     *Plan
	Kernel   Kernel
	Policy   Policy // nil means NoPolicy
	Observer Observer
}

// withPolicy returns a copy of the call whose policy is not nil.
func (c Call) withPolicy() *Call {
	if c.Policy == nil {
		c.Policy = NoPolicy{}
	}
	return &c
}

// prepareWait acquires what Kernel.Wait needs, if the plan waits.
func (c *Call) prepareWait() error {
	if !c.waits() {
		return nil
	}
	return c.Kernel.PrepareWait()
}

// isEmpty reports whether the plan has no target and cannot gain one: it has no group, no cgroup and no selector.
func (c *Call) isEmpty() bool {
	p := c.Plan
	adds := p.Groups != nil || p.Cgroup || p.Tree != nil && (p.Tree.Selector || len(p.Tree.Groups) > 0)
	return len(p.Targets) == 0 && !adds
}

// waits reports whether the plan waits for processes to end. It does not if its only signal is signal 0.
func (c *Call) waits() bool {
	p := c.Plan
	asks := !p.FreezeOnly && !p.WaitOnly && len(p.Ladder) == 1 && p.Ladder[0].Signal == signals.Null
	return !asks && !c.isEmpty()
}

// ladder returns the ladder. waitOnly reports that the plan sends no signal and only waits.
func (c *Call) ladder() (l Ladder, waitOnly bool) { return c.Plan.Ladder, c.Plan.WaitOnly }

// signalAfter returns the signal of the step after step number rung, or 0 if that is the last.
func (c *Call) signalAfter(rung int) signals.Signal {
	if rung > 0 && rung < len(c.Plan.Ladder) {
		return c.Plan.Ladder[rung].Signal
	}
	return 0
}

// firstWait returns a description of the first step, without its results.
func (c *Call) firstWait() *FirstWait {
	p := c.Plan
	return &FirstWait{Mixed: p.Mixed, Groups: p.Groups != nil && !p.Mixed, Step: p.Ladder[0], Next: c.signalAfter(1), Limit: p.Limit}
}
