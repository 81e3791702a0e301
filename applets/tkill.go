package applets

import (
	"time"

	"killbox/internal/cli"

	"github.com/spf13/pflag"
)

func tkill() *cli.Applet {
	return &cli.Applet{
		Name:    "tkill",
		Summary: "end process trees",
		Usage:   "[OPTION]... [SELECTOR]... TARGET...",
		Examples: "  tkill 4242\tend process 4242 and its descendants\n" +
			"  tkill -n --name make\tshow what would be signalled\n",
		Statuses: cli.StatusHelp + cli.UnprovedHelp + cli.UnfinishedHelp,
		New: func(a *cli.Applet) (*pflag.FlagSet, cli.Run) {
			flags := cli.NewFlagSet()
			o := &tkillOptions{prove: cli.Duration{Value: time.Second}}
			o.ladder.AddTo(flags)
			o.mixed.AddTo(flags, "the targets")
			o.freeze.AddTo(flags)
			flags.Var(&o.prove, "prove", "always require the proof that no process escaped, and try for DUR")
			cli.Group(flags, cli.GroupLadder)
			flags.BoolVarP(&o.children, "children", "c", false, "end all descendants, but not the target itself")
			o.orphans.AddTo(flags, "")
			o.target.AddTo(flags)
			o.output.AddTo(flags)
			return flags, func(env *cli.Env, operands []string) int { return o.run(env, a, operands) }
		},
	}
}

type tkillOptions struct {
	ladder cli.LadderOptions
	output cli.OutputOptions
	target cli.TargetOptions
	freeze cli.FreezeOptions

	mixed    cli.MixedOption
	children bool
	orphans  cli.OrphanOptions
	prove    cli.Duration
}

func (o *tkillOptions) run(env *cli.Env, a *cli.Applet, operands []string) int {
	c := &cli.Call{Env: env, Applet: a, Ladders: &o.ladder, Outputs: &o.output, Targets: &o.target, Trees: true, HoldersMayRemain: o.children}
	err := o.orphans.Check()
	if err == nil {
		err = o.mixed.Check(&o.ladder, o.children)
	}
	if err != nil {
		return cli.UsageError(env, a.Name, err)
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
	p := c.Plan()
	p.Tree = c.Tree()
	p.Tree.Children = o.children
	o.orphans.Apply(p.Tree)
	p.Freeze, p.Guardian = !o.freeze.NoFreeze, !o.freeze.NoGuard
	p.Prove, p.ProveAlways = o.prove.Value, o.prove.Given
	if err := o.mixed.ApplyToTree(p, env.Kernel); err != nil {
		c.Fail(nil, err, cli.ExitFailed)
		return c.ExitStatus()
	}
	if o.output.DryRun {
		list, err := c.PreviewTree(p)
		if err != nil {
			c.Fail(nil, err, cli.ExitFailed)
			return c.ExitStatus()
		}
		o.mixed.MarkSteps(list)
		c.PrintPlan(list, p.Ladder)
		return c.ExitStatus()
	}
	sum := c.Run(p)
	c.Report.Summary(sum, c.ExitStatus())
	return c.ExitStatus()
}
