package dropin

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"killbox/internal/child"
	"killbox/internal/cli"
	"killbox/internal/duration"
	"killbox/internal/report"
	"killbox/internal/signals"

	"github.com/spf13/pflag"
)

func timeout() *cli.Applet {
	return &cli.Applet{
		Name:    "timeout",
		Summary: "run a command with a time limit",
		Usage:   "[OPTION]... DURATION COMMAND [ARG]...",
		Command: true, WriteExit: child.Failed, FailExit: child.Failed,
		New: func(a *cli.Applet) (*pflag.FlagSet, cli.Run) {
			return new(timeoutOptions).flags(a), nil
		},
		Raw: func(env *cli.Env, a *cli.Applet, args []string) int {
			o := &timeoutOptions{signal: gnuSignal{signals.TERM}}
			return o.main(env, a, args)
		},
	}
}

type timeoutOptions struct {
	foreground, preserve, verbose, groupOnly, help, version bool

	signal    gnuSignal
	killAfter gnuDuration
	limit     gnuDuration
}

func (o *timeoutOptions) flags(a *cli.Applet) *pflag.FlagSet {
	flags := cli.NewFlagSet()
	flags.BoolVarP(&o.foreground, "foreground", "f", false, "stay in the process group, and signal COMMAND only")
	flags.BoolVar(&o.groupOnly, "group-only", false, "signal the process group only, not descendants that have left it")
	flags.VarP(&o.killAfter, "kill-after", "k", "send KILL if COMMAND still runs this long after the first signal")
	flags.BoolVarP(&o.preserve, "preserve-status", "p", false, "exit with COMMAND's status even if it is timed out")
	flags.VarP(&o.signal, "signal", "s", "send SIGNAL instead of TERM")
	flags.BoolVarP(&o.verbose, "verbose", "v", false, "report each signal on standard error")
	flags.BoolVar(&o.help, "help", false, "print this help and exit")
	flags.BoolVar(&o.version, "version", false, "print the version and exit")
	return flags
}

func (o *timeoutOptions) main(env *cli.Env, a *cli.Applet, args []string) int {
	flags := o.flags(a)
	operands, err := getopt(flags, "", true, args)
	switch {
	case err != nil:
	case o.help:
		cli.PrintHelp(env, env.Stdout, "Usage: "+a.Name+" "+a.Usage+"\n  or:  "+a.Name+" [OPTION]\n"+
			"Start COMMAND, and end it and all that it has started if it still runs after DURATION.\n"+
			cli.OptionHelp(flags)+"\n"+cli.Manual(a.Name))
		return 0
	case o.version:
		fmt.Fprintf(env.Stdout, "%s (killbox) %s\n", a.Name, cli.Version)
		return 0
	case len(operands) < 2:
		err = errors.New("")
	default:
		err = o.limit.Set(operands[0])
	}
	if err != nil {
		if err.Error() != "" {
			fmt.Fprintf(env.Stderr, "timeout: %v%s\n", err, child.JoinedOptionsHint("timeout", args))
		}
		fmt.Fprintf(env.Stderr, "Try 'timeout --help' for more information.\n")
		return child.Failed
	}
	rep := report.New(report.Options{Applet: a.Name, Out: env.Stderr, Err: env.Stderr})
	l := &timeoutCall{
		Supervisor: child.NewSupervisor(env.Kernel, env.Proc, env.PID, rep, child.Options{}),
		env:        env, o: o, command: gnuQuote(operands[1]), duration: operands[0], next: o.signal.s,
	}
	return l.run(operands[1:])
}

// timeoutCall is one call of timeout.
type timeoutCall struct {
	*child.Supervisor
	env *cli.Env
	o   *timeoutOptions
	// The operands, for messages: command is quoted.
	command, duration string

	next     signals.Signal // the signal that the deadline sends
	killAt   time.Time      // when the processes that remain are sent KILL; zero before the first signal
	timeIsUp bool           // the deadline was reached, or ALRM was received
	killed   bool           // KILL has been sent
	ending   bool           // all descendants are to be ended when the command is gone

	relayed       relayedGroups // groups whose leader alone was sent relayedSignal
	relayedSignal signals.Signal
}

// behavesLikeGNU reports whether only the process group or, with --foreground, only the command is signalled, as by GNU
// timeout. Descendants that have left the group are not signalled then.
func (l *timeoutCall) behavesLikeGNU() bool {
	return l.o.foreground || l.o.groupOnly || l.env.Proc == nil || l.ForeignProc()
}

func (l *timeoutCall) run(operands []string) int {
	if err := child.CheckInterpreter(l.env.Args, operands); err != nil {
		return l.fail(err)
	}
	k := l.env.Kernel
	if !l.o.foreground {
		_ = k.LeaveGroup() // an error means that this process leads a group already
	}
	heed := []signals.Signal{signals.ALRM, l.o.signal.s}
	var relay []signals.Signal
	for _, sig := range signals.All() {
		if sig.Ends() || sig == l.o.signal.s && !reserved(sig) {
			relay = append(relay, sig)
		}
	}
	err := k.StartReaperFor(!l.o.foreground && !l.o.groupOnly, relay, heed)
	if errors.As(err, new(*child.SubreaperError)) {
		// Without a subreaper, orphans would be reparented elsewhere and escape. Signal the process group only, as
		// without /proc.
		l.o.groupOnly = true
		err = k.StartReaperFor(false, relay, heed)
	}
	if err != nil {
		return l.fail(err)
	}
	_ = k.DeferSignals()
	if err := l.RecordEarlierChildren(); err != nil {
		return l.fail(err)
	}
	// TTIN and TTOU would stop this process, which could not signal at the deadline then.
	k.IgnoreSignal(signals.TTIN)
	k.IgnoreSignal(signals.TTOU)
	launch := child.NewSpec(operands, l.env.Environ)
	launch.ResetIgnored = []signals.Signal{signals.CHLD, signals.ALRM, signals.TTIN, signals.TTOU}
	if l.o.signal.s != 0 {
		launch.ResetIgnored = append(launch.ResetIgnored, l.o.signal.s)
		launch.DeathSignal = l.o.signal.s
	}
	launch.Unblock = []signals.Signal{signals.ALRM, signals.CHLD}
	k.ReserveThreads()
	if l.Command, err = k.Launch(launch); err != nil {
		return l.notStarted(err)
	}
	if l.o.limit.d != 0 && l.o.limit.d != duration.Forever {
		l.Deadline = time.Now().Add(l.o.limit.d)
	}
	if err := l.superviseTimed(); err != nil {
		return l.fail(err)
	}
	if l.ending && !l.behavesLikeGNU() {
		if err := l.endDescendants(); err != nil {
			return l.fail(err)
		}
	}
	return l.exitOrDie()
}

// reserved reports whether this process needs the signal itself and cannot forward it: CHLD for its children, URG for
// the Go runtime, TTIN and TTOU for the terminal.
func reserved(sig signals.Signal) bool {
	switch sig {
	case signals.CHLD, signals.URG, signals.TTIN, signals.TTOU:
		return true
	}
	return false
}

func (l *timeoutCall) fail(err error) int {
	fmt.Fprintf(l.env.Stderr, "timeout: %v\n", err)
	return child.Failed
}

// notStarted reports that the command could not be started, and returns the exit status.
func (l *timeoutCall) notStarted(err error) int {
	code := child.CannotExec
	if e := new(child.LaunchError); errors.As(err, &e) && e.Code == child.Failed {
		fmt.Fprintf(l.env.Stderr, "timeout: fork system call failed: %s\n", strerror(err))
		return child.Failed
	}
	if errors.Is(err, syscall.ENOENT) {
		code = child.NotFound // also if the interpreter of a script is missing
	}
	hint := child.JoinedHint(err, "timeout", l.env.Args)
	fmt.Fprintf(l.env.Stderr, "timeout: failed to run command %s: %s%s\n", l.command, strerror(err), hint)
	return code
}

// superviseTimed waits for the command, forwards signals to it, and sends it the signal of -s when the time is over. It
// returns when the command has been reaped or has survived KILL.
func (l *timeoutCall) superviseTimed() error {
	for l.Command != 0 {
		wait := duration.Forever
		if !l.Deadline.IsZero() {
			wait = max(time.Until(l.Deadline), 0)
		}
		events, err := l.env.Kernel.WaitAndReap(wait, nil)
		if err != nil {
			return err
		}
		for _, e := range events {
			switch e.Kind {
			case child.Ended:
				l.RecordReaped(&e.Child)
			case child.Signal:
				l.timeIsUp = l.timeIsUp || e.Signal == signals.ALRM
				if e.Signal == signals.ALRM {
					e.Signal = l.next
				}
				if err := l.sendSignal(e.Signal); err != nil {
					return err
				}
			}
		}
		if l.Command != 0 && !l.Deadline.IsZero() && time.Until(l.Deadline) <= 0 {
			l.timeIsUp, l.ending, l.Deadline = true, true, time.Time{}
			if err := l.sendSignal(l.next); err != nil {
				return err
			}
		}
		if l.killed && !l.behavesLikeGNU() && l.Command != 0 {
			// sendSignal has waited up to KillGrace after KILL. If the command cannot be reaped now, wait no longer:
			// GNU timeout, which kills its own group, would be gone by now, too.
			if l.ReapRemaining(); l.Command != 0 {
				break
			}
		}
	}
	return nil
}

// exitOrDie returns the exit status, or ends this process by the signal that ended the command.
func (l *timeoutCall) exitOrDie() int {
	if l.killed && !l.o.foreground {
		// GNU timeout kills its own group and dies with it, so the shell reports that it was killed. Do the same.
		if l.behavesLikeGNU() || l.groupHasOthers() {
			_ = l.env.Kernel.SignalOwnGroup(signals.KILL)
		}
		l.env.Die(signals.KILL)
		return child.SignalOffset + int(signals.KILL)
	}
	code := l.Status.Shell()
	if sig, core, ok := l.Status.Signaled(); ok {
		if core {
			fmt.Fprintln(l.env.Stderr, "timeout: the monitored command dumped core")
		}
		if !l.timeIsUp && l.env.Kernel.DisableCoreDump() == nil {
			l.env.Die(sig)
		}
		if sig == signals.KILL {
			return code
		}
	}
	if l.timeIsUp && !l.o.preserve {
		return child.TimeLimit
	}
	return code
}
