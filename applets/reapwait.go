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
	"killbox/internal/duration"
	"killbox/internal/report"
	"killbox/internal/show"
	"killbox/internal/signals"

	"github.com/spf13/pflag"
)

func reapwait() *cli.Applet {
	return &cli.Applet{
		Name:    "reapwait",
		Summary: "run a command and end everything that it has started",
		Usage:   "[OPTION]... [--] COMMAND [ARG]...\n       reapwait -z [OPTION]... [PID]...",
		Examples: "  reapwait make -j8\tleave nothing that make has started\n" +
			"  reapwait -t 10m ./run-tests\twith a time limit\n",
		Statuses: "  N\tCOMMAND exited with N; 128+N: signal N ended it\n" +
			"  2\tusage error; COMMAND was not started\n" +
			"  124\tthe time limit was reached\n" +
			"  125\treapwait failed\n" +
			"  126\tCOMMAND cannot be executed\n" +
			"  127\tCOMMAND does not exist\n",
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
	pidfileFD     int    // the descriptor that locks the pidfile; -1 without a pidfile
	removePidfile func() // does nothing without a pidfile
	owner         string // the environment entry of --mark
	alone         error  // why the second process could not be started
	isDetached    bool   // this process was started by startDetached
}

func (o *reapwaitOptions) run(env *cli.Env, a *cli.Applet, operands []string) int {
	o.inner = env.Kernel.IsInner()
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
	r := &reapwaitCall{reapwaitOptions: o, env: env, pidfileFD: -1, removePidfile: func() {}}
	if o.inner {
		r.isDetached = o.detach
		return r.runInner(operands)
	}
	var answer func(string)
	if answer, r.isDetached = o.detached(env); o.detach && !r.isDetached {
		return r.startDetached(operands)
	}
	answered := false
	code := r.runSupervised(operands, func() {
		if answered = true; r.isDetached {
			answer("handle " + r.handle() + "\n")
		}
	})
	if !answered {
		answer("exit " + strconv.Itoa(code) + "\n") // the command was not started
	}
	return code
}

// fail prints an error that makes the call impossible, and returns the exit status.
func (r *reapwaitCall) fail(err error) int {
	code, hint := child.Failed, ""
	if e := new(child.LaunchError); errors.As(err, &e) {
		if code = e.Code; code == child.NotFound {
			hint = cmp.Or(child.JoinedHint(e, "reapwait", r.env.Args), limitHint(e.Name))
			if e.Name == "" {
				hint = " (an empty command, possibly from an unset variable)"
			}
		}
	}
	fmt.Fprintf(r.env.Stderr, "reapwait: %v%s\n", err, hint)
	return code
}

// limitHint returns the end of the message for a command that does not exist: timeout(1) takes a duration there.
func limitHint(command string) string {
	limit := duration.Guess(command)
	if _, err := duration.Parse(command); err == nil {
		limit = command
	}
	if limit == "" {
		return ""
	}
	return " (did you mean -t " + limit + "?)"
}

// startReport creates the Supervisor, which reports to the output that the options choose. finish returns the exit
// status of the call, given that of the command: an error in writing the report may replace it.
func (r *reapwaitCall) startReport() (finish func(code int) int, err error) {
	out, err := r.reportTo()
	if err != nil {
		return nil, err
	}
	ro := r.env.ReportOptions("reapwait", &r.output)
	ro.Out, ro.Terminal = out, ro.Terminal && !r.isDetached
	if r.env.CheckNamespace() != nil {
		ro.Proc = nil
	}
	rep := report.New(ro)
	r.Supervisor = child.NewSupervisor(r.env.Kernel, r.env.Proc, r.env.PID, rep, r.supervision())
	return func(code int) int {
		if o, ok := out.(*cli.Output); ok && o.Err != nil {
			// If the command failed, keep its exit status: it tells more than the failed write of the report.
			return cmp.Or(code, r.fail(fmt.Errorf("report: %w", o.Err)))
		}
		return code
	}, nil
}

// runSupervised runs the command, and returns the exit status when it and all its descendants are gone, or as the
// options say otherwise. When the command has been started, it calls launched.
func (r *reapwaitCall) runSupervised(operands []string, launched func()) (code int) {
	k := r.env.Kernel
	if err := child.CheckInterpreter(r.env.Args, operands); err != nil {
		return r.fail(err)
	}
	if err := r.openLog(); err != nil {
		return r.fail(fmt.Errorf("log %w", show.Error(err)))
	}
	finish, err := r.startReport()
	if err != nil {
		return r.fail(err)
	}
	if err := k.StartReaper(r.report); err != nil {
		if errors.As(err, new(*child.SubreaperError)) {
			err = fmt.Errorf("%w (run it as PID 1, allow PR_SET_CHILD_SUBREAPER in the sandbox, or use timeout, which ends a process group)", err)
		}
		return finish(r.fail(err))
	}
	r.dropTerminalSignals()
	_ = k.DeferSignals()
	if r.noNewPrivs {
		if err := k.ForbidNewPrivileges(); err != nil {
			return finish(r.fail(fmt.Errorf("--no-new-privs: %w", err)))
		}
	}
	if err := r.RecordEarlierChildren(); err != nil {
		return finish(r.fail(err))
	}
	if r.parent.given {
		if err := k.WatchParent(r.parent.pid); err != nil {
			return finish(r.fail(err))
		}
	}
	if r.untilEOF {
		closed, err := k.WatchInput()
		if err != nil {
			return finish(r.fail(err))
		}
		if closed {
			r.Reporter.Note("the other end of standard input is already closed: all processes are ended at once")
		}
	}
	if r.pidfile != "" {
		if r.pidfileFD, r.removePidfile, err = k.WritePidfile(r.pidfile, strconv.Itoa(r.env.PID)+"\n"); err != nil {
			return finish(r.fail(fmt.Errorf("pidfile %w", show.Error(err))))
		}
		defer r.removePidfile()
	}
	if r.mark {
		if err := r.addMark(r.env.PID); err != nil {
			return finish(r.fail(err))
		}
	}
	if code, done := r.runPair(launched); done {
		return code
	}
	return finish(r.runCommand(operands, func() {
		r.reportAlone()
		launched()
	}))
}

// dropTerminalSignals makes this process ignore what the terminal sends to its process group if the command is in this
// group. Those signals that --rewrite changes are still forwarded.
func (r *reapwaitCall) dropTerminalSignals() {
	_, rewritesINT := r.rewrites[signals.INT]
	_, rewritesQUIT := r.rewrites[signals.QUIT]
	k := r.env.Kernel
	// See Supervisor.Launch. In a PID namespace the group of this process has no PGID, and the command is not put into
	// the foreground.
	ownGroup := r.group || r.session || !r.pidns && k.InForeground(0) && k.InForeground(1)
	if !ownGroup && !rewritesINT && !rewritesQUIT {
		k.DropTerminalSignals()
	}
}

// runCommand starts the command, supervises it, and returns the exit status.
func (r *reapwaitCall) runCommand(operands []string, launched func()) int {
	l := child.NewSpec(operands, r.environ(r.env))
	l.Group, l.Session = r.group, r.session
	if err := r.launch(l); err != nil {
		return r.failStart(err)
	}
	launched()
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
		Limit: o.ladder.Timeout.Value, Rewrites: o.rewrites, Remaps: o.remaps, ReportReaped: o.report,
		Inner: o.inner, LeakOptions: o.leakOptions.supervision(),
	}
}

// handle returns the handle of this process, or its PID if the handle is not known.
func (r *reapwaitCall) handle() string {
	if r.env.Proc != nil && !r.ForeignProc() {
		if st, err := r.env.Kernel.Open(r.env.PID); err == nil && st.Start != 0 {
			r.env.Kernel.Close(st.ID) // the reaper reads each zombie from /proc while a process is open
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
