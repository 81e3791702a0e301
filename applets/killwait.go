package applets

import (
	"errors"
	"fmt"
	"slices"

	"killbox/internal/escalate"
	"killbox/internal/report"
	"killbox/internal/show"
	"killbox/internal/target"
	"killbox/procfs"

	"github.com/spf13/pflag"
)

func killwait() *Applet {
	return &Applet{
		Name:    "killwait",
		Summary: "signal processes, wait until they are gone, escalate",
		Usage:   "[OPTION]... [SELECTOR]... TARGET...",
		New: func(a *Applet) (*pflag.FlagSet, Run) {
			flags := newFlagSet()
			o := &killwaitOptions{}
			o.ladder.add(flags)
			flags.BoolVarP(&o.waitOnly, "wait-only", "w", false, "send nothing, only wait")
			flags.BoolVar(&o.any, "any", false, "return when one of them is gone")
			flags.IntVar(&o.count, "count", 0, "return when `N` of them are gone")
			flags.BoolVar(&o.status, "status", false, "print how each one ended, and exit as the last one did")
			flags.BoolVar(&o.reaped, "reaped", false, "wait until they have been reaped as well")
			flags.BoolVar(&o.handles, "handles", false, "print the targets' handles and do nothing else")
			flags.BoolVarP(&o.list, "list", "l", false, "list signals, or translate names, numbers and exit statuses")
			flags.BoolVarP(&o.table, "table", "L", false, "list signals with their numbers")
			o.output.add(flags)
			o.target.add(flags)
			return flags, func(env *Env, operands []string) int { return o.run(env, a, flags, operands) }
		},
	}
}

type killwaitOptions struct {
	ladder ladderOptions
	output outputOptions
	target targetOptions

	waitOnly, any, status, reaped, handles, list, table bool

	count int
}

func (o *killwaitOptions) run(env *Env, a *Applet, flags *pflag.FlagSet, operands []string) int {
	if o.list || o.table {
		if o.ladder.signal.given {
			return usageError(env, a.Name, errors.New("--list takes signals as operands, without a dash"))
		}
		return listSignals(env, a.Name, o.table, operands)
	}
	if err := o.check(flags); err != nil {
		return usageError(env, a.Name, err)
	}
	c := &call{env: env, applet: a, ladders: &o.ladder, outputs: &o.output, targets: &o.target, harmless: o.harmless()}
	o.target.zombies = o.reaped
	if !c.prepare(operands) {
		return c.end()
	}
	p := c.plan()
	if o.handles {
		if env.Proc == nil {
			c.fail(nil, env.ProcErr, exitFailed)
			return c.end()
		}
		c.rep.Planned(p)
		for i := range c.found.Processes {
			if handle := c.handle(&c.found.Processes[i].Stat); !o.output.json && handle != "" {
				fmt.Fprintln(env.Stdout, handle)
			}
		}
		return c.end()
	}
	p.WaitOnly, p.Reaped, p.Count = o.waitOnly, o.reaped, o.count
	if o.any {
		p.Count = 1
	}
	if o.status {
		p.Status, p.StatusWait = true, statusWait
	}
	if o.output.dryRun {
		ladder := p.Ladder
		if o.waitOnly {
			ladder = nil
		}
		c.dryRun(planned(p), ladder)
		return c.end()
	}
	if c.asks() && !p.WaitOnly {
		return c.alive()
	}
	sum := c.run(p)
	if o.status {
		last := o.printStatuses(c, sum)
		if code := c.end(); code != exitSurvivor && code != exitFailed && code <= 128 {
			c.rep.Summary(sum, last)
			return last
		}
	}
	c.rep.Summary(sum, c.end())
	return c.end()
}

// harmless tells whether nobody is signalled.
func (o *killwaitOptions) harmless() bool {
	return o.waitOnly || o.handles
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

// printStatuses prints how each target ended, operands first and as they were
// written, and returns the last one's status as the shell's wait does.
func (o *killwaitOptions) printStatuses(c *call, sum *escalate.Summary) (last int) {
	results := make(map[procfs.ID]*escalate.Result)
	for _, res := range sum.Results {
		results[res.ID] = res
	}
	line := func(name string, status int) {
		last = status
		if !c.outputs.json {
			fmt.Fprintf(c.env.Stdout, "%s %d\n", show.Word(name), status)
		}
	}
	gone := func(name string, res *escalate.Result) {
		switch {
		case res == nil || res.Outcome != escalate.Gone:
		case res.Status == nil:
			c.rep.Note(fmt.Sprintf("%s: exit status unknown: %v", report.Process(&res.Stat), res.StatusErr))
			line(name, exitUnknown)
		default:
			line(name, res.Status.Shell())
		}
	}
	for _, op := range c.req.Operands {
		is := func(o target.Operand) bool { return o == op }
		named := slices.IndexFunc(c.found.Named, func(n target.Named) bool { return n.Operand == op })
		switch {
		case named >= 0:
			id := c.found.Named[named].ID
			gone(op.Text, results[id])
		case slices.ContainsFunc(c.found.Ended, is):
			c.rep.Note(show.Word(op.Text) + ": exit status unknown: it was gone before")
			line(op.Text, exitUnknown)
		case slices.ContainsFunc(c.found.Missing, func(p target.Problem) bool { return p.Operand == op }):
			line(op.Text, exitUnknown)
		}
	}
	for _, res := range sum.Results {
		if res.Name == "" {
			gone(fmt.Sprint(res.PID), res)
		}
	}
	return last
}
