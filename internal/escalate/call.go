package escalate

import "killbox/internal/signals"

// Call is a plan with what it is carried out on.
type Call struct {
	Plan     *Plan
	Kernel   Kernel
	Policy   Policy // nil excludes and selects nothing
	Observer Observer
}

// withPolicy returns the call with a policy.
func (c Call) withPolicy() *Call {
	if c.Policy == nil {
		c.Policy = NoPolicy{}
	}
	return &c
}

// prepareWait acquires what waiting takes, if the plan waits.
func (c *Call) prepareWait() error {
	if !c.waits() {
		return nil
	}
	return c.Kernel.PrepareWait()
}

// isVain reports whether the plan has no target, and nothing in it can add one.
func (c *Call) isVain() bool {
	p := c.Plan
	adds := p.Groups != nil || p.Cgroup || p.Tree != nil && (p.Tree.Selector || len(p.Tree.Groups) > 0)
	return len(p.Targets) == 0 && !adds
}

// waits reports whether the plan waits for processes. It does not if the null signal is all that is sent.
func (c *Call) waits() bool {
	p := c.Plan
	asks := !p.FreezeOnly && !p.WaitOnly && len(p.Ladder) == 1 && p.Ladder[0].Signal == signals.Null
	return !asks && !c.isVain()
}

// ladder returns the ladder, and whether the plan only waits, without climbing it.
func (c *Call) ladder() (l Ladder, waitOnly bool) { return c.Plan.Ladder, c.Plan.WaitOnly }

// signalAfter returns the signal of the step after that rung, 0 if there is none.
func (c *Call) signalAfter(rung int) signals.Signal {
	if rung > 0 && rung < len(c.Plan.Ladder) {
		return c.Plan.Ladder[rung].Signal
	}
	return 0
}
