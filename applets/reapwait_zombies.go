package applets

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"killbox/internal/child"
	"killbox/internal/escalate"
	"killbox/internal/report"
	"killbox/internal/signals"
	"killbox/internal/target"
	"killbox/procfs"
)

// nudgeWait is how long the parents may take by default, once they have been
// sent CHLD, or are gone.
const nudgeWait = time.Second

// undead is one call of reapwait -z.
type undead struct {
	*reapwaitOptions
	call  *call
	env   *Env
	of    []procfs.ID // zombies, and processes whose children are meant; nil is all
	table procfs.Snapshot
}

func (o *reapwaitOptions) runZombies(env *Env, a *Applet, operands []string) int {
	z := &undead{reapwaitOptions: o, env: env}
	ops, stdin, err := target.ParseOperands(operands, env.Stdin)
	for _, op := range ops {
		if err == nil && op.Form == target.Group {
			err = errors.New("a group has no children")
		}
	}
	if err != nil {
		return usageError(env, a.Name, err)
	}
	z.call = &call{env: env, applet: a, ladders: &o.ladder, outputs: &o.output, targets: &targetOptions{}}
	c := z.call
	c.rep = report.New(report.Options{
		Applet: a.Name, Out: env.Stdout, Err: env.Stderr, Verbose: o.output.verbose, JSON: o.output.json,
		Quiet: o.output.quiet, Terminal: env.StderrTTY, Screen: env.screen,
	})
	if env.Proc == nil {
		return z.impossible(nil, env.ProcErr)
	}
	if err := c.sameNamespace(); err != nil {
		return z.impossible(nil, err)
	}
	// Parents are asked for, and never signalled by being named.
	c.guard = target.NewGuard(env.Proc, env.PID, true)
	if len(ops) == 0 && stdin {
		c.fail(nil, errNothing, exitMissing)
		return c.end()
	}
	if len(ops) > 0 {
		z.of = []procfs.ID{}
		for _, op := range ops {
			if err := z.name(op); err != nil {
				return z.impossible(&escalate.Result{Target: escalate.Target{Stat: procfs.Stat{ID: procfs.ID{PID: op.PID}}}}, err)
			}
		}
	}
	list, err := z.find()
	if err != nil {
		return z.impossible(nil, err)
	}
	for _, st := range list {
		z.print(st)
	}
	if o.output.dryRun {
		return z.left(list)
	}
	_ = env.Kernel.Hold()
	if (o.nudge || o.killParent) && len(list) > 0 {
		z.nudgeParents(list)
		list, err = z.find()
	}
	if err == nil && o.killParent && len(list) > 0 {
		z.endParents(list)
		list, err = z.find()
	}
	if err != nil {
		c.fail(nil, err, exitFailed)
	}
	return z.left(list)
}

// left reports on those who are left.
func (z *undead) left(list []procfs.Stat) int {
	if len(list) > 0 {
		z.call.codes = append(z.call.codes, child.TimeLimit)
	}
	return z.call.end()
}

// impossible reports what made the call impossible, before anything was signalled.
func (z *undead) impossible(res *escalate.Result, err error) int {
	z.call.rep.Failed(res, err)
	return child.Failed
}

// name takes an operand for a parent, or for a zombie. A process that does not exist is reported; any other error is
// returned.
func (z *undead) name(op target.Operand) error {
	st, err := z.env.Kernel.Open(op.PID)
	if err == nil {
		if err = op.Verify(&st); err == nil {
			z.of = append(z.of, st.ID)
			return nil
		}
	}
	if !errors.Is(err, procfs.ErrNoProcess) {
		return err
	}
	z.call.fail(&procfs.Stat{ID: procfs.ID{PID: op.PID}}, err, exitMissing)
	return nil
}

// find returns the zombies in question, in order of PID.
func (z *undead) find() ([]procfs.Stat, error) {
	if err := z.env.Kernel.Snapshot(&z.table); err != nil {
		return nil, err
	}
	var list []procfs.Stat
	for _, st := range z.table.Procs {
		parent := z.table.Lookup(st.PPID)
		if !st.Gone() || st.PPID == z.env.PID || z.of != nil && !z.named(parent) && !z.named(&st) {
			continue
		}
		list = append(list, st)
	}
	return list, nil
}

// named reports whether an operand names the process.
func (z *undead) named(st *procfs.Stat) bool { return st != nil && slices.Contains(z.of, st.ID) }

// print shows a zombie: since when it has been running, and why it is there.
func (z *undead) print(st procfs.Stat) {
	why := report.Explain(z.env.Proc, st.ID, 0)
	age, _ := z.env.Proc.Age(st)
	z.call.rep.Zombie(&st, age, why)
}

// parents opens the parents of the zombies, each once.
func (z *undead) parents(list []procfs.Stat) []procfs.Stat {
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

// openParent opens the parent of a zombie. Its PID may have been reused between the read of the PPID and
// the open. So the zombie is read again and must still have that PPID, and then the opened process must
// still exist. Otherwise the parent has exited, and the adopter of the zombie reaps it.
func (z *undead) openParent(zombie *procfs.Stat) (parent procfs.Stat, ok bool) {
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

// nudgeParents sends CHLD to the parents, which never does harm, and waits for
// the reaping.
func (z *undead) nudgeParents(list []procfs.Stat) {
	for _, parent := range z.parents(list) {
		switch err := z.env.Kernel.Signal(parent.ID, signals.CHLD); {
		case err == nil:
			z.call.rep.Signalled(&escalate.Result{Target: escalate.Target{Stat: parent}}, signals.CHLD, 1, 0)
		case !errors.Is(err, procfs.ErrNoProcess):
			z.call.fail(&parent, err, exitFailed)
		}
	}
	limit := z.patience()
	if z.killParent {
		limit = min(limit, nudgeWait) // who does not wait now is ended, and -t is for what comes after
	}
	z.await(list, limit)
}

// patience is how long reaping may take.
func (z *undead) patience() time.Duration {
	if z.ladder.timeout.given && z.ladder.timeout.d > 0 {
		return z.ladder.timeout.d
	}
	return nudgeWait
}

// await waits for the zombies to be reaped.
func (z *undead) await(list []procfs.Stat, limit time.Duration) {
	p := &escalate.Plan{WaitOnly: true, Reaped: true, Limit: limit}
	for _, st := range list {
		if now, err := z.env.Kernel.Open(st.PID); err == nil && now.ID == st.ID {
			p.Targets = append(p.Targets, escalate.Target{Stat: now})
		}
	}
	z.climb(p)
}

// endParents runs the ladder on the parents, so that init gets the zombies.
func (z *undead) endParents(list []procfs.Stat) {
	p := &escalate.Plan{
		Ladder: z.steps, Hook: z.ladder.hook, HookTimeout: z.ladder.hookTimeout.d,
		Status: z.output.json || z.output.verbose,
	}
	for _, parent := range z.parents(list) {
		reason := z.call.guard.Brought(&parent)
		if z.force && parent.PID != z.env.PID && parent.PID != 1 && !parent.KernelThread() {
			reason = ""
		}
		if reason != "" {
			z.call.fail(&parent, fmt.Errorf("not ended: %s", reason), exitFailed)
			continue
		}
		p.Targets = append(p.Targets, escalate.Target{Stat: parent, Last: z.call.guard.Ancestor(parent.PID)})
		list = append(list, parent) // dead, it is a zombie too until it is reaped
	}
	z.climb(p)
	z.await(list, z.patience())
}

func (z *undead) climb(p *escalate.Plan) {
	_, err := escalate.Run(escalate.Call{Plan: p, Kernel: z.env.Kernel, Observer: z.call.rep})
	z.call.rep.Close()
	if i := new(signals.Interrupt); errors.As(err, &i) {
		z.env.Die(i.Signal)
	}
	if err != nil {
		z.call.fail(nil, err, exitFailed)
	}
}
