package applets

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"

	"killbox/internal/child"
	"killbox/internal/cli"
	"killbox/internal/escalate"
	"killbox/internal/report"
	"killbox/internal/signals"
	"killbox/internal/target"
	"killbox/procfs"
)

// nudgeWait is how long reapwait -z waits for zombies to be reaped, unless -t is given: once after it has sent CHLD to
// their parents, and once more after their parents have ended.
const nudgeWait = time.Second

// zombieCall is a call of reapwait -z.
type zombieCall struct {
	*reapwaitOptions
	call     *cli.Call
	env      *cli.Env
	operands []procfs.ID                // zombies, and processes whose zombie children are listed; nil: all zombies
	tried    map[procfs.ID]report.Tried // what was done to parents
	table    procfs.Snapshot
}

// runZombies is reapwait -z.
func (o *reapwaitOptions) runZombies(env *cli.Env, a *cli.Applet, operands []string) int {
	z := &zombieCall{reapwaitOptions: o, env: env, tried: make(map[procfs.ID]report.Tried)}
	ops, stdin, err := target.ParseOperands(operands, env.Stdin)
	isGroup := func(op target.Operand) bool { return op.Form == target.Group }
	if err == nil && slices.ContainsFunc(ops, isGroup) {
		err = errors.New("--zombies takes processes, not groups")
	}
	if err != nil {
		return cli.UsageError(env, a.Name, err)
	}
	z.call = &cli.Call{Env: env, Applet: a, Ladders: &o.ladder, Outputs: &o.output, Targets: &cli.TargetOptions{}}
	c := z.call
	c.StartReport()
	if env.Proc == nil {
		return z.failCall(nil, env.ProcErr)
	}
	if err := c.CheckNamespace(); err != nil {
		return z.failCall(nil, err)
	}
	// Any process may be an operand: an operand is not signalled, it only selects zombies.
	c.Exclusions = target.NewExclusions(env.Proc, env.PID, true)
	if len(ops) == 0 && stdin {
		c.Fail(nil, cli.ErrNothing, cli.ExitMissing)
		return c.ExitStatus()
	}
	if len(ops) > 0 {
		z.operands = []procfs.ID{}
		for _, op := range ops {
			if err := z.addOperand(op); err != nil {
				return z.failCall(&escalate.Result{Target: escalate.Target{Stat: procfs.Stat{ID: procfs.ID{PID: op.PID}}}}, err)
			}
		}
	}
	list, err := z.findZombies()
	if err != nil {
		return z.failCall(nil, err)
	}
	if !o.output.DryRun {
		if list, err = z.nudgeOrEndParents(list); err != nil {
			c.Fail(nil, err, cli.ExitFailed)
		}
	}
	if !o.output.Handles {
		list = z.printZombies(list)
	}
	if o.output.DryRun {
		z.printParents(list)
	}
	return z.exitStatus(list)
}

// printParents prints the parents that --nudge or --kill-parent would signal. Without these options, --handles prints
// those that --kill-parent would end.
func (z *zombieCall) printParents(list []procfs.Stat) {
	if !z.nudge && !z.killParent && !z.output.Handles {
		return
	}
	ladder := z.steps
	if z.nudge && !z.killParent {
		ladder = escalate.Ladder{{Signal: signals.CHLD}}
	}
	var parents []report.Planned
	for _, st := range z.openParents(list) {
		p := report.Planned{Stat: st, Root: true}
		if ladder[0].Signal != signals.CHLD {
			p.Excluded = z.excludeParent(&st)
		}
		parents = append(parents, p)
	}
	sort.Stable(report.ByPID(parents))
	z.call.PrintPlan(parents, ladder)
}

// excludeParent returns why --kill-parent does not end the parent, or "" if it does.
func (z *zombieCall) excludeParent(parent *procfs.Stat) string {
	if z.force && parent.PID != z.env.PID && parent.PID != 1 && !parent.KernelThread() {
		return ""
	}
	return z.call.Exclusions.ExcludeImplied(parent)
}

// nudgeOrEndParents sends CHLD to the parents of the zombies and, with --kill-parent, ends the parents that still do
// not reap. Without --nudge and --kill-parent it does nothing. It returns the zombies that remain.
func (z *zombieCall) nudgeOrEndParents(list []procfs.Stat) ([]procfs.Stat, error) {
	_ = z.env.Kernel.DeferSignals()
	var err error
	if (z.nudge || z.killParent) && len(list) > 0 {
		z.nudgeParents(list)
		list, err = z.findZombies()
	}
	if err == nil && z.killParent && len(list) > 0 {
		z.endParents(list)
		list, err = z.findZombies()
	}
	return list, err
}

// exitStatus returns the exit status of a call after which the zombies of list remain.
func (z *zombieCall) exitStatus(list []procfs.Stat) int {
	if len(list) > 0 {
		z.call.Codes = append(z.call.Codes, child.TimeLimit)
	}
	return z.call.ExitStatus()
}

// failCall reports an error that makes the call impossible, and returns the exit status. Nothing has been signalled.
func (z *zombieCall) failCall(res *escalate.Result, err error) int {
	z.call.Report.Failed(res, err)
	return child.Failed
}

// addOperand opens the process of an operand: a parent or a zombie. If the process does not exist, addOperand reports
// this, unless the operand is a handle. It returns any other error.
func (z *zombieCall) addOperand(op target.Operand) error {
	st, err := op.Open(z.env.Kernel)
	if err == nil {
		z.operands = append(z.operands, st.ID)
		return nil
	}
	if !errors.Is(err, procfs.ErrNoProcess) {
		return err
	}
	if op.Form == target.PID {
		z.call.Fail(&procfs.Stat{ID: procfs.ID{PID: op.PID}}, err, cli.ExitMissing)
	}
	return nil // the process of a handle has been reaped, so no zombie remains of it
}

// findZombies returns the zombies that the operands select, in order of PID. Children of this process are left out.
func (z *zombieCall) findZombies() ([]procfs.Stat, error) {
	if err := z.env.Kernel.Snapshot(&z.table); err != nil {
		return nil, err
	}
	var list []procfs.Stat
	for _, st := range z.table.Procs {
		parent := z.table.Lookup(st.PPID)
		if !st.Gone() || st.PPID == z.env.PID || z.operands != nil && !z.isOperand(parent) && !z.isOperand(&st) {
			continue
		}
		list = append(list, st)
	}
	return list, nil
}

// isOperand reports whether the process was given as an operand; st may be nil.
func (z *zombieCall) isOperand(st *procfs.Stat) bool {
	return st != nil && slices.Contains(z.operands, st.ID)
}

// printZombies prints the zombies that remain, each with its age and why its parent does not reap it, and returns them.
// A zombie that was reaped after the scan does not remain.
func (z *zombieCall) printZombies(list []procfs.Stat) (remaining []procfs.Stat) {
	for _, st := range list {
		tried := report.NothingTried
		if parent := z.table.Lookup(st.PPID); parent != nil {
			tried = z.tried[parent.ID]
		}
		why, ok := report.ExplainZombie(z.env.Proc, st.ID, tried)
		if !ok {
			continue
		}
		remaining = append(remaining, st)
		age, _ := z.env.Proc.Age(st)
		z.call.Report.Zombie(&st, age, why)
	}
	return remaining
}

// openParents opens the parents of the zombies, each once.
func (z *zombieCall) openParents(list []procfs.Stat) []procfs.Stat {
	var parents []procfs.Stat
	seen := make(map[int]bool)
	for i := range list {
		if zombie := &list[i]; zombie.PPID != 0 && !seen[zombie.PPID] {
			if parent, ok := z.openParent(zombie); ok {
				seen[parent.PID] = true
				parents = append(parents, parent)
			}
		}
	}
	return parents
}

// openParent opens the parent of a zombie. The PID of the parent may have been reused between the read of the PPID and
// the open. So the zombie is read again and must still have that PPID, and then the opened process must still exist.
// Otherwise the parent has exited, and the adopter of the zombie reaps it.
func (z *zombieCall) openParent(zombie *procfs.Stat) (parent procfs.Stat, ok bool) {
	parent, err := z.env.Kernel.Open(zombie.PPID)
	if err != nil {
		return parent, false
	}
	now, err := z.env.Proc.Stat(zombie.PID)
	if err == nil && now.ID == zombie.ID && now.Gone() && now.PPID == parent.PID && z.env.Kernel.Exists(parent.ID) == nil {
		return parent, true
	}
	z.env.Kernel.Close(parent.ID)
	return parent, false
}

// nudgeParents sends CHLD to the parents and waits until they have reaped the zombies. CHLD is harmless: its default
// action is to be ignored.
func (z *zombieCall) nudgeParents(list []procfs.Stat) {
	for _, parent := range z.openParents(list) {
		z.tried[parent.ID] = report.Nudged
		switch err := z.env.Kernel.Signal(parent.ID, signals.CHLD); {
		case err == nil:
			z.call.Report.Signalled(&escalate.Result{Target: escalate.Target{Stat: parent}}, signals.CHLD, 1, 0)
		case !errors.Is(err, procfs.ErrNoProcess):
			z.call.Fail(&parent, err, cli.ExitFailed)
		}
	}
	limit := z.reapLimit()
	if z.killParent {
		limit = min(limit, nudgeWait) // -t is for the wait after endParents
	}
	z.waitReaped(list, limit)
}

// reapLimit returns how long to wait until the zombies are reaped: the duration of -t, or nudgeWait.
func (z *zombieCall) reapLimit() time.Duration {
	if z.ladder.Timeout.Given && z.ladder.Timeout.Value > 0 {
		return z.ladder.Timeout.Value
	}
	return nudgeWait
}

// waitReaped waits until the zombies have been reaped, for at most limit.
func (z *zombieCall) waitReaped(list []procfs.Stat, limit time.Duration) {
	p := &escalate.Plan{WaitOnly: true, Reaped: true, Limit: limit}
	for _, st := range list {
		if now, err := z.env.Kernel.Open(st.PID); err == nil && now.ID == st.ID {
			p.Targets = append(p.Targets, escalate.Target{Stat: now})
		}
	}
	z.runPlan(p)
}

// endParents runs the ladder on the parents, so that the zombies are reparented to their adopter, which reaps them.
func (z *zombieCall) endParents(list []procfs.Stat) {
	p := &escalate.Plan{
		Ladder: z.steps, Hook: z.ladder.Hook, HookTimeout: z.ladder.HookTimeout.Value,
		Status: z.output.JSON || z.output.Verbose,
	}
	for _, parent := range z.openParents(list) {
		z.tried[parent.ID] = report.NotEnded
		if reason := z.excludeParent(&parent); reason != "" {
			z.call.Fail(&parent, fmt.Errorf("not ended: %s", reason), cli.ExitFailed)
			continue
		}
		p.Targets = append(p.Targets, escalate.Target{Stat: parent, Last: z.call.Exclusions.IsAncestor(parent.PID)})
		list = append(list, parent) // waitReaped waits until the parent is reaped, too
	}
	z.runPlan(p)
	z.waitReaped(list, z.reapLimit())
}

func (z *zombieCall) runPlan(p *escalate.Plan) {
	sum, err := escalate.Run(escalate.Call{Plan: p, Kernel: z.env.Kernel, Observer: z.call.Report})
	z.call.Report.Close()
	if i := new(signals.Interrupt); errors.As(err, &i) {
		z.env.Die(i.Signal)
	}
	if err != nil {
		z.call.Fail(nil, err, cli.ExitFailed)
		return
	}
	for _, res := range sum.Results {
		if res.Outcome == escalate.Survived && !p.WaitOnly {
			z.call.Report.ExplainSurvivor(z.env.Proc, res, p.LastSignal(res))
		}
	}
}
