// Package applets holds the applets, their options, and the dispatch between
// them. It reaches the system only through Env, so that any applet can be run
// in a test against a scripted kernel.
package applets

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"syscall"

	"killbox/internal/escalate"
	"killbox/internal/show"
	"killbox/internal/signals"
	"killbox/internal/target"
	"killbox/procfs"

	"github.com/spf13/pflag"
)

// Version is the release that --version prints.
const Version = "0.1.0"

// Kernel is what applets need of the system beyond /proc.
type Kernel interface {
	escalate.Kernel
	target.Opener
	// Catch takes signals from the runtime: each ends the process as it would
	// have anyway, but after Hold a Wait instead. Hold fails if the runtime cannot start the
	// threads that this takes; nothing has changed then.
	Catch(...signals.Signal) error
	Hold() error
	// HoldWhenWaiting is Hold, but not before a Wait takes its time.
	HoldWhenWaiting()
	// Ignore makes this process ignore the signal.
	Ignore(signals.Signal)
	// Wake ends a Wait, the next one if there is none now.
	Wake()

	escalate.Cgroup
	// OpenCgroup pins the cgroup v2 at dir for the calls of escalate.Cgroup.
	OpenCgroup(dir string) error
	// Release reclaims the memory of a process that is being killed.
	Release(procfs.ID) error
	// LeaveGroup moves this process into a process group of its own.
	LeaveGroup() error
	poster
	keeper
}

// poster sends to a number as it was given. Who looks at a process first, or
// comes back to it, opens it and signals through that.
type poster interface {
	// Kill is kill(2).
	Kill(pid int, sig signals.Signal) error
	// KillQueue is sigqueue(3).
	KillQueue(pid int, sig signals.Signal, value int32) error
	// Queue is Signal with a value.
	Queue(id procfs.ID, sig signals.Signal, value int32) error
}

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

// All returns the applets, sorted by name.
func All() []*Applet {
	list := []*Applet{
		freezekill(),
		killwait(),
		pgkill(),
		reapwait(),
		tkill(),
	}
	for _, a := range dropins() {
		a.Dropin = true
		list = append(list, a)
	}
	slices.SortStableFunc(list, func(a, b *Applet) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// Lookup returns the applet with exactly that name, or nil.
func Lookup(name string) *Applet {
	for _, a := range All() {
		if a.Name == name {
			return a
		}
	}
	return nil
}

// Main runs the program as it was called, and returns its exit status.
func Main(env *Env) int {
	out := &output{w: env.Stdout}
	env.Stdout = out
	env.screen, env.Stderr = env.Stderr, &diagnostics{env.Stderr}
	name := "killbox"
	if len(env.Args) > 0 {
		// A login shell's argv[0] begins with a dash.
		name = strings.TrimPrefix(path.Base(env.Args[0]), "-")
	}
	code := 0
	if _, ok := strings.CutPrefix(name, detachedName); ok {
		name = "reapwait"
	}
	if a := Lookup(name); a != nil {
		code = a.Main(env, env.Args[1:])
	} else {
		code = box(env, env.Args[min(1, len(env.Args)):])
	}
	return out.close(env, show.Word(name), code, &Applet{})
}

// caught are the signals that must not end a program which has processes
// frozen.
var caught = [...]signals.Signal{signals.INT, signals.TERM, signals.HUP, signals.QUIT}

// Main runs one applet.
func (a *Applet) Main(env *Env, args []string) int {
	code := a.main(env, args)
	if out, ok := env.Stdout.(*output); ok {
		return out.close(env, a.Name, code, a)
	}
	return code
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
