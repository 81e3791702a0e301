package applets

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"killbox/internal/escalate"
	"killbox/internal/report"
	"killbox/internal/signals"
	"killbox/internal/target"
	"killbox/procfs"
)

// call is one use of an applet that ends processes: the way from operands to
// an exit status, which all of them share.
type call struct {
	env     *Env
	applet  *Applet
	ladders *ladderOptions
	outputs *outputOptions
	targets *targetOptions
	// harmless: nobody is signalled, so nobody is refused.
	harmless bool
	trees    bool // the descendants of operands are meant

	ladder escalate.Ladder
	policy escalate.Policy // nil where nothing is excluded or selected
	rep    *report.Reporter
	guard  *target.Guard
	req    target.Request
	found  *target.Found
	table  procfs.Snapshot // taken by preview
	codes  []int
}

// prepare finds the targets. A result of false means that the call is over,
// with the exit status of end.
func (c *call) prepare(operands []string) (ok bool) {
	var err, failure error
	if c.ladder, err = c.ladders.ladder(); err == nil {
		err = c.askable(c.targets.exited)
	}
	if err == nil {
		c.req, err, failure = c.targets.request(c.env, operands)
	}
	if err != nil {
		c.codes = append(c.codes, usageError(c.env, c.applet.Name, err))
		return false
	}
	c.report()
	if failure != nil {
		c.fail(nil, failure, exitFailed)
		return false
	}
	if err := c.sameNamespace(); err != nil {
		c.fail(nil, err, exitFailed)
		return false
	}
	c.guard = target.NewGuard(c.env.Proc, c.env.PID, c.targets.force || c.harmless || c.asks())
	if c.asks() {
		c.guard.AllowSelf()
	}
	if c.trees {
		c.guard.Trees()
	}
	if c.targets.all {
		if err := c.guard.SpareSession(c.env.Proc); err != nil {
			c.fail(nil, err, exitFailed)
			return false
		}
	}
	if c.found, err = target.Resolve(c.env.Proc, c.env.Kernel, c.guard, c.req); err != nil {
		c.fail(nil, err, exitFailed)
		return false
	}
	c.problems(c.targets.exited || c.asks())
	if found := c.found; len(found.Processes)+len(found.Missing)+len(found.Refused)+len(found.Ended)+len(found.Hidden) == 0 {
		if !c.targets.exited {
			c.fail(nil, c.nothing(), exitMissing)
		}
	}
	return true
}

var errNothing = errors.New("nothing matches")

// nothing is the error if there is no target.
func (c *call) nothing() error {
	if skipped := c.found.Skipped; len(skipped) > 0 {
		first := report.Process(&skipped[0].Stat) + ": " + skipped[0].Reason
		if len(skipped) == 1 {
			return fmt.Errorf("%w but %s", errNothing, first)
		}
		return fmt.Errorf("%w but %d excluded processes, such as %s", errNothing, len(skipped), first)
	}
	if !c.req.Selector.Empty() && c.env.Proc != nil && c.env.Proc.HidesProcesses() {
		return fmt.Errorf("%w, and /proc may hide processes of other users (hidepid)", errNothing)
	}
	return errNothing
}

// report makes the reporter.
func (c *call) report() { c.rep = c.reporter() }

// problems reports the operands that came to nothing; exited: those that name
// nobody are no problem.
func (c *call) problems(exited bool) {
	for _, p := range c.found.Missing {
		switch {
		case exited:
		case p.Operand.PID == 0: // a file that names no process
			c.fail(nil, p.Err, exitMissing)
		default:
			c.fail(&procfs.Stat{ID: procfs.ID{PID: p.Operand.PID}}, p.Err, exitMissing)
		}
	}
	if !c.asks() {
		for _, op := range c.found.Hidden {
			c.fail(nil, fmt.Errorf("group %d exists, and /proc hides its members (hidepid): pgkill signals it as a whole", op.PID), exitFailed)
		}
	}
	for _, p := range c.found.Refused {
		st := p.Stat
		st.PID = p.Operand.PID
		c.fail(&st, p.Err, exitFailed)
	}
}

func (c *call) reporter() *report.Reporter {
	return report.New(report.Options{
		Applet: c.applet.Name, Out: c.env.Stdout, Err: c.env.Stderr, Proc: c.env.Proc,
		Verbose: c.outputs.verbose, JSON: c.outputs.json, Quiet: c.outputs.quiet,
		Terminal: c.env.StderrTTY, Screen: c.env.screen,
	})
}

// sameNamespace refuses to work on a /proc whose numbers are not ours.
func (c *call) sameNamespace() error { return c.env.sameNamespace() }

func (e *Env) sameNamespace() error {
	if e.Proc == nil {
		return nil
	}
	if _, err := e.Proc.Self(); err != nil {
		return nil // what follows says what is wrong with it
	}
	return e.Proc.SameNamespace(e.PID)
}

func (c *call) fail(st *procfs.Stat, err error, code int) {
	var res *escalate.Result
	if st != nil {
		res = &escalate.Result{Target: escalate.Target{Stat: *st}}
	}
	c.rep.Failed(res, err)
	c.codes = append(c.codes, code)
}

// handle returns the handle of a process. A process that /proc hides has none: this is reported as a
// failure, and the result is "".
func (c *call) handle(st *procfs.Stat) string {
	handle := st.Handle()
	if handle == "" {
		c.fail(st, errors.New("no handle can be made: /proc hides the start time of the process"), exitFailed)
	}
	return handle
}

// plan returns what Run is to carry out; the applet adds its own.
func (c *call) plan() *escalate.Plan {
	p := &escalate.Plan{
		Ladder: c.ladder, Limit: c.ladders.timeout.d,
		Hook: c.ladders.hook, HookTimeout: c.ladders.hookTimeout.d,
		Status: c.outputs.json || c.outputs.verbose,
		Ended:  len(c.found.Ended),

		Targets: make([]escalate.Target, 0, len(c.found.Processes)),
	}
	for _, t := range c.found.Processes {
		p.Targets = append(p.Targets, escalate.Target{Stat: t.Stat, Name: t.Operand, Last: t.Ancestor})
	}
	for _, s := range c.found.Skipped {
		p.Skipped = append(p.Skipped, escalate.Skip{Stat: s.Stat, Reason: s.Reason})
	}
	return p
}

// run carries out the plan and reports on it.
func (c *call) run(p *escalate.Plan) *escalate.Summary { return c.runObserved(p, c.rep) }

// runObserved is run, told to o.
func (c *call) runObserved(p *escalate.Plan, o escalate.Observer) *escalate.Summary {
	c.rep.Planned(p)
	if slices.ContainsFunc(p.Targets, func(t escalate.Target) bool { return t.Last }) {
		// The end of an ancestor may hang up our terminal; the ladder goes on.
		c.env.Kernel.Ignore(signals.HUP)
	}
	if p.Tree == nil && p.Groups == nil && !p.Cgroup && !p.Freeze && !p.FreezeOnly && p.Hook == "" {
		c.env.Kernel.HoldWhenWaiting() // there is nobody frozen to let go on
	} else {
		_ = c.env.Kernel.Hold() // PrepareFreeze fails as well then, so nothing is frozen
	}
	sum, err := escalate.Run(escalate.Call{Plan: p, Kernel: c.env.Kernel, Policy: c.policy, Observer: o})
	c.rep.Close()
	if i := new(signals.Interrupt); errors.As(err, &i) {
		c.env.Die(i.Signal)
		c.codes = append(c.codes, 128+int(i.Signal))
		return sum
	}
	if err != nil {
		c.fail(nil, err, exitFailed)
	}
	if c.rep.Errors > 0 && sum.Count(escalate.Refused) > 0 {
		c.codes = append(c.codes, exitFailed)
	}
	unfinished := p.Count == 0 || sum.Count(escalate.Gone)+p.Ended < p.Count
	if unfinished && (err == nil || sum.Rung > 0) { // if not even a first step was tried, err says it all
		c.survivors(p, sum)
	}
	if sum.Failed || sum.Refused {
		c.codes = append(c.codes, exitFailed)
	}
	if sum.LimitReached {
		c.codes = append(c.codes, exitSurvivor)
	}
	if !sum.Proved {
		note := "it could not be proved that nothing escaped: " + sum.Doubt
		if sum.Count(escalate.Gone) == len(sum.Results) {
			note = "everything seen is gone, but " + note
		}
		c.rep.Note(note)
		c.codes = append(c.codes, exitUnproved)
	}
	if c.ladders.strict && sum.Rung > 1 {
		c.codes = append(c.codes, exitRungs)
	}
	return sum
}

// survivors reports who is still there, and why.
func (c *call) survivors(p *escalate.Plan, sum *escalate.Summary) {
	if sum.Count(escalate.Survived) == 0 {
		return
	}
	// The survivors of a fork bomb leave us little of the processor, and there may be thousands to look at.
	defer c.env.Kernel.Boost()()
	for _, res := range sum.Results {
		if res.Outcome == escalate.Survived {
			c.rep.Survivor(res, report.Explain(c.env.Proc, res.ID, p.LastSignal(res)))
			c.codes = append(c.codes, exitSurvivor)
		}
	}
}

// end returns the exit status of the call.
func (c *call) end() int {
	for _, code := range c.codes {
		if code > 128 {
			return code // a signal that should have ended us
		}
	}
	return worst(c.codes...)
}

// planned lists the plan's targets for --dry-run.
func planned(p *escalate.Plan) []report.Planned {
	var list []report.Planned
	for _, t := range p.Targets {
		list = append(list, report.Planned{Stat: t.Stat, Root: true})
	}
	for _, s := range p.Skipped {
		list = append(list, report.Planned{Stat: s.Stat, Keep: s.Reason})
	}
	return list
}

// dryRun prints the plan.
func (c *call) dryRun(list []report.Planned, ladder escalate.Ladder) {
	colour := c.env.StdoutTTY && c.env.Getenv("NO_COLOR") == ""
	c.rep.Plan(c.env.Proc, list, ladder, colour)
}

// statusWait bounds the wait for a parent to reap, where the exit status is
// asked for.
const statusWait = time.Second
