package cli

import (
	"errors"
	"fmt"
	"slices"

	"killbox/internal/escalate"
	"killbox/internal/report"
	"killbox/internal/signals"
	"killbox/internal/target"
	"killbox/procfs"
)

// Call is one call of an applet that ends processes. Its methods are the stages that these applets share: resolve the
// operands, make a plan, run it, compute the exit status.
type Call struct {
	Env     *Env
	Applet  *Applet
	Ladders *LadderOptions
	Outputs *OutputOptions
	Targets *TargetOptions
	// SignalsNothing: the call signals no process, so PID 1 and kernel threads are allowed as operands.
	SignalsNothing bool
	// Trees: the descendants of the operands are targets, too.
	Trees bool
	// HoldersMayRemain: the call does not end everything that holds the object of --port, --open or --mount.
	HoldersMayRemain bool

	Ladder     escalate.Ladder
	Policy     escalate.Policy // nil if no targets are added during the run
	Report     *report.Reporter
	Exclusions *target.Exclusions
	Request    target.Request
	Found      *target.Found
	Table      procfs.Snapshot // taken by PreviewTree
	Began      uint64          // when ResolveTargets was called, in clock ticks after boot; 0 if it is not known
	unexamined bool            // nothing matched, perhaps because files of other users' processes could not be read
	Codes      []int           // exit statuses; ExitStatus returns the worst
}

// ResolveTargets finds and opens the targets. If it returns false, an error has been reported and the call must exit
// with ExitStatus.
func (c *Call) ResolveTargets(operands []string) (ok bool) {
	c.Began = procfs.Now()
	var err, failure error
	if c.Ladder, err = c.Ladders.Ladder(); err == nil {
		err = c.CheckAsking()
	}
	if err == nil {
		c.Request, err, failure = c.Targets.request(c.Env, operands)
	}
	if err != nil {
		c.Codes = append(c.Codes, UsageError(c.Env, c.Applet.Name, err))
		return false
	}
	c.StartReport()
	if failure != nil {
		c.Fail(nil, failure, ExitFailed)
		return false
	}
	if err := c.CheckNamespace(); err != nil {
		c.Fail(nil, err, ExitFailed)
		return false
	}
	c.SignalsNothing = c.SignalsNothing || c.Outputs.Handles
	c.Exclusions = target.NewExclusions(c.Env.Proc, c.Env.PID, c.Targets.Force || c.SignalsNothing || c.AsksOnly())
	if c.AsksOnly() {
		c.Exclusions.AllowSelf()
	}
	if c.Trees {
		c.Exclusions.WithDescendants()
	}
	if c.Targets.All {
		if err := c.Exclusions.ExcludeOwnSession(c.Env.Proc); err != nil {
			c.Fail(nil, err, ExitFailed)
			return false
		}
	}
	if c.Found, err = target.Resolve(c.Env.Proc, c.Env.Kernel, c.Exclusions, c.Request); err != nil {
		c.Fail(nil, err, ExitFailed)
		return false
	}
	if st, err := c.checkHolders(); err != nil {
		c.Fail(st, err, ExitFailed)
		return false
	}
	c.ReportProblems(c.Targets.Exited || c.AsksOnly())
	c.reportNothing()
	return true
}

// StartReport creates the reporter.
func (c *Call) StartReport() {
	o := c.Env.ReportOptions(c.Applet.Name, c.Outputs)
	o.Owner, o.Holds = c.owner, c.holds
	c.Report = report.New(o)
}

// CheckNamespace is Env.CheckNamespace.
func (c *Call) CheckNamespace() error { return c.Env.CheckNamespace() }

// CheckNamespace returns an error if /proc belongs to another PID namespace: its PIDs name other processes here.
func (e *Env) CheckNamespace() error {
	if e.Proc == nil {
		return nil
	}
	if _, err := e.Proc.Self(); err != nil {
		return nil // the next read of /proc fails as well, and its error is more specific
	}
	return e.Proc.SameNamespace(e.PID)
}

// Handle returns the handle of a process. A process that /proc hides has no handle: Handle reports a failure and
// returns "".
func (c *Call) Handle(st *procfs.Stat) string {
	handle := st.Handle()
	if handle == "" {
		c.Fail(st, errors.New("no handle can be made: /proc hides the start time of the process"), ExitFailed)
	}
	return handle
}

// Plan returns a plan with the targets, the ladder and the hook. The applet adds the rest, such as the tree.
func (c *Call) Plan() *escalate.Plan {
	p := &escalate.Plan{
		Ladder: c.Ladder, Limit: c.Ladders.Timeout.Value,
		Hook: c.Ladders.Hook, HookTimeout: c.Ladders.HookTimeout.Value,
		Status: c.Outputs.JSON || c.Outputs.Verbose,
		Ended:  len(c.Found.Ended),

		Targets: make([]escalate.Target, 0, len(c.Found.Processes)),
	}
	for _, t := range c.Found.Processes {
		p.Targets = append(p.Targets, escalate.Target{Stat: t.Stat, Name: t.Operand, Last: t.Ancestor})
	}
	for _, s := range c.Found.Skipped {
		p.Skipped = append(p.Skipped, escalate.Skip{Stat: s.Stat, Reason: s.Reason})
	}
	return p
}

// Run signals the targets as the plan says, and reports the events and the survivors.
func (c *Call) Run(p *escalate.Plan) *escalate.Summary { return c.RunObserved(p, c.Report) }

// RunObserved is Run with an observer that replaces the reporter.
func (c *Call) RunObserved(p *escalate.Plan, o escalate.Observer) *escalate.Summary {
	c.Report.PrintTargets(p)
	c.ReportEnded(false)
	c.Report.PrintHolds(p)
	if slices.ContainsFunc(p.Targets, func(t escalate.Target) bool { return t.Last }) {
		// A target that is signalled last is an ancestor of this process. Its end may hang up the terminal, and the HUP
		// must not end this process before the ladder is over.
		c.Env.Kernel.IgnoreSignal(signals.HUP)
	}
	if p.Tree == nil && p.Groups == nil && !p.Cgroup && !p.Freeze && !p.FreezeOnly && p.Hook == "" {
		c.Env.Kernel.DeferSignalsWhenWaiting() // nothing will be frozen that this process must resume
	} else {
		_ = c.Env.Kernel.DeferSignals() // if it fails, PrepareFreeze fails as well, and nothing is frozen
	}
	sum, err := escalate.Run(escalate.Call{Plan: p, Kernel: c.Env.Kernel, Policy: c.Policy, Observer: o})
	c.Report.Close()
	if i := new(signals.Interrupt); errors.As(err, &i) {
		c.Env.Die(i.Signal)
		c.Codes = append(c.Codes, 128+int(i.Signal))
		return sum
	}
	if err != nil {
		c.Fail(nil, err, ExitFailed)
	}
	unfinished := p.Count == 0 || sum.Count(escalate.Gone)+p.Ended < p.Count
	if unfinished && (err == nil || sum.Rung > 0) { // on rung 0 no step has begun: err alone is reported
		c.reportSurvivors(p, sum)
	}
	c.reportSummary(sum)
	if err == nil {
		c.releaseFailed(c.waitReleased(p, sum))
	}
	c.ReportLeftAlone()
	return sum
}

// reportSummary adds the exit statuses that follow from the summary, and reports a missing proof.
func (c *Call) reportSummary(sum *escalate.Summary) {
	if c.Report.Errors > 0 && sum.Count(escalate.Refused) > 0 {
		c.Codes = append(c.Codes, ExitFailed)
	}
	if sum.Failed || sum.Refused {
		c.Codes = append(c.Codes, ExitFailed)
	}
	if sum.LimitReached {
		c.Codes = append(c.Codes, ExitSurvivor)
	}
	if !sum.Proved {
		note := "it could not be proved that no process escaped: " + sum.Doubt
		if sum.Count(escalate.Gone) == len(sum.Results) {
			note = "all known targets are gone, but " + note
		}
		c.Report.Note(note)
		c.Codes = append(c.Codes, ExitUnproved)
	}
	c.reportOrphans(sum.Orphans)
	if c.Ladders.strict && sum.Rung > 1 {
		c.Codes = append(c.Codes, ExitRungs)
	}
}

// reportSurvivors reports the survivors, and why each is not gone.
func (c *Call) reportSurvivors(p *escalate.Plan, sum *escalate.Summary) {
	if sum.Count(escalate.Survived) == 0 {
		return
	}
	// Explaining thousands of survivors takes CPU time, and a surviving fork bomb uses most of it. So this process
	// raises its priority.
	defer c.Env.Kernel.Boost()()
	for _, res := range sum.Results {
		if res.Outcome == escalate.Survived {
			c.Report.Survivor(res, report.Explain(c.Env.Proc, res.ID, p.LastSignal(res)))
			c.Codes = append(c.Codes, ExitSurvivor)
		}
	}
}

// ExitStatus returns the exit status of the call.
func (c *Call) ExitStatus() int {
	for _, code := range c.Codes {
		if code > 128 {
			return code // 128 plus a signal: Die returned, as it does if this process is PID 1
		}
	}
	return Worst(c.Codes...)
}

// PlannedTargets returns the targets and the excluded processes of the plan, for --dry-run.
func PlannedTargets(p *escalate.Plan) []report.Planned {
	list := make([]report.Planned, 0, len(p.Targets)+len(p.Skipped))
	for _, t := range p.Targets {
		list = append(list, report.Planned{Stat: t.Stat, Root: true})
	}
	for _, s := range p.Skipped {
		list = append(list, report.Planned{Stat: s.Stat, Excluded: s.Reason})
	}
	return list
}

// PrintPlan prints the processes of list and what the ladder would do to each, or with --handles their handles.
func (c *Call) PrintPlan(list []report.Planned, ladder escalate.Ladder) {
	c.ReportEnded(true)
	if c.Outputs.Handles {
		c.printHandles(list, ladder)
	} else {
		c.Report.PrintPlan(list, ladder, c.Env.View(c.Outputs.Colour))
	}
	c.ReportLeftAlone()
}

// printHandles prints the handles of the processes of list that are not excluded. Zombies are left out, which are not
// signalled, but not the targets: a caller may ask for the handle of a child that has just ended.
func (c *Call) printHandles(list []report.Planned, ladder escalate.Ladder) {
	if c.Env.Proc == nil {
		c.Fail(nil, c.Env.ProcErr, ExitFailed)
		return
	}
	if c.Outputs.JSON {
		c.Report.PrintPlan(list, ladder, report.View{})
	}
	for i := range list {
		p := &list[i]
		if p.Excluded != "" || p.Gone() && !p.Root {
			continue
		}
		if handle := c.Handle(&p.Stat); handle != "" && !c.Outputs.JSON {
			fmt.Fprintln(c.Env.Stdout, handle)
		}
	}
}
