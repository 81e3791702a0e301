package applets

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"time"

	"killbox/internal/cli"
	"killbox/internal/escalate"
	"killbox/internal/report"
	"killbox/internal/show"
	"killbox/internal/signals"
	"killbox/procfs"

	"github.com/spf13/pflag"
)

func freezekill() *cli.Applet {
	return &cli.Applet{
		Name:    "freezekill",
		Summary: "stop processes together, signal them, resume them",
		Usage:   "[OPTION]... [SELECTOR]... TARGET...",
		Examples: "  freezekill -T 4242\tend a tree; no member sees another end\n" +
			"  freezekill --cgroup /build\tend what is in a cgroup\n",
		Statuses: cli.StatusHelp + cli.UnprovedHelp + cli.UnfinishedHelp,
		New: func(a *cli.Applet) (*pflag.FlagSet, cli.Run) {
			flags := cli.NewFlagSet()
			o := &freezekillOptions{prove: cli.Duration{Value: time.Second}, flags: flags}
			o.ladder.AddTo(flags)
			flags.BoolVar(&o.hold, "hold", false, "stop the targets, print their handles, resume at the end of standard input or on a signal")
			flags.BoolVar(&o.thaw, "thaw", false, "send CONT, and do nothing else")
			flags.BoolVar(&o.noGuard, "no-guard", false, "start no guardian, which resumes the targets if this process is killed")
			flags.Var(&o.prove, "prove", "always require the proof that no process escaped, and try for DUR")
			cli.Group(flags, cli.GroupLadder)
			flags.BoolVarP(&o.tree, "tree", "T", false, "include all descendants of the targets")
			flags.BoolVarP(&o.all, "all", "a", false, "end every process outside of this session but PID 1 and kernel threads")
			flags.StringVar(&o.cgroup, "cgroup", "", "end the members of a cgroup v2 and of those below it: `PATH|PID`")
			cli.Once(flags.Lookup("cgroup"))
			o.orphans.AddTo(flags, "with -T: ")
			o.target.AddWithoutCgroup(flags)
			o.output.AddTo(flags)
			return flags, func(env *cli.Env, operands []string) int { return o.run(env, a, operands) }
		},
	}
}

type freezekillOptions struct {
	ladder cli.LadderOptions
	output cli.OutputOptions
	target cli.TargetOptions
	flags  *pflag.FlagSet

	tree, all, hold, thaw, noGuard bool

	orphans cli.OrphanOptions
	cgroup  string
	prove   cli.Duration
}

func (o *freezekillOptions) run(env *cli.Env, a *cli.Applet, operands []string) int {
	c := &cli.Call{Env: env, Applet: a, Ladders: &o.ladder, Outputs: &o.output, Targets: &o.target, Trees: o.tree, HoldersMayRemain: o.hold || o.thaw}
	if err := o.check(operands); err != nil {
		return cli.UsageError(env, a.Name, err)
	}
	if o.all {
		if o.target.All = true; !o.target.Force && !o.output.DryRun && !o.isShutdown(env) {
			return cli.UsageError(env, a.Name, errors.New("--all ends every process outside of this session: it needs --force, unless the parent is PID 1"))
		}
	}
	if o.flags.Changed("cgroup") {
		return o.runCgroup(c)
	}
	if !c.ResolveTargets(operands) {
		return c.ExitStatus()
	}
	if c.AsksOnly() {
		return c.ReportAlive()
	}
	if env.Proc == nil && len(c.Found.Processes) > 0 {
		c.Fail(nil, env.ProcErr, cli.ExitFailed)
		return c.ExitStatus()
	}
	p := o.plan(c)
	if o.thaw || o.output.DryRun {
		list := cli.PlannedTargets(p)
		if o.tree {
			var err error
			if list, err = c.PreviewTree(p); err != nil {
				c.Fail(nil, err, cli.ExitFailed)
				return c.ExitStatus()
			}
		}
		if o.output.DryRun {
			return o.printPlan(c, list)
		}
		return o.resume(c, list)
	}
	return o.endOrHold(c, p)
}

// isShutdown reports whether the parent of this process is PID 1, as in a shutdown script.
func (o *freezekillOptions) isShutdown(env *cli.Env) bool {
	if env.Proc == nil {
		return false
	}
	st, err := env.Proc.Stat(env.PID)
	return err == nil && st.PPID == 1
}

// check returns an error if options or operands exclude each other.
func (o *freezekillOptions) check(operands []string) error {
	cgroup := o.flags.Changed("cgroup")
	switch {
	case o.hold && o.thaw:
		return errors.New("--hold and --thaw exclude each other: one freezes, the other resumes")
	case o.all && cgroup: // checkExclusions returns the error
	case (o.all || cgroup) && len(operands) > 0:
		return fmt.Errorf("--all and --cgroup take no operands: %s", show.Quoted(operands[0]))
	case cgroup && o.cgroup == "":
		return errors.New("--cgroup: empty value")
	case o.orphans.NoStrays && !o.tree:
		return errors.New("--no-strays has no meaning without --tree")
	case o.orphans.Orphans && !o.tree:
		return errors.New("--orphans has no meaning without --tree")
	}
	if err := o.orphans.Check(); err != nil {
		return err
	}
	if err := o.checkExclusions(); err != nil {
		return err
	}
	if o.hold && slices.Contains(operands, "-") {
		return errors.New("--hold waits for the end of standard input, so targets cannot be read from it")
	}
	return nil
}

// checkExclusions returns an error if two of the given options exclude each other.
func (o *freezekillOptions) checkExclusions() error {
	ladder := []string{"signal", "kill-after", "no-kill", "retry", "hook", "hook-timeout", "strict"}
	selecting := []string{
		"tree", "no-strays", "orphans", "name", "full", "user", "tty", "group", "session", "parent", "env", "owner-gone", "state", "older", "newer", "pidfile",
		"port", "open", "mount",
	}
	for _, option := range []struct {
		given     bool
		name, why string
		excluded  []string
	}{
		{o.all, "all", "--all selects every process outside of this session (--omit excludes some)", append([]string{"cgroup"}, selecting...)},
		{o.flags.Changed("cgroup"), "cgroup", "--cgroup selects all members of the cgroup (tkill --cgroup takes further selectors)", selecting},
		{o.hold, "hold", "--hold sends nothing and ends with standard input, a signal or --timeout", ladder},
		{o.thaw, "thaw", "--thaw sends CONT and nothing else", append(ladder, "timeout", "prove", "no-guard")},
	} {
		for _, name := range option.excluded {
			if option.given && o.flags.Changed(name) {
				return fmt.Errorf("--%s and --%s exclude each other: %s", option.name, name, option.why)
			}
		}
	}
	return nil
}

// plan returns the plan of a call without --cgroup.
func (o *freezekillOptions) plan(c *cli.Call) *escalate.Plan {
	p := c.Plan()
	p.Freeze, p.FreezeOrFail, p.Guardian = true, true, !o.noGuard
	p.Prove, p.ProveAlways = o.prove.Value, o.prove.Given
	tree := c.Tree()
	tree.Flat = !o.tree
	o.orphans.Apply(tree)
	if o.tree || tree.Selector || tree.Groups != nil {
		p.Tree = tree
	}
	return p
}

// printPlan is --dry-run: it prints the processes of the list with the signal that each would be sent.
func (o *freezekillOptions) printPlan(c *cli.Call, list []report.Planned) int {
	ladder := c.Ladder
	switch {
	case o.thaw:
		ladder = escalate.Ladder{{Signal: signals.CONT}}
	case o.hold:
		ladder = escalate.Ladder{{Signal: signals.STOP}}
	}
	c.PrintPlan(list, ladder)
	return c.ExitStatus()
}

// resume is --thaw: it sends CONT to the processes of the list that are not excluded.
func (o *freezekillOptions) resume(c *cli.Call, list []report.Planned) int {
	began := time.Now()
	sum := &escalate.Summary{Proved: true}
	c.ReportEnded(false)
	for i := range list {
		st := &list[i].Stat
		if list[i].Excluded != "" {
			c.Report.Skipped(escalate.Skip{Stat: *st, Reason: list[i].Excluded})
			continue
		}
		res := &escalate.Result{Target: escalate.Target{Stat: *st}, Outcome: escalate.Exists}
		sum.Results = append(sum.Results, res)
		// Signal needs an open process. The targets are open already, their descendants may not be.
		now, err := c.Env.Kernel.Open(st.PID)
		if err == nil && !c.IsPlanned(&list[i], &now) {
			err = procfs.ErrNoProcess
		}
		if err == nil {
			err = c.Env.Kernel.Signal(st.ID, signals.CONT)
		}
		switch {
		case errors.Is(err, procfs.ErrNoProcess):
			res.Outcome = escalate.Gone
		case err != nil:
			res.Outcome = escalate.Refused
			c.Report.Failed(res, err)
			c.Codes = append(c.Codes, cli.ExitFailed)
		default:
			c.Report.Signalled(res, signals.CONT, 1, time.Since(began))
		}
	}
	sum.Elapsed = time.Since(began)
	c.ReportLeftAlone()
	c.Report.Summary(sum, c.ExitStatus())
	return c.ExitStatus()
}

// endOrHold ends the targets. With --hold, it freezes them, prints their handles and waits instead.
func (o *freezekillOptions) endOrHold(c *cli.Call, p *escalate.Plan) int {
	var observer escalate.Observer = c.Report
	if o.hold {
		p.FreezeOnly = true
		over := new(atomic.Bool)
		c.Policy = holdPolicy{c.Policy, over}
		observer = holdObserver{c.Report, o, c, over}
	}
	sum := c.RunObserved(p, observer)
	c.Report.Summary(sum, c.ExitStatus())
	return c.ExitStatus()
}

// holdPolicy is the policy of --hold: the targets are kept frozen until over is set.
type holdPolicy struct {
	escalate.Policy
	over *atomic.Bool
}

// KeepFrozen implements escalate.Policy.
func (p holdPolicy) KeepFrozen() bool { return !p.over.Load() }

// holdObserver is the observer of --hold. It prints the handles of the frozen processes, and sets over at the end of
// standard input.
type holdObserver struct {
	*report.Reporter
	o    *freezekillOptions
	c    *cli.Call
	over *atomic.Bool
}

// Frozen implements escalate.Observer.
func (h holdObserver) Frozen(frozen []*escalate.Result) {
	for _, res := range frozen {
		if h.o.output.JSON || h.o.output.Verbose {
			continue
		}
		if handle := h.c.Handle(&res.Stat); handle != "" {
			fmt.Fprintln(h.c.Env.Stdout, handle)
		}
	}
	go func() {
		// A read error counts as the end of standard input. Otherwise only a signal or --timeout could end the freeze.
		io.Copy(io.Discard, h.c.Env.Stdin)
		h.over.Store(true)
		h.c.Env.Kernel.Wake()
	}()
}
