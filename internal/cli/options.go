package cli

import (
	"time"

	"killbox/internal/duration"

	"github.com/spf13/pflag"
)

// Duration is an option that takes a duration.
type Duration struct {
	Value time.Duration
	Given bool
}

func (v *Duration) String() string {
	if v.Given || v.Value != 0 {
		return duration.Format(v.Value)
	}
	return ""
}

func (v *Duration) Type() string { return "DUR" }

func (v *Duration) Set(s string) error {
	d, err := duration.Parse(s)
	v.Value, v.Given = d, err == nil
	return err
}

// FreezeOptions say whether the targets are stopped before they are signalled.
type FreezeOptions struct {
	NoFreeze, NoGuard bool
}

func (o *FreezeOptions) AddTo(flags *pflag.FlagSet) {
	flags.BoolVar(&o.NoFreeze, "no-freeze", false, "do not stop them first: for targets that must not see SIGSTOP")
	flags.BoolVar(&o.NoGuard, "no-guard", false, "start no guardian that thaws them should this be killed")
}

// OutputOptions say what is printed.
type OutputOptions struct {
	Verbose, Quiet, JSON, DryRun bool
}

func (o *OutputOptions) AddTo(flags *pflag.FlagSet) {
	flags.BoolVarP(&o.DryRun, "dry-run", "n", false, "print what would be done and to whom; signal nothing")
	flags.BoolVarP(&o.Verbose, "verbose", "v", false, "print a line per signal sent and per process gone")
	flags.BoolVarP(&o.JSON, "json", "j", false, "print one JSON object a line")
	flags.BoolVarP(&o.Quiet, "quiet", "q", false, "print nothing but usage errors")
}
