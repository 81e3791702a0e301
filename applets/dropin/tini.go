package dropin

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"killbox/internal/child"
	"killbox/internal/cli"
	"killbox/internal/escalate"
	"killbox/internal/report"
	"killbox/internal/show"
	"killbox/internal/signals"

	"github.com/spf13/pflag"
)

// tini returns tini or docker-init, which are the same: reapwait with the command line of tini.
func tini(name string) *cli.Applet {
	return &cli.Applet{
		Name:      name,
		Summary:   "run a command as the init of a container",
		Usage:     "[OPTION]... COMMAND [--] [ARG]...",
		WriteExit: 1, FailExit: 1,
		New: func(a *cli.Applet) (*pflag.FlagSet, cli.Run) {
			return new(tiniOptions).flags(nil, a), nil
		},
		Raw: func(env *cli.Env, a *cli.Applet, args []string) int {
			return new(tiniOptions).main(env, a, args)
		},
	}
}

// The levels of tini's messages.
const (
	tiniFatal = iota
	tiniWarn
	tiniInfo
	tiniDebug
	tiniTrace
)

const tiniFailed = 1

// tiniVersion is what dockerd expects docker-init --version to begin with. dockerd splits the
// output at " - ", and ignores the second part unless it is git.COMMIT (moby,
// daemon/info_unix.go, parseInitVersion).
const tiniVersion = "tini version 0.19.0"

// tiniNoReaper is the warning of the original, which people and log filters search for.
const tiniNoReaper = `Tini is not running as PID 1 and isn't registered as a child subreaper.
Zombie processes will not be re-parented to Tini, so zombie reaping won't work.
To fix the problem, use the -s option or set the environment variable TINI_SUBREAPER to register Tini as a child subreaper, or run Tini as PID 1.`

type tiniOptions struct {
	subreaper, group, warn bool

	keep      bool
	verbosity int
	death     signals.Signal // of --parent-death
	expected  []int          // the exit statuses of --expect
}

// errPrinted ends the command line of a call that has printed a help, a version or a license.
var errPrinted = errors.New("printed")

func (o *tiniOptions) flags(env *cli.Env, a *cli.Applet) *pflag.FlagSet {
	flags := cli.NewFlagSet()
	flags.VarP(optionFunc{o.setExpected, "CODE"}, "expect", "e", "exit with 0 if COMMAND exits with CODE (repeatable)")
	flags.BoolVarP(&o.group, "group", "g", false, "forward signals to the process group of COMMAND")
	tell := func(name, short, usage string, print func()) {
		flags.VarP(optionFunc{func(string) error { print(); return errPrinted }, "bool"}, name, short, usage)
		flags.Lookup(name).NoOptDefVal = "true"
	}
	tell("help", "h", "print this help and exit", func() {
		cli.PrintHelp(env, env.Stdout, usageText(a, flags))
	})
	flags.BoolVar(&o.keep, "keep", false, "when COMMAND has exited, do not signal the remaining processes")
	tell("license", "l", "print the license and exit", func() {
		fmt.Fprintf(env.Stdout, "%s is killbox, (c) The killbox authors, under the MIT License\n", a.Name)
	})
	flags.VarP(optionFunc{o.setDeath, "SIGNAL"}, "parent-death", "p", "have the kernel send SIGNAL to this process when its parent is gone")
	flags.BoolVarP(&o.subreaper, "subreaper", "s", false, "adopt orphans without being PID 1")
	flags.CountVarP(&o.verbosity, "verbose", "v", "print more messages (repeatable)")
	tell("version", "", "print the version and exit", func() {
		fmt.Fprintf(env.Stdout, "%s - %s (killbox) %s\n", tiniVersion, a.Name, cli.Version)
	})
	flags.BoolVarP(&o.warn, "warn", "w", false, "warn of each reaped orphan")
	return flags
}

func (o *tiniOptions) setExpected(s string) error {
	n, err := strconv.Atoi("0" + trimNumber(s)) // no digits mean 0
	if err != nil || n > 255 {
		return errors.New("-e: " + show.Word(s))
	}
	o.expected = append(o.expected, n)
	return nil
}

func (o *tiniOptions) setDeath(s string) error {
	sig, err := signals.Parse(s)
	if err != nil || sig == signals.Null {
		return errors.New("-p: " + show.Word(s))
	}
	o.death = sig
	return nil
}

// environ reads the environment. TINI_SUBREAPER and TINI_KILL_PROCESS_GROUP count even if empty, as for the original.
func (o *tiniOptions) environ(env *cli.Env) {
	_, subreaper := env.LookupEnv("TINI_SUBREAPER")
	_, group := env.LookupEnv("TINI_KILL_PROCESS_GROUP")
	o.subreaper, o.group = o.subreaper || subreaper, o.group || group
	o.keep = o.keep || env.Getenv("TINI_KEEP") != ""
	if text, ok := env.LookupEnv("TINI_VERBOSITY"); ok {
		o.verbosity = atoi(text)
	}
}

func (o *tiniOptions) main(env *cli.Env, a *cli.Applet, args []string) int {
	flags := o.flags(env, a)
	o.verbosity = tiniWarn
	operands, err := getopt(flags, "", posixlyCorrect(env), args)
	t := &tiniCall{tiniOptions: o, env: env, applet: a.Name}
	switch misuse := new(getoptError); {
	case err == errPrinted:
		return 0
	case errors.As(err, &misuse) || err == nil && len(operands) == 0:
		if err != nil {
			fmt.Fprintf(env.Stderr, "%s: %v%s\n", a.Name, err, child.JoinedOptionsHint(a.Name, args))
		}
		cli.PrintHelp(env, env.Stderr, usageText(a, flags))
		return tiniFailed
	case err != nil:
		t.log(tiniFatal, "Not a valid option for %v", err)
		return tiniFailed
	}
	o.environ(env)
	code := t.run(operands)
	if out, ok := env.Stdout.(*cli.Output); ok {
		out.Err = nil // a message that could not be written must not change the exit status
	}
	return code
}

// tiniCall is one call of tini.
type tiniCall struct {
	*tiniOptions
	env    *cli.Env
	applet string // tini or docker-init
	r      *child.Supervisor
}

// log prints a message of the original, on standard error up to tiniWarn and else on standard output.
func (t *tiniCall) log(level int, format string, args ...any) {
	if level > max(t.verbosity, tiniFatal) {
		return
	}
	w := t.env.Stderr
	if level > tiniWarn {
		w = t.env.Stdout
	}
	name := [...]string{"FATAL", "WARN ", "INFO ", "DEBUG", "TRACE"}[level]
	fmt.Fprintf(w, "[%s tini (%d)] %s\n", name, t.env.PID, fmt.Sprintf(format, args...))
}

func (t *tiniCall) fail(err error) int {
	t.log(tiniFatal, "%v", err)
	return tiniFailed
}

func (t *tiniCall) run(operands []string) int {
	if err := child.CheckInterpreter(t.env.Args, operands); err != nil {
		return t.fail(err)
	}
	k := t.env.Kernel
	remaps := make(map[int]int)
	for _, code := range t.expected {
		remaps[code] = 0
	}
	rep := report.New(report.Options{Applet: "tini", Out: t.env.Stderr, Err: t.env.Stderr})
	t.r = child.NewSupervisor(k, t.env.Proc, t.env.PID, rep, child.Options{
		Group: t.group, KeepRemaining: t.keep, Init: true, OnEvent: t.handleEvent, Remaps: remaps,
		Ladder: escalate.NewLadder(signals.TERM, escalate.DefaultGrace),
	})
	orphans := t.subreaper || t.env.PID == 1 || k.Subreaper()
	if err := k.StartReaperFor(orphans, nil, signals.All()); err != nil {
		return t.fail(subreaperText(err))
	}
	_ = k.DeferSignals()
	// TTIN and TTOU would stop this process, which could not reap then.
	k.IgnoreSignal(signals.TTIN)
	k.IgnoreSignal(signals.TTOU)
	if err := t.r.RecordEarlierChildren(); err != nil {
		return t.fail(err)
	}
	if t.death != 0 {
		if err := k.SetParentDeathSignal(t.death); err != nil {
			return t.fail(err)
		}
	}
	if t.subreaper {
		t.log(tiniTrace, "Registered as child subreaper")
	}
	if !orphans {
		t.log(tiniWarn, "%s", tiniNoReaper)
	}
	l := child.NewSpec(operands, t.env.Environ)
	l.Group = true
	if t.death == signals.KILL {
		l.DeathSignal = signals.KILL // this process cannot forward KILL
	}
	if err := t.r.Launch(l); err != nil {
		return t.notStarted(operands[0], err)
	}
	t.log(tiniInfo, "Spawned child process '%s' with pid '%d'", show.Word(operands[0]), t.r.Command)
	if err := t.r.Supervise(); err != nil {
		return t.fail(err)
	}
	return t.r.ExitStatus()
}

// subreaperText returns the message of the original if PR_SET_CHILD_SUBREAPER was refused.
func subreaperText(err error) error {
	switch e := new(child.SubreaperError); {
	case !errors.As(err, &e):
		return err
	case e.Err == syscall.EINVAL:
		return errors.New("PR_SET_CHILD_SUBREAPER is unavailable on this platform. Are you using Linux >= 3.4?")
	default:
		return errors.New("Failed to register as child subreaper: " + strerror(e.Err))
	}
}

// notStarted reports that the command could not be executed, and returns the exit status, to which --expect applies as
// well.
func (t *tiniCall) notStarted(name string, err error) int {
	if e := new(child.LaunchError); errors.As(err, &e) && e.Code == child.Failed {
		return t.fail(err)
	}
	args := t.env.Args
	if i := slices.Index(args, name); i > 0 && !slices.Contains(args[:i], "--") {
		args = slices.Insert(slices.Clone(args), i, "--") // the command may begin with a dash
	}
	t.log(tiniFatal, "exec %s failed: %s%s", show.Word(name), strerror(err), child.JoinedHint(err, t.applet, args))
	code := uint32(tiniFailed)
	switch {
	case errors.Is(err, syscall.ENOENT):
		code = child.NotFound
	case errors.Is(err, syscall.EACCES):
		code = child.CannotExec
	}
	status := signals.FromWait(code << 8)
	t.r.Status = &status
	return t.r.ExitStatus()
}

// handleEvent logs a forwarded signal or a reaped child.
func (t *tiniCall) handleEvent(e *child.Event) {
	switch e.Kind {
	case child.Signal:
		if t.r.Command != 0 {
			t.log(tiniDebug, "Passing signal: '%s'", signalText(e.Signal))
		}
	case child.Ended:
		t.log(tiniDebug, "Reaped child with pid: '%d'", e.Child.PID)
		if e.Child.PID != t.r.Command {
			if t.warn {
				t.log(tiniWarn, "Reaped zombie process with pid=%d", e.Child.PID)
			}
			return
		}
		if code, ok := e.Child.Status.Exited(); ok {
			t.log(tiniInfo, "Main child exited normally (with status '%d')", code)
		} else if sig, _, ok := e.Child.Status.Signaled(); ok {
			t.log(tiniInfo, "Main child exited with signal (with signal '%s')", signalText(sig))
		}
	}
}

// signalText returns the text of strsignal(3).
func signalText(sig signals.Signal) string {
	if sig >= signals.RTMin {
		return fmt.Sprintf("Real-time signal %d", int(sig-signals.RTMin))
	}
	s := syscall.Signal(sig).String()
	return strings.ToUpper(s[:1]) + s[1:]
}
