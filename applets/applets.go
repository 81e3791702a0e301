// Package applets holds the applets, their options, and the dispatch between
// them. It reaches the system only through Env, so that any applet can be run
// in a test against a scripted kernel.
package applets

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"syscall"

	"killbox/internal/show"
	"killbox/internal/signals"
	"killbox/procfs"

	"github.com/spf13/pflag"
)

// Version is the release that --version prints.
const Version = "0.1.0"

// Env is the world of one call.
type Env struct {
	Args    []string // with argv[0]
	Environ []string
	PID     int

	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// StdoutTTY and StderrTTY tell whether those are terminals.
	StdoutTTY, StderrTTY bool
	// screen is standard error without the escaping that Main adds to Stderr. The
	// status line needs it: it is drawn with escape sequences.
	screen io.Writer

	// Proc is nil where there is no /proc, and ProcErr says why.
	Proc    *procfs.FS
	ProcErr error
	Kernel  Kernel

	// Exec replaces this program; Die ends it by a signal, and returns where
	// that cannot be done. Executable is the path of this program.
	Exec       func(path string, argv, env []string) error
	Die        func(signals.Signal)
	Executable func() (string, error)
}

// Getenv returns the value of an environment variable, "" if it is not set.
func (e *Env) Getenv(name string) string {
	for _, entry := range e.Environ {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value
		}
	}
	return ""
}

// LookupEnv is Getenv that tells "" from nothing.
func (e *Env) LookupEnv(name string) (string, bool) {
	i := slices.IndexFunc(e.Environ, func(entry string) bool { return strings.HasPrefix(entry, name+"=") })
	if i < 0 {
		return "", false
	}
	return e.Environ[i][len(name)+1:], true
}

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

// caught are the signals that must not end a program which has processes
// frozen.
var caught = [...]signals.Signal{signals.INT, signals.TERM, signals.HUP, signals.QUIT}

// Main runs one applet.
func (a *Applet) Main(env *Env, args []string) int {
	return env.CloseOutput(a.Name, a.main(env, args), a)
}

func (a *Applet) main(env *Env, args []string) int {
	if !a.Uncaught {
		if err := env.Kernel.Catch(caught[:]...); err != nil {
			return cmp.Or(a.FailExit, failure(env, a.Name, err))
		}
	}
	if a.Raw != nil {
		return a.Raw(env, a, args)
	}
	flags, run := a.New(a)
	help := flags.BoolP("help", "h", false, "print this help and exit")
	version := flags.BoolP("version", "V", false, "print the version and exit")
	switch err := parse(flags, args, a.Command); {
	case err != nil:
		code := usageError(env, a.Name, err)
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

// parse reads the command line of an applet that is not a drop-in. With command the operands are a command, whose first
// word ends the options.
func parse(flags *pflag.FlagSet, args []string, command bool) error {
	flags.SetInterspersed(!command)
	args, err := liftSignals(flags, args, command)
	if err == nil {
		args, err = mapOptions(flags, args, command, func(word string) (string, error) { return escapeTestFlag(flags, word), nil })
	}
	if err != nil {
		return err
	}
	return optionError(flags.Parse(args))
}

// usageError says what is wrong and where to read on. Nothing has been
// signalled yet.
func usageError(env *Env, name string, err error) int {
	fmt.Fprintf(env.Stderr, "%s: %v\ntry '%s --help'\n", name, err, name)
	return exitUsage
}

// failure reports what made the whole call impossible.
func failure(env *Env, name string, err error) int {
	fmt.Fprintf(env.Stderr, "%s: %v\n", name, err)
	return exitFailed
}

// diagnostics escapes the characters of a message on which a terminal acts. Messages pass each word through
// package show; diagnostics covers those that do not.
type diagnostics struct{ w io.Writer }

func (d *diagnostics) Write(b []byte) (int, error) {
	if _, err := io.WriteString(d.w, show.Lines(string(b))); err != nil {
		return 0, err
	}
	return len(b), nil
}

// WrapOutput makes standard output remember its first error, and standard error escape what a terminal acts on.
func (e *Env) WrapOutput() {
	e.Stdout = &output{w: e.Stdout}
	e.screen, e.Stderr = e.Stderr, &diagnostics{e.Stderr}
}

// CloseOutput reports an error of standard output, and returns the exit status of the call.
func (e *Env) CloseOutput(name string, code int, a *Applet) int {
	if out, ok := e.Stdout.(*output); ok {
		return out.close(e, name, code, a)
	}
	return code
}

// output keeps the first error of standard output. A kill that has begun is
// not given up because nobody reads of it.
type output struct {
	w   io.Writer
	err error
}

func (o *output) Write(b []byte) (int, error) {
	if o.err == nil {
		_, o.err = o.w.Write(b)
	}
	return len(b), nil
}

// close turns a write error into a diagnostic, and a closed pipe into the
// death by SIGPIPE that a reader's end means to every program.
func (o *output) close(env *Env, name string, code int, a *Applet) int {
	err := o.err
	o.err = nil
	if err == nil || errors.Is(err, syscall.EPIPE) && code != 0 {
		return code
	}
	if errors.Is(err, syscall.EPIPE) {
		env.Die(signals.PIPE)
		// Our caller ignores it, or this is PID 1.
	}
	text := err.Error()
	if a.Dropin {
		text = cError(err)
	}
	fmt.Fprintf(env.Stderr, "%s: write error: %s\n", name, text)
	if a.WriteExit != 0 {
		return cmp.Or(code, a.WriteExit)
	}
	return worst(code, exitFailed)
}

// cError spells an error as the C library does.
func cError(err error) string {
	text := err.Error()
	if errno := syscall.Errno(0); errors.As(err, &errno) {
		text = errno.Error()
	} else if errors.Is(err, procfs.ErrNoProcess) {
		text = syscall.ESRCH.Error()
	}
	return strings.ToUpper(text[:1]) + text[1:]
}
