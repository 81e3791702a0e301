//go:build !nodropins

package applets

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"killbox/internal/escalate"
	"killbox/internal/show"
	"killbox/internal/signals"
	"killbox/internal/target"

	"github.com/spf13/pflag"
)

// The exit statuses of sysvinit's killall5.
const (
	killall5Failed = 1
	killall5Nobody = 2
)

// killall5 is freezekill --all with one rung.
func killall5() *Applet {
	return &Applet{
		Name:      "killall5",
		Summary:   "signal everything outside of this session",
		Usage:     "[-SIGNAL] [-o PID[,PID...]]...",
		UsageExit: killall5Failed, WriteExit: killall5Failed, FailExit: killall5Failed,
		New: func(a *Applet) (*pflag.FlagSet, Run) {
			flags := newFlagSet()
			o := &killall5Options{flags: flags}
			flags.VarP(&o.signal, "signal", "s", "send SIG; also -SIG (default KILL)")
			flags.StringArrayVarP(&o.target.omit, "omit", "o", nil, "never these: `PID[,PID...]`")
			return flags, func(env *Env, operands []string) int { return o.run(env, a, operands) }
		},
	}
}

type killall5Options struct {
	signal signalValue
	target targetOptions
	flags  *pflag.FlagSet
}

func (o *killall5Options) run(env *Env, a *Applet, operands []string) int {
	c := &call{env: env, applet: a, ladders: &ladderOptions{}, outputs: &outputOptions{}, targets: &o.target}
	c.req.Selector.All = true
	var err error
	o.target.omit = killall5Omitted(o.target.omit)
	switch c.req.Omit, err = o.target.omitted(); {
	case err != nil:
	case len(operands) > 0:
		err = fmt.Errorf("%s is no option: everything is meant, and a signal begins with a dash", show.Quoted(operands[0]))
	case o.flags.ArgsLenAtDash() >= 0:
		err = errors.New("-- ends nothing here")
	}
	if err != nil {
		usageError(env, a.Name, err)
		return killall5Failed
	}
	c.ladder = escalate.Ladder{{Signal: signals.KILL}}
	if o.signal.given {
		c.ladder[0].Signal = o.signal.signal
	}
	c.report()
	sum, err := o.carryOut(c)
	if i := new(signals.Interrupt); errors.As(err, &i) {
		env.Die(i.Signal)
		return 128 + int(i.Signal)
	}
	if err != nil {
		c.fail(nil, err, 0)
		return killall5Failed
	}
	if !sum.Proved {
		c.rep.Note("it could not be proved that nobody escaped: " + sum.Doubt)
	}
	if sum.Failed {
		return killall5Failed
	}
	for _, res := range sum.Results {
		if res.Rung > 0 && res.Outcome != escalate.Refused {
			return 0
		}
	}
	return killall5Nobody
}

// killall5Omitted splits the lists of -o as sysvinit does, at commas, semicolons and colons. Only the colon of a handle,
// behind its @, separates nothing: 312:4711 is two PIDs, as it is for sysvinit, and not PID:INODE. Blanks and a plus before
// a PID are passed over.
func killall5Omitted(lists []string) (words []string) {
	for _, list := range lists {
		for _, word := range strings.Split(strings.ReplaceAll(list, ";", ","), ",") {
			if strings.Contains(word, "@") {
				words = append(words, word)
				continue
			}
			for _, pid := range strings.Split(word, ":") {
				words = append(words, cNumber(pid))
			}
		}
	}
	return words
}

func (o *killall5Options) carryOut(c *call) (sum *escalate.Summary, err error) {
	k := c.env.Kernel
	if c.env.Proc == nil {
		return nil, c.env.ProcErr
	}
	if err := c.sameNamespace(); err != nil {
		return nil, err
	}
	c.guard = target.NewGuard(c.env.Proc, c.env.PID, false)
	if err := c.guard.SpareSession(c.env.Proc); err != nil {
		return nil, err
	}
	// Who started this from another session goes too, and perhaps takes our
	// terminal along.
	c.guard.OnlySession()
	k.Ignore(signals.HUP)
	if c.found, err = target.Resolve(c.env.Proc, k, c.guard, c.req); err != nil {
		return nil, err
	}
	_ = k.Hold()
	p := c.plan()
	p.Freeze, p.Guardian, p.Prove = true, true, time.Second // better no freeze than no shutdown: no FreezeOrFail
	p.Tree = c.tree()
	p.Tree.Flat, p.Tree.Sessions = true, true
	sum, err = escalate.Run(escalate.Call{Plan: p, Kernel: k, Policy: c.policy, Observer: c.rep})
	c.rep.Close()
	return sum, err
}
