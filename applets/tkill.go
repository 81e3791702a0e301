package applets

import (
	"time"

	"github.com/spf13/pflag"
)

func tkill() *Applet {
	return &Applet{
		Name:    "tkill",
		Summary: "end process trees",
		Usage:   "[OPTION]... [SELECTOR]... TARGET...",
		New: func(a *Applet) (*pflag.FlagSet, Run) {
			flags := newFlagSet()
			o := &tkillOptions{prove: durationValue{d: time.Second}}
			o.ladder.add(flags)
			flags.BoolVarP(&o.children, "children", "c", false, "end all descendants, but not the target itself")
			o.freeze.add(flags)
			flags.BoolVar(&o.noStrays, "no-strays", false, "leave out who lost its parent in a session that the tree leads")
			flags.Var(&o.prove, "prove", "always prove that nobody escaped, and try for DUR")
			o.output.add(flags)
			o.target.add(flags)
			return flags, func(env *Env, operands []string) int { return o.run(env, a, operands) }
		},
	}
}

type tkillOptions struct {
	ladder ladderOptions
	output outputOptions
	target targetOptions
	freeze freezeOptions

	children, noStrays bool
	prove              durationValue
}

// freezeOptions are for the applets that stop their targets first.
type freezeOptions struct {
	noFreeze, noGuard bool
}

func (o *freezeOptions) add(flags *pflag.FlagSet) {
	flags.BoolVar(&o.noFreeze, "no-freeze", false, "do not stop them first: for targets that must not see SIGSTOP")
	flags.BoolVar(&o.noGuard, "no-guard", false, "start no guardian that thaws them should this be killed")
}

func (o *tkillOptions) run(env *Env, a *Applet, operands []string) int {
	c := &call{env: env, applet: a, ladders: &o.ladder, outputs: &o.output, targets: &o.target, trees: true}
	if !c.prepare(operands) {
		return c.end()
	}
	if c.asks() && !o.output.dryRun {
		return c.alive()
	}
	if env.Proc == nil && len(c.found.Processes) > 0 {
		c.fail(nil, env.ProcErr, exitFailed)
		return c.end()
	}
	p := c.plan()
	p.Tree = c.tree()
	p.Tree.Children, p.Tree.Sessions = o.children, !o.noStrays
	p.Freeze, p.Guardian = !o.freeze.noFreeze, !o.freeze.noGuard
	p.Prove, p.ProveAlways = o.prove.d, o.prove.given
	if o.output.dryRun {
		list, err := c.preview(p)
		if err != nil {
			c.fail(nil, err, exitFailed)
			return c.end()
		}
		c.dryRun(list, p.Ladder)
		return c.end()
	}
	sum := c.run(p)
	c.rep.Summary(sum, c.end())
	return c.end()
}
