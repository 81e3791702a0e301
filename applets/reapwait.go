package applets

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"killbox/internal/child"
	"killbox/internal/cli"
	"killbox/internal/report"
	"killbox/internal/show"

	"github.com/spf13/pflag"
)

func reapwait() *cli.Applet {
	return &cli.Applet{
		Name:    "reapwait",
		Summary: "run a command and end everything that it has started",
		Usage:   "[OPTION]... [--] COMMAND [ARG]...\n       reapwait -z [OPTION]... [PID]...",
		Command: true, FailExit: child.Failed,
		New: func(a *cli.Applet) (*pflag.FlagSet, cli.Run) {
			flags := cli.NewFlagSet()
			o := &reapwaitOptions{}
			o.add(flags)
			return flags, func(env *cli.Env, operands []string) int { return o.run(env, a, operands) }
		},
	}
}

// reapwaitCall is a call of reapwait that runs a command.
type reapwaitCall struct {
	*reapwaitOptions
	env *cli.Env
	*child.Supervisor
}

func (o *reapwaitOptions) run(env *cli.Env, a *cli.Applet, operands []string) int {
	if err := o.check(operands); err != nil {
		return cli.UsageError(env, a.Name, err)
	}
	if o.zombies {
		return o.runZombies(env, a, operands)
	}
	if o.output.DryRun {
		command := make([]string, len(operands))
		for i, word := range operands {
			command[i] = show.Word(word)
		}
		fmt.Fprintf(env.Stdout, "%s\nladder: %v\n", strings.Join(command, " "), o.steps)
		return 0
	}
	r := &reapwaitCall{reapwaitOptions: o, env: env}
	answer, isDetached := o.detached(env)
	if o.detach && !isDetached {
		return r.startDetached(operands)
	}
	code := r.runSupervised(operands, answer)
	if r.Supervisor == nil || r.Command == 0 && r.Status == nil {
		answer("exit " + strconv.Itoa(code) + "\n") // the command was not started
	}
	return code
}

// fail prints an error that makes the call impossible, and returns the exit status.
func (r *reapwaitCall) fail(err error) int {
	fmt.Fprintf(r.env.Stderr, "reapwait: %v\n", err)
	if e := new(child.LaunchError); errors.As(err, &e) {
		return e.Code
	}
	return child.Failed
}

// runSupervised runs the command, and returns the exit status when it and all its descendants are gone, or as the
// options say otherwise. When the command has been started, it calls answer with the handle of this process.
func (r *reapwaitCall) runSupervised(operands []string, answer func(string)) (code int) {
	k := r.env.Kernel
	out, err := r.reportTo()
	if err != nil {
		return r.fail(err)
	}
	defer func() {
		if o, ok := out.(*cli.Output); ok && o.Err != nil {
			// If the command failed, keep its exit status: it tells more than the failed write of the report.
			code = cmp.Or(code, r.fail(fmt.Errorf("report: %w", o.Err)))
		}
	}()
	rep := report.New(report.Options{
		Applet: "reapwait", Out: out, Err: r.env.Stderr,
		Verbose: r.output.Verbose, JSON: r.output.JSON, Quiet: r.output.Quiet, Terminal: r.env.StderrTTY, Screen: r.env.Screen,
	})
	r.Supervisor = child.NewSupervisor(k, r.env.Proc, r.env.PID, rep, r.supervision())
	if err := k.StartReaper(r.report); err != nil {
		if errors.As(err, new(*child.SubreaperError)) {
			err = fmt.Errorf("%w (run it as PID 1, allow PR_SET_CHILD_SUBREAPER in the sandbox, or use timeout, which ends a process group)", err)
		}
		return r.fail(err)
	}
	_ = k.DeferSignals()
	r.RecordEarlierChildren()
	if r.parent.given {
		if err := k.WatchParent(r.parent.pid); err != nil {
			return r.fail(err)
		}
	}
	if r.untilEOF {
		if err := k.WatchInput(); err != nil {
			return r.fail(err)
		}
	}
	if r.pidfile != "" {
		remove, err := k.WritePidfile(r.pidfile, strconv.Itoa(r.env.PID)+"\n")
		if err != nil {
			return r.fail(show.Error(err))
		}
		defer remove()
	}
	l := child.NewSpec(operands, r.environ(r.env))
	l.Group, l.Session = r.group, r.session
	if err = r.Launch(l); err != nil {
		return r.fail(err)
	}
	answer("handle " + r.handle() + "\n")
	if r.ladder.Timeout.Value > 0 {
		r.Deadline = time.Now().Add(r.ladder.Timeout.Value)
	}
	if err := r.Supervise(); err != nil {
		return r.fail(err)
	}
	return r.ExitStatus()
}

// supervision returns the options of the supervisor.
func (o *reapwaitOptions) supervision() child.Options {
	return child.Options{
		Ladder: o.steps, LadderGiven: o.ladder.KillAfter.Given || o.ladder.Retry != "",
		Hook: o.ladder.Hook, HookTimeout: o.ladder.HookTimeout.Value,
		FetchStatus: o.output.JSON || o.output.Verbose,
		Group:       o.group, Session: o.session, Linger: o.linger, KeepRemaining: o.keep,
		Rewrites: o.rewrites, Remaps: o.remaps, ReportReaped: o.report,
	}
}

// handle returns the handle of this process, or its PID if the handle is not known.
func (r *reapwaitCall) handle() string {
	if r.env.Proc != nil && !r.ForeignProc() {
		if st, err := r.env.Kernel.Open(r.env.PID); err == nil && st.Start != 0 {
			return st.Handle()
		}
	}
	return strconv.Itoa(r.env.PID)
}

// reportTo returns the writer for --report, -v and -j: the descriptor of --report-fd, or standard error. Standard
// output belongs to the command.
func (r *reapwaitCall) reportTo() (io.Writer, error) {
	if r.reportFD < 0 {
		return r.env.Stderr, nil
	}
	r.report = true
	w, err := r.env.Kernel.WriterTo(r.reportFD)
	return &cli.Output{W: w}, err
}
