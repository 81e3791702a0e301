package dropin

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"killbox/internal/cli"
	"killbox/internal/escalate"
	"killbox/internal/show"
	"killbox/internal/signals"
	"killbox/internal/target"

	"github.com/spf13/pflag"
)

// The exit statuses of sysvinit's killall5.
const (
	killall5Failed   = 1
	killall5NoTarget = 2
)

// killall5 is freezekill --all with a ladder of one step.
func killall5() *cli.Applet {
	return &cli.Applet{
		Name:      "killall5",
		Summary:   "signal all processes outside of this session",
		Usage:     "[-SIGNAL] [-o PID[,PID...]]...",
		UsageExit: killall5Failed, WriteExit: killall5Failed, FailExit: killall5Failed,
		New: func(a *cli.Applet) (*pflag.FlagSet, cli.Run) {
			flags := cli.NewFlagSet()
			o := &killall5Options{flags: flags}
			flags.VarP(&o.signal, "signal", "s", "send SIG; also -SIG (default KILL)")
			flags.StringArrayVarP(&o.target.Omit, "omit", "o", nil, "exclude these: `PID[,PID...]`")
			flags.BoolVar(&o.dryRun, "dry-run", false, "signal nothing; print what would be signalled")
			return flags, func(env *cli.Env, operands []string) int { return o.run(env, a, operands) }
		},
	}
}

type killall5Options struct {
	signal cli.SignalOption
	target cli.TargetOptions
	flags  *pflag.FlagSet
	dryRun bool
}

func (o *killall5Options) run(env *cli.Env, a *cli.Applet, operands []string) int {
	c := &cli.Call{Env: env, Applet: a, Ladders: &cli.LadderOptions{}, Outputs: &cli.OutputOptions{}, Targets: &o.target}
	c.Request.Selector.All = true
	var err error
	o.target.Omit = killall5Omitted(o.target.Omit)
	switch c.Request.Omit, err = o.target.Omitted(); {
	case err != nil:
	case len(operands) > 0:
		err = fmt.Errorf("%s is no option: killall5 takes no operands, and a signal begins with a dash", show.Quoted(operands[0]))
	case slices.Contains(c.Env.Args, "--"):
		err = errors.New("-- is refused: killall5 takes no operands")
	}
	if err != nil {
		cli.UsageError(env, a.Name, err)
		return killall5Failed
	}
	c.Ladder = escalate.Ladder{{Signal: signals.KILL}}
	if o.signal.Given {
		c.Ladder[0].Signal = o.signal.Signal
	}
	c.StartReport()
	sum, err := o.carryOut(c)
	if i := new(signals.Interrupt); errors.As(err, &i) {
		env.Die(i.Signal)
		return 128 + int(i.Signal)
	}
	if err != nil {
		c.Fail(nil, err, 0)
		return killall5Failed
	}
	if o.dryRun {
		c.PrintPlan(cli.PlannedTargets(c.Plan()), c.Ladder)
		if len(c.Found.Processes) == 0 {
			return killall5NoTarget
		}
		return 0
	}
	if !sum.Proved {
		c.Report.Note("it could not be proved that no process escaped: " + sum.Doubt)
	}
	if sum.Failed {
		return killall5Failed
	}
	for _, res := range sum.Results {
		if res.Rung > 0 && res.Outcome != escalate.Refused {
			return 0
		}
	}
	return killall5NoTarget
}

// killall5Omitted splits the lists of -o at commas, semicolons and colons, as sysvinit does. A word with an @ is a
// handle, and is not split at its colon. 312:4711 is two PIDs, as for sysvinit, and not PID:INODE. Blanks and a plus
// before a PID are dropped.
func killall5Omitted(lists []string) (words []string) {
	for _, list := range lists {
		for _, word := range strings.Split(strings.ReplaceAll(list, ";", ","), ",") {
			if strings.Contains(word, "@") {
				words = append(words, word)
				continue
			}
			for _, pid := range strings.Split(word, ":") {
				words = append(words, trimNumber(pid))
			}
		}
	}
	return words
}

// carryOut finds the targets and signals them.
func (o *killall5Options) carryOut(c *cli.Call) (sum *escalate.Summary, err error) {
	k := c.Env.Kernel
	if c.Env.Proc == nil {
		return nil, c.Env.ProcErr
	}
	if err := c.CheckNamespace(); err != nil {
		return nil, err
	}
	c.Exclusions = target.NewExclusions(c.Env.Proc, c.Env.PID, false)
	if err := c.Exclusions.ExcludeOwnSession(c.Env.Proc); err != nil {
		return nil, err
	}
	// An ancestor in another session is a target, too. Its death may hang up the terminal of this process, so ignore
	// HUP.
	c.Exclusions.AllowAncestors()
	k.IgnoreSignal(signals.HUP)
	if c.Found, err = target.Resolve(c.Env.Proc, k, c.Exclusions, c.Request); err != nil {
		return nil, err
	}
	if o.dryRun {
		return nil, nil
	}
	_ = k.DeferSignals()
	p := c.Plan()
	// FreezeOrFail stays false: if freezing is impossible, a shutdown must signal nevertheless.
	p.Freeze, p.Guardian, p.Prove = true, true, time.Second
	p.Tree = c.Tree()
	p.Tree.Flat, p.Tree.Sessions = true, true
	sum, err = escalate.Run(escalate.Call{Plan: p, Kernel: k, Policy: c.Policy, Observer: c.Report})
	c.Report.Close()
	return sum, err
}
