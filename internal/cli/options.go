package cli

import (
	"time"

	"killbox/internal/duration"

	"github.com/spf13/pflag"
)

// Duration is the value of an option that takes a duration. Given says that the option is on the command line.
type Duration struct {
	Value time.Duration
	Given bool
}

// String implements pflag.Value.
func (v *Duration) String() string {
	if v.Given || v.Value != 0 {
		return duration.Format(v.Value)
	}
	return ""
}

// Type implements pflag.Value.
func (v *Duration) Type() string { return "DUR" }

// Set implements pflag.Value.
func (v *Duration) Set(s string) error {
	d, err := duration.Parse(s)
	v.Value, v.Given = d, err == nil
	return err
}

// FreezeOptions are the options that turn off the freeze or its guardian.
type FreezeOptions struct {
	NoFreeze, NoGuard bool
}

// AddTo adds the options to the flag set of an applet.
func (o *FreezeOptions) AddTo(flags *pflag.FlagSet) {
	flags.BoolVar(&o.NoFreeze, "no-freeze", false, "do not stop the targets first: for processes that must not be sent STOP")
	flags.BoolVar(&o.NoGuard, "no-guard", false, "start no guardian, which resumes the targets if this process is killed")
}

// OutputOptions are the options that control what is printed, and --dry-run.
type OutputOptions struct {
	Verbose, Quiet, JSON, DryRun bool
}

// AddTo adds the options to the flag set of an applet.
func (o *OutputOptions) AddTo(flags *pflag.FlagSet) {
	flags.BoolVarP(&o.DryRun, "dry-run", "n", false, "signal nothing; print what would be signalled")
	flags.BoolVarP(&o.Verbose, "verbose", "v", false, "print a line for each signal sent and each process gone")
	flags.BoolVarP(&o.JSON, "json", "j", false, "print events as JSON, one object a line")
	flags.BoolVarP(&o.Quiet, "quiet", "q", false, "print nothing but usage errors")
}
