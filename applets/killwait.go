package applets

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"killbox/internal/cli"
	"killbox/internal/escalate"
	"killbox/internal/report"
	"killbox/internal/show"
	"killbox/internal/signals"
	"killbox/internal/target"
	"killbox/procfs"

	"github.com/spf13/pflag"
)

func killwait() *cli.Applet {
	return &cli.Applet{
		Name:    "killwait",
		Summary: "signal processes, wait until they are gone, escalate",
		Usage:   "[OPTION]... [SELECTOR]... TARGET...\n       killwait -l [SIG|STATUS]...",
		Examples: "  killwait 4242\tend process 4242 and wait until it is gone\n" +
			"  killwait -k 30s --name nginx\tsend KILL after 30 seconds\n",
		Statuses: cli.StatusHelp + cli.UnfinishedHelp,
		New: func(a *cli.Applet) (*pflag.FlagSet, cli.Run) {
			flags := cli.NewFlagSet()
			o := &killwaitOptions{}
			o.ladder.AddTo(flags)
			cli.Group(flags, cli.GroupLadder)
			flags.BoolVarP(&o.waitOnly, "wait-only", "w", false, "send nothing; only wait")
			flags.BoolVar(&o.any, "any", false, "return when one target is gone")
			flags.IntVar(&o.count, "count", 0, "return when `N` targets are gone")
			flags.BoolVar(&o.reaped, "reaped", false, "wait until the parents have reaped the targets, too")
			cli.Group(flags, "Waiting")
			o.target.AddTo(flags)
			flags.Var(&o.status, "status", "print the exit status of each target, and exit with the last, the first that is not 0, or the worst")
			flags.Lookup("status").NoOptDefVal = statusRules[0]
			flags.BoolVar(&o.why, "why", false, "print what each target is doing and what ends it, and do nothing else")
			flags.BoolVar(&o.ownerMark, "owner-mark", false, "print the owner mark of the process, and do nothing else")
			flags.BoolVarP(&o.list, "list", "l", false, "list signals, or translate names, numbers and exit statuses")
			flags.BoolVarP(&o.table, "table", "L", false, "list signals with their numbers")
			o.output.AddTo(flags)
			return flags, func(env *cli.Env, operands []string) int { return o.run(env, a, flags, operands) }
		},
	}
}

type killwaitOptions struct {
	ladder cli.LadderOptions
	output cli.OutputOptions
	target cli.TargetOptions

	status statusOption

	waitOnly, any, reaped, ownerMark, list, table, why bool

	count int
}

func (o *killwaitOptions) run(env *cli.Env, a *cli.Applet, flags *pflag.FlagSet, operands []string) int {
	if o.why {
		if err := o.checkWhy(flags); err != nil {
			return cli.UsageError(env, a.Name, err)
		}
	}
	if o.list || o.table {
		if o.ladder.Signal.Given {
			return cli.UsageError(env, a.Name, errors.New("--list takes signals as operands, without a dash"))
		}
		return cli.ListSignals(env, a.Name, o.table, operands)
	}
	if o.ownerMark {
		return printOwnerMark(env, a, flags, operands)
	}
	err := o.check(flags)
	if err == nil {
		err = o.status.checkOperands(operands)
	}
	if err != nil {
		return cli.UsageError(env, a.Name, err)
	}
	c := &cli.Call{Env: env, Applet: a, Ladders: &o.ladder, Outputs: &o.output, Targets: &o.target, SignalsNothing: o.waitOnly || o.why}
	o.target.Zombies = o.reaped
	c.HoldersMayRemain = o.any || o.count > 0 || o.why
	if !c.ResolveTargets(operands) {
		return c.ExitStatus()
	}
	if o.why {
		return c.ExplainTargets()
	}
	p := c.Plan()
	p.WaitOnly, p.Reaped, p.Count = o.waitOnly, o.reaped, o.count
	if o.any {
		p.Count = 1
	}
	if o.status != "" {
		p.Status, p.StatusWait = true, statusWait
	}
	if c.AsksOnly() && !p.WaitOnly {
		return c.ReportAlive()
	}
	if o.output.DryRun {
		ladder := p.Ladder
		if o.waitOnly {
			ladder = nil
		}
		c.PrintPlan(cli.PlannedTargets(p), ladder)
		return c.ExitStatus()
	}
	return o.runPlan(c, p)
}

// runPlan signals the targets, or only waits for them, and returns the exit status of the call.
func (o *killwaitOptions) runPlan(c *cli.Call, p *escalate.Plan) int {
	sum := c.Run(p)
	if o.status != "" {
		all := o.printStatuses(c, sum)
		code := c.ExitStatus()
		if len(all) > 0 && code != cli.ExitSurvivor && code != cli.ExitFailed && code <= 128 {
			code = o.status.choose(all)
		}
		c.Report.Summary(sum, code)
		return code
	}
	c.Report.Summary(sum, c.ExitStatus())
	return c.ExitStatus()
}

func (o *killwaitOptions) check(flags *pflag.FlagSet) error {
	if o.waitOnly {
		for _, name := range []string{"signal", "kill-after", "no-kill", "retry", "hook", "strict"} {
			if flags.Changed(name) {
				return fmt.Errorf("--wait-only sends nothing, so --%s has no meaning", name)
			}
		}
	}
	if flags.Changed("count") && o.count < 1 {
		return errors.New("--count must be at least 1")
	}
	if o.any && o.count > 1 {
		return errors.New("--any and --count exclude each other: --any is --count 1")
	}
	return nil
}

// checkWhy returns an error if an option has no meaning with --why, which signals nothing and does not wait.
func (o *killwaitOptions) checkWhy(flags *pflag.FlagSet) error {
	for _, name := range []string{
		"kill-after", "no-kill", "retry", "timeout", "hook", "hook-timeout", "strict", "wait-only", "any", "count", "status", "reaped",
		"handles", "owner-mark", "list", "table", "dry-run", "exited",
	} {
		if flags.Changed(name) {
			return fmt.Errorf("--why only explains, so --%s has no meaning", name)
		}
	}
	if o.ladder.Signal.Given && o.ladder.Signal.Signal == signals.Null {
		return errors.New("signal 0 ends nothing, so --why has nothing to explain: name another signal")
	}
	return nil
}

// printStatuses prints the exit status of each target: first the operands, as they were written, and then the targets
// that selectors found. It returns the statuses in this order.
func (o *killwaitOptions) printStatuses(c *cli.Call, sum *escalate.Summary) (all []int) {
	results := make(map[procfs.ID]*escalate.Result)
	for _, res := range sum.Results {
		results[res.ID] = res
	}
	line := func(name string, st *procfs.Stat, status int) {
		all = append(all, status)
		c.Report.ExitStatus(name, st, status)
	}
	unknown := func(op *target.Operand) {
		st := op.Stat()
		line(op.Text, &st, cli.ExitUnknown)
	}
	gone := func(name string, res *escalate.Result) {
		switch {
		case res == nil || res.Outcome != escalate.Gone:
		case res.Status == nil:
			c.Report.Note(fmt.Sprintf("%s: exit status unknown: %v", report.Process(&res.Stat), res.StatusErr))
			line(name, &res.Stat, cli.ExitUnknown)
		default:
			line(name, &res.Stat, res.Status.Shell())
		}
	}
	for _, op := range c.Request.Operands {
		named := slices.IndexFunc(c.Found.Named, func(n target.Named) bool { return n.Operand == op })
		switch {
		case named >= 0:
			id := c.Found.Named[named].ID
			gone(op.Text, results[id])
		case slices.ContainsFunc(c.Found.Ended, op.SameProcess):
			c.Report.Note(show.Word(op.Text) + ": exit status unknown: the process was gone before the call")
			unknown(&op)
		case slices.ContainsFunc(c.Found.Missing, func(p target.Problem) bool { return p.Operand == op }):
			unknown(&op)
		}
	}
	for _, res := range sum.Results {
		if res.Name == "" {
			gone(fmt.Sprint(res.PID), res)
		}
	}
	return all
}

// statusWait is how long --status waits for a parent to reap a zombie. Once the zombie is reaped, any caller can read
// the exit status (PIDFD_INFO_EXIT, Linux 6.15). Before, only the user of the zombie and root can.
const statusWait = time.Second
