package cli

import (
	"errors"
	"fmt"
	"time"

	"killbox/internal/escalate"
	"killbox/internal/signals"

	"github.com/spf13/pflag"
)

// LadderOptions are the options that define the ladder, its hook and the time limit of the call.
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

// AddTo adds the options to the flag set of an applet.
func (o *LadderOptions) AddTo(flags *pflag.FlagSet) {
	o.Flags = flags
	o.HookTimeout.Value = 10 * time.Second
	flags.VarP(&o.Signal, "signal", "s", "send SIG first, by name or number; also -SIG (default TERM)")
	flags.VarP(&o.KillAfter, "kill-after", "k", "send KILL after DUR (default 5s)")
	flags.BoolVar(&o.NoKill, "no-kill", false, "never send KILL")
	flags.StringVarP(&o.Retry, "retry", "R", "", "use this ladder: `SIG/DUR/...`; DUR alone means SIG/DUR/KILL/DUR")
	flags.VarP(&o.Timeout, "timeout", "t", "limit the whole call to DUR")
	flags.StringVar(&o.Hook, "hook", "", "before each step but the first, run `COMMAND` by sh -c for each remaining process")
	flags.Var(&o.HookTimeout, "hook-timeout", "kill a hook that takes longer")
	flags.BoolVar(&o.strict, "strict", false, "exit 5 if the first step was not enough")
}

// Ladder returns the ladder that the options define, or a usage error.
func (o *LadderOptions) Ladder() (escalate.Ladder, error) {
	first := signals.TERM
	if o.Signal.Given {
		first = o.Signal.Signal
	}
	if o.Flags.Changed("retry") {
		if first == 0 {
			return nil, errors.New("signal 0 ends nothing, so --retry has no meaning")
		}
		l, err := escalate.ParseLadder(o.Retry, first)
		switch {
		case err != nil:
			return nil, err
		case o.KillAfter.Given:
			return nil, fmt.Errorf("--kill-after and --retry exclude each other: write the wait into the schedule, as in -R %v/%v/KILL/2s", l[0].Signal, &o.KillAfter)
		case o.Signal.Given && first != l[0].Signal:
			return nil, fmt.Errorf("two different signals, %v and, in the schedule of --retry, %v", first, l[0].Signal)
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

// noKillAfter returns the usage error for --kill-after with --no-kill. It suggests a ladder of the first step alone,
// because the caller probably wants to change the wait of that step.
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

var errNoLadder = errors.New("--no-kill leaves no step of a ladder that begins with KILL")

// cutBeforeKill ends the ladder before KILL if --no-kill was given.
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

// SignalOption is the value of --signal. The option may be repeated only with the same signal.
type SignalOption struct {
	Signal signals.Signal
	Given  bool
}

// String implements pflag.Value.
func (v *SignalOption) String() string {
	if v.Given {
		return v.Signal.String()
	}
	return ""
}

// Type implements pflag.Value.
func (v *SignalOption) Type() string { return "SIG" }

// Set implements pflag.Value.
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
