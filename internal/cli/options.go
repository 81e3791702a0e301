package cli

import (
	"strconv"
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

// OutputOptions are the options that control what is printed, and those that make a call signal nothing.
type OutputOptions struct {
	Verbose, Quiet, JSON bool
	DryRun               bool // --dry-run or --handles
	Handles              bool // of the processes that would be signalled, only the handles are printed
	Colour               Colour
}

// AddTo adds the options to the flag set of an applet.
func (o *OutputOptions) AddTo(flags *pflag.FlagSet) {
	flags.BoolVarP(&o.DryRun, "dry-run", "n", false, "signal nothing; print what would be signalled")
	flags.Var(&handlesOption{o}, "handles", "signal nothing; print the handles of what would be signalled")
	flags.Lookup("handles").NoOptDefVal = "true"
	flags.BoolVarP(&o.Verbose, "verbose", "v", false, "print a line for each signal sent and each process gone")
	flags.BoolVarP(&o.JSON, "json", "j", false, "print events as JSON, one object a line")
	flags.BoolVarP(&o.Quiet, "quiet", "q", false, "print nothing but usage errors")
	flags.Var(&o.Colour, "color", "with -n: colours, if standard output is a terminal, always, or never")
	flags.Lookup("color").NoOptDefVal = "always"
	Group(flags, GroupOutput)
}

// handlesOption is the value of --handles, which implies --dry-run: no applet can take a call with --handles for one
// that signals.
type handlesOption struct{ o *OutputOptions }

// String implements pflag.Value.
func (*handlesOption) String() string { return "false" }

// Type implements pflag.Value.
func (*handlesOption) Type() string { return "bool" }

// Set implements pflag.Value.
func (h *handlesOption) Set(s string) (err error) {
	h.o.Handles, err = strconv.ParseBool(s)
	h.o.DryRun = h.o.DryRun || h.o.Handles
	return err
}
