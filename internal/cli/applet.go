// Package cli is what every applet is made of: Applet and Env, the options that applets share, the way from
// operands to an exit status, help, and output that remembers its first error.
package cli

import (
	"cmp"
	"fmt"

	"killbox/internal/signals"

	"github.com/spf13/pflag"
)

// Version is the release that --version prints.
const Version = "0.1.0"

// Run does the work of an applet with what its flag set has left over, and
// returns the exit status.
type Run func(env *Env, operands []string) int

// Applet is one of the programs in the box.
type Applet struct {
	Name    string
	Summary string // one line, lower case
	// Usage is what follows the name in the usage line.
	Usage string
	// New returns fresh state for one call: the options and the code that
	// reads them.
	New func(a *Applet) (*pflag.FlagSet, Run)
	// Command: the operands are one, so the first of them ends the options.
	Command bool
	// Raw takes the place of New where a classic tool's command line is none
	// that pflag could read. It sees the words as they came, --help too.
	Raw func(env *Env, a *Applet, args []string) int
	// Dropin: it stands in for a classic tool, and has that one's exit codes.
	Dropin bool
	// UsageExit is the exit status of a usage error, where it is not 2,
	// WriteExit that of output which cannot be written, and FailExit that of a
	// call which cannot begin for want of descriptors or memory, where they are
	// not 3.
	UsageExit, WriteExit, FailExit int
	// Uncaught leaves it to Raw to catch the signals, if it has a use for that.
	Uncaught bool
}

// Caught are the signals that must not end a program which has processes
// frozen.
var Caught = [...]signals.Signal{signals.INT, signals.TERM, signals.HUP, signals.QUIT}

// Main runs one applet.
func (a *Applet) Main(env *Env, args []string) int {
	return env.CloseOutput(a.Name, a.main(env, args), a)
}

func (a *Applet) main(env *Env, args []string) int {
	if !a.Uncaught {
		if err := env.Kernel.Catch(Caught[:]...); err != nil {
			return cmp.Or(a.FailExit, Failure(env, a.Name, err))
		}
	}
	if a.Raw != nil {
		return a.Raw(env, a, args)
	}
	flags, run := a.New(a)
	help := flags.BoolP("help", "h", false, "print this help and exit")
	version := flags.BoolP("version", "V", false, "print the version and exit")
	switch err := ParseOptions(flags, args, a.Command); {
	case err != nil:
		code := UsageError(env, a.Name, err)
		return cmp.Or(a.UsageExit, code)
	case *help:
		fmt.Fprintf(env.Stdout, "usage: %s %s\n%s\n\n%s", a.Name, a.Usage, a.Summary, flags.FlagUsages())
		return 0
	case *version:
		fmt.Fprintf(env.Stdout, "%s (killbox) %s\n", a.Name, Version)
		return 0
	}
	return run(env, flags.Args())
}

// ParseOptions reads the command line of an applet that is not a drop-in. With command the operands are a command, whose first
// word ends the options.
func ParseOptions(flags *pflag.FlagSet, args []string, command bool) error {
	flags.SetInterspersed(!command)
	args, err := ExpandSignalShorthand(flags, args, command)
	if err == nil {
		args, err = mapOptions(flags, args, command, func(word string) (string, error) { return escapeTestFlag(flags, word), nil })
	}
	if err != nil {
		return err
	}
	return optionError(flags.Parse(args))
}

// UsageError says what is wrong and where to read on. Nothing has been
// signalled yet.
func UsageError(env *Env, name string, err error) int {
	fmt.Fprintf(env.Stderr, "%s: %v\ntry '%s --help'\n", name, err, name)
	return ExitUsage
}

// Failure reports what made the whole call impossible.
func Failure(env *Env, name string, err error) int {
	fmt.Fprintf(env.Stderr, "%s: %v\n", name, err)
	return ExitFailed
}
