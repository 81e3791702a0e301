package cli

import (
	"errors"
	"fmt"
	"time"

	"killbox/internal/escalate"
	"killbox/internal/signals"

	"github.com/spf13/pflag"
)

// LadderOptions say which signals are sent, and when.
type LadderOptions struct {
	Signal      SignalOption
	KillAfter   Duration
	NoKill      bool
	Retry       string
	Timeout     Duration
	Hook        string
	HookTimeout Duration
	strict      bool
	Flags       *pflag.FlagSet
}

func (o *LadderOptions) AddTo(flags *pflag.FlagSet) {
	o.Flags = flags
	o.HookTimeout.Value = 10 * time.Second
	flags.VarP(&o.Signal, "signal", "s", "send SIG first, by name or number; also -SIG (default TERM)")
	flags.VarP(&o.KillAfter, "kill-after", "k", "send KILL after DUR (default 5s)")
	flags.BoolVar(&o.NoKill, "no-kill", false, "never send KILL")
	flags.StringVarP(&o.Retry, "retry", "R", "", "climb this ladder, `SIG/DUR/SIG/DUR...`, or SIG/DUR/KILL/DUR for a DUR alone")
	flags.VarP(&o.Timeout, "timeout", "t", "limit the whole call to DUR")
	flags.StringVar(&o.Hook, "hook", "", "run `COMMAND` by sh -c for each survivor before each further rung")
	flags.Var(&o.HookTimeout, "hook-timeout", "give a hook that long")
	flags.BoolVar(&o.strict, "strict", false, "exit 5 if a rung after the first was needed")
}

// Ladder returns what the options amount to.
func (o *LadderOptions) Ladder() (escalate.Ladder, error) {
	first := signals.TERM
	if o.Signal.Given {
		first = o.Signal.Signal
	}
	if o.Flags.Changed("retry") {
		if first == 0 {
			return nil, errors.New("signal 0 ends nothing, so there is nothing to --retry")
		}
		l, err := escalate.ParseLadder(o.Retry, first)
		switch {
		case err != nil:
			return nil, err
		case o.KillAfter.Given:
			return nil, fmt.Errorf("--kill-after and --retry both say when KILL comes: write it into the schedule, as in -R %v/%v/KILL/2s", l[0].Signal, &o.KillAfter)
		case o.Signal.Given && first != l[0].Signal:
			return nil, fmt.Errorf("two different signals, %v and the schedule's %v: --retry alone says all", first, l[0].Signal)
		}
		return o.cutBeforeKill(l)
	}
	if o.KillAfter.Given && o.NoKill {
		return nil, o.noKillAfter(first)
	}
	if first == 0 {
		return escalate.Ladder{{Signal: 0}}, nil
	}
	grace := escalate.DefaultGrace
	if o.KillAfter.Given {
		grace = o.KillAfter.Value
	} else if first == signals.KILL {
		grace = escalate.KillGrace
	}
	return o.cutBeforeKill(escalate.NewLadder(first, grace))
}

// noKillAfter is the error for --kill-after with --no-kill, which probably wants the first wait alone.
func (o *LadderOptions) noKillAfter(first signals.Signal) error {
	text := "--kill-after and --no-kill exclude each other"
	switch first {
	case signals.KILL:
		return errNoLadder
	case signals.Null:
		return errors.New(text)
	}
	return fmt.Errorf("%s: to wait that long and send no KILL, write -R %v/%v", text, first, &o.KillAfter)
}

var errNoLadder = errors.New("--no-kill leaves nothing of a ladder that begins with KILL")

// cutBeforeKill ends the ladder before KILL, if that is what --no-kill asks for.
func (o *LadderOptions) cutBeforeKill(l escalate.Ladder) (escalate.Ladder, error) {
	if !o.NoKill {
		return l, nil
	}
	for i, step := range l {
		if step.Signal == signals.KILL {
			l = l[:i]
			break
		}
	}
	if len(l) == 0 {
		return nil, errNoLadder
	}
	return l, nil
}

// SignalOption is --signal, which may be given twice if it is the same.
type SignalOption struct {
	Signal signals.Signal
	Given  bool
}

func (v *SignalOption) String() string {
	if v.Given {
		return v.Signal.String()
	}
	return ""
}

func (v *SignalOption) Type() string { return "SIG" }

func (v *SignalOption) Set(s string) error {
	sig, err := signals.Parse(s)
	if err != nil {
		return err
	}
	if v.Given && sig != v.Signal {
		return errors.New("two different signals, " + v.Signal.String() + " and " + sig.String())
	}
	v.Signal, v.Given = sig, true
	return nil
}
