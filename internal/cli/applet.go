// Package cli holds what all applets share: Applet and Env, common options, help, output, and Call, which resolves
// operands, runs a plan and computes the exit status.
package cli

import (
	"cmp"
	"fmt"

	"killbox/internal/child"
	"killbox/internal/signals"

	"github.com/spf13/pflag"
)

// Version is the release that --version prints.
const Version = "0.2.0"

// Run runs an applet, whose options have been parsed, on its operands, and returns the exit status.
type Run func(env *Env, operands []string) int

// Applet is one of the programs that the killbox binary contains.
type Applet struct {
	Name    string
	Summary string // one line, lower case
	// Usage follows the name in the usage line.
	Usage string
	// Examples and Statuses are the lines of --help that show examples and exit statuses, in the form of PrintHelp.
	Examples, Statuses string
	// New returns the options of one call, and the Run that uses them.
	New func(a *Applet) (*pflag.FlagSet, Run)
	// Command says that the operands are a command, whose first word ends the options.
	Command bool
	// Raw, if set, replaces New and parses the arguments itself, --help included. It is for a classic tool with
	// messages and exit statuses of its own.
	Raw func(env *Env, a *Applet, args []string) int
	// Dropin says that the applet stands in for a classic tool. It has the exit statuses of that tool.
	Dropin bool
	// Others returns the applets whose options a usage error may name, because users take them for options of this one.
	Others func() []*Applet
	// UsageExit is the exit status of a usage error; 0 means 2. WriteExit is that of output that cannot be written,
	// and FailExit that of a call that lacks descriptors or memory to begin; 0 means 3. FailExit is also that of a call
	// that is refused because of its privileges; there 0 means 2.
	UsageExit, WriteExit, FailExit int
	// Uncaught says that Main does not catch the Caught signals. Raw catches them if it needs to.
	Uncaught bool
}

// Caught are the signals that Main catches: an applet that has frozen processes must resume them before such a signal
// ends the applet.
var Caught = [...]signals.Signal{signals.INT, signals.TERM, signals.HUP, signals.QUIT}

// Main runs the applet and returns its exit status.
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
	help, version := addHelp(flags)
	operands, err := a.parseOptions(flags, args)
	switch {
	case err != nil:
		code := UsageError(env, a.Name, err)
		return cmp.Or(a.UsageExit, code)
	case *help:
		printHelp(env, a, flags)
		return 0
	case *version:
		fmt.Fprintf(env.Stdout, "%s (killbox) %s\n", a.Name, Version)
		return 0
	}
	return run(env, operands)
}

// parseOptions is ParseOptions for the applet.
func (a *Applet) parseOptions(flags *pflag.FlagSet, args []string) (operands []string, err error) {
	operands, err = parseOptions(flags, args, a.Command, a.Others)
	if err != nil && a.Command {
		err = fmt.Errorf("%w%s", err, child.JoinedOptionsHint(a.Name, args))
	}
	return operands, err
}

// ParseOptions parses the command line of an applet that is not a drop-in, and returns the operands. With command, the
// operands are a command, whose first word ends the options.
func ParseOptions(flags *pflag.FlagSet, args []string, command bool) (operands []string, err error) {
	return parseOptions(flags, args, command, nil)
}

// parseOptions is ParseOptions. An error names an option of the applets that others returns, if this one lacks it.
func parseOptions(flags *pflag.FlagSet, args []string, command bool, others func() []*Applet) (operands []string, err error) {
	if args, err = ExpandSignalShorthand(flags, args, command); err != nil {
		return nil, err
	}
	set := func(f *pflag.Flag, value string) error { return flags.Set(f.Name, value) }
	operands, err = (&Getopt{Flags: flags, InOrder: command, Set: set, Never: pidName, Equals: true}).Parse(args)
	if err == nil || others == nil {
		return operands, optionError(flags, nil, err)
	}
	return operands, optionError(flags, others(), err)
}

// UsageError prints a usage error and a reference to --help, and returns ExitUsage. Callers must not have signalled
// anything before.
func UsageError(env *Env, name string, err error) int {
	fmt.Fprintf(env.Stderr, "%s: %v\ntry '%s --help'\n", name, err, name)
	return ExitUsage
}

// Failure prints an error that makes the whole call impossible, and returns ExitFailed.
func Failure(env *Env, name string, err error) int {
	fmt.Fprintf(env.Stderr, "%s: %v\n", name, err)
	return ExitFailed
}
