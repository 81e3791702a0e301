package applets

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"killbox/internal/child"
	"killbox/internal/duration"
	"killbox/internal/report"
	"killbox/internal/show"
	"killbox/internal/signals"
	"killbox/procfs"

	"github.com/spf13/pflag"
)

func reapwait() *Applet {
	return &Applet{
		Name:    "reapwait",
		Summary: "run a command, and leave nothing of it behind",
		Usage:   "[OPTION]... [--] COMMAND [ARG]...\n       reapwait -z [OPTION]... [PID]...",
		Command: true, FailExit: child.Failed,
		New: func(a *Applet) (*pflag.FlagSet, Run) {
			flags := newFlagSet()
			o := &reapwaitOptions{}
			o.add(flags)
			return flags, func(env *Env, operands []string) int { return o.run(env, a, operands) }
		},
	}
}

// keeping is one call that runs a command.
type keeping struct {
	*reapwaitOptions
	env     *Env
	rep     *report.Reporter
	refused *refusals // see observer

	pid      int // COMMAND's, 0 once it has been reaped
	status   *signals.Status
	before   map[procfs.ID]bool // children from before, which are none of COMMAND's
	terminal int
	lent     bool      // COMMAND has been given the foreground, by us
	deadline time.Time // of --timeout
	stopping bool      // a TERM was forwarded that starts no clock: the container is to stop
	grace    time.Time // until when COMMAND may take a TERM that was forwarded
	late     bool      // the time limit was reached
	urgent   bool      // what is left has had its time

	// tini: COMMAND has all the time it wants after a TERM, and is signalled
	// alone though it leads a group.
	tini   bool
	notice func(*child.Event) // told of each event first, if set
}

func (o *reapwaitOptions) run(env *Env, a *Applet, operands []string) int {
	if err := o.check(operands); err != nil {
		return usageError(env, a.Name, err)
	}
	if o.zombies {
		return o.runZombies(env, a, operands)
	}
	if o.output.dryRun {
		command := make([]string, len(operands))
		for i, word := range operands {
			command[i] = show.Word(word)
		}
		fmt.Fprintf(env.Stdout, "%s\nladder: %v\n", strings.Join(command, " "), o.steps)
		return 0
	}
	r := &keeping{reapwaitOptions: o, env: env, terminal: -1}
	say, detached := o.detached(env)
	if o.detach && !detached {
		return r.background(operands)
	}
	code := r.keepRunning(operands, say)
	if r.pid == 0 && r.status == nil {
		say("exit " + strconv.Itoa(code) + "\n")
	}
	return code
}

// fail reports what made the call impossible.
func (r *keeping) fail(err error) int {
	fmt.Fprintf(r.env.Stderr, "reapwait: %v\n", err)
	if e := new(child.LaunchError); errors.As(err, &e) {
		return e.Code
	}
	return child.Failed
}

// keepRunning starts the command and stays until it and all its descendants are gone.
func (r *keeping) keepRunning(operands []string, say func(string)) (code int) {
	k := r.env.Kernel
	out, err := r.reportTo()
	if err != nil {
		return r.fail(err)
	}
	defer func() {
		if o, ok := out.(*output); ok && o.err != nil {
			// COMMAND's own status, if it failed, says more.
			code = cmp.Or(code, r.fail(fmt.Errorf("report: %w", o.err)))
		}
	}()
	r.rep = report.New(report.Options{
		Applet: "reapwait", Out: out, Err: r.env.Stderr,
		Verbose: r.output.verbose, JSON: r.output.json, Quiet: r.output.quiet, Terminal: r.env.StderrTTY, Screen: r.env.screen,
	})
	if err := k.Adopt(r.report); err != nil {
		if errors.As(err, new(*child.SubreaperError)) {
			err = fmt.Errorf("%w (run it as PID 1, allow PR_SET_CHILD_SUBREAPER in the sandbox, or use timeout, which ends a process group)", err)
		}
		return r.fail(err)
	}
	_ = k.Hold()
	r.rememberChildren()
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
	l := child.NewLaunch(operands, r.environ(r.env))
	l.Group, l.Session = r.group, r.session
	if err = r.launch(l); err != nil {
		return r.fail(err)
	}
	say("handle " + r.handle() + "\n")
	if r.ladder.timeout.d > 0 {
		r.deadline = time.Now().Add(r.ladder.timeout.d)
	}
	if err := r.stay(); err != nil {
		return r.fail(err)
	}
	return r.exit()
}

// launch starts the command, with the foreground if that is ours.
func (r *keeping) launch(l *child.Launch) (err error) {
	k := r.env.Kernel
	fd, ok := k.Terminal()
	if !ok && r.tini && k.Foreground(0) {
		// It leads a group in any case, and could not read otherwise.
		fd, ok = 0, true
	}
	if ok && !l.Session {
		r.terminal, l.Terminal, l.Group, r.lent = fd, fd, true, true
	}
	if r.pid, err = k.Launch(l); err != nil {
		r.restoreTerminal()
	}
	return err
}

// stay returns when the command is gone, and all that it left behind.
func (r *keeping) stay() error {
	err := r.watch()
	r.restoreTerminal()
	if err == nil && (!r.keep || r.pid != 0) {
		err = r.teardown()
	}
	return err
}

// exit is the status of the call.
func (r *keeping) exit() int {
	switch {
	case r.late:
		return child.TimeLimit
	case r.status == nil:
		return child.Failed
	}
	code := r.status.Shell()
	if to, ok := r.remaps[code]; ok {
		return to
	}
	return code
}

// handle names this process.
func (r *keeping) handle() string {
	if r.env.Proc != nil && !r.foreignProc() {
		if st, err := r.env.Kernel.Open(r.env.PID); err == nil && st.Start != 0 {
			return st.Handle()
		}
	}
	return strconv.Itoa(r.env.PID)
}

// reportTo opens what --report, -v and -j write to. Standard output is
// COMMAND's.
func (r *keeping) reportTo() (io.Writer, error) {
	if r.reportFD < 0 {
		return r.env.Stderr, nil
	}
	r.report = true
	w, err := r.env.Kernel.WriteTo(r.reportFD)
	return &output{w: w}, err
}

// rememberChildren notes whom this process had for children before COMMAND,
// from what ran in it before an exec.
func (r *keeping) rememberChildren() {
	r.before = make(map[procfs.ID]bool)
	if r.env.PID == 1 || r.env.Proc == nil || r.env.Kernel.Alone() || r.foreignProc() {
		return
	}
	var table procfs.Snapshot
	if r.env.Kernel.Snapshot(&table) != nil {
		return
	}
	self, err := r.env.Proc.Stat(r.env.PID)
	if err != nil {
		return
	}
	for _, st := range table.Family(procfs.Family{Roots: []procfs.ID{self.ID}}) {
		r.before[st.ID] = true
	}
}

// watch returns when COMMAND has exited, with --linger when all have, or when
// everything is to be ended.
func (r *keeping) watch() error {
	for {
		timeout := duration.Forever
		if r.pid != 0 && !r.deadline.IsZero() {
			timeout = min(timeout, max(time.Until(r.deadline), 0))
		}
		if !r.grace.IsZero() {
			timeout = min(timeout, max(time.Until(r.grace), 0))
		}
		events, err := r.env.Kernel.Next(timeout)
		if err != nil {
			return err
		}
		over := false
		for _, e := range events {
			over = r.handleEvent(e) || over
		}
		switch {
		case over:
			return nil
		case r.pid == 0 && (!r.linger || r.stopping || r.alone()):
			return nil
		case r.pid != 0 && !r.deadline.IsZero() && time.Until(r.deadline) <= 0:
			r.late = true
			return nil
		case !r.grace.IsZero() && time.Until(r.grace) <= 0:
			r.urgent = true
			return nil
		}
	}
}

// alone holds when nobody is left but who was there before.
func (r *keeping) alone() bool {
	if r.env.Kernel.Alone() {
		return true
	}
	if len(r.before) == 0 {
		return false
	}
	var table procfs.Snapshot
	if r.env.Kernel.Snapshot(&table) != nil {
		return false
	}
	return !slices.ContainsFunc(table.Procs, func(st procfs.Stat) bool { return st.PPID == r.env.PID && !r.before[st.ID] })
}

// handleEvent returns true when everything is to be ended.
func (r *keeping) handleEvent(e child.Event) bool {
	if r.notice != nil {
		r.notice(&e)
	}
	switch e.Kind {
	case child.Ended:
		r.ended(&e.Child)
	case child.Stopped:
		if e.Child.PID == r.pid && r.terminal >= 0 {
			r.suspend(true)
		}
	case child.Signal:
		return r.forward(e.Signal)
	case child.Hangup, child.Orphaned:
		return true
	}
	return false
}

func (r *keeping) ended(c *child.Child) {
	if c.PID == r.pid {
		status := c.Status
		r.status, r.pid = &status, 0
	}
	if r.report {
		r.rep.Reaped(c)
	}
}

// leadsGroup tells whether COMMAND leads a group.
func (r *keeping) leadsGroup() bool { return r.group || r.session || r.terminal >= 0 }

// forward passes a signal on. A TERM starts the ladder's clock as well.
func (r *keeping) forward(sig signals.Signal) (over bool) {
	to, rewritten := r.rewrites[sig]
	if !rewritten {
		to = sig
	}
	if r.pid == 0 {
		// Lingering: those who are left have not asked for any signals.
		switch sig {
		case signals.TERM, signals.INT, signals.HUP, signals.QUIT:
			return to != 0
		}
		return false
	}
	if to == 0 {
		return false
	}
	stop := sig == signals.TSTP && to == sig && (!r.tini || r.terminal >= 0)
	group := r.group || stop && r.leadsGroup() || sig == signals.CONT && r.leadsGroup()
	if err := r.env.Kernel.Pass(r.pid, to, group); err != nil && !errors.Is(err, procfs.ErrNoProcess) {
		if err = fmt.Errorf("cannot forward %v: %w", to, err); r.env.Proc == nil {
			r.rep.Failed(nil, err)
		} else {
			r.commandFailed(err)
		}
	}
	switch {
	case stop:
		r.suspend(false)
	case sig == signals.CONT:
		r.lend() // a shell's fg, after its bg
	}
	switch {
	case sig != signals.TERM:
	case !r.impatient():
		r.stopping = true
	case r.grace.IsZero() && r.steps[0].Grace != duration.Forever:
		r.grace = time.Now().Add(r.patience())
	}
	return false
}

// impatient reports whether a TERM that was forwarded starts the clock of the ladder. An init does not end the main
// program of a container unless the caller chose a ladder.
func (r *keeping) impatient() bool {
	return !r.tini && (r.env.PID != 1 || r.ladder.killAfter.given || r.ladder.retry != "")
}

// patience is how long COMMAND may take after a TERM that was forwarded: the
// first wait of the ladder. By default it ends a fifth earlier than usual, for whoever sent
// the TERM, killwait among them, may be about to send us a KILL, which would
// leave the rest behind.
func (r *keeping) patience() time.Duration {
	grace := r.steps[0].Grace
	if !r.ladder.killAfter.given && r.ladder.retry == "" {
		grace -= grace / 5
	}
	return grace
}

// suspend stops this process, and resumes COMMAND when this process is resumed. If the kernel did not stop
// this process, COMMAND is resumed only if it is known to be stopped: a CONT would remove a pending TSTP,
// which COMMAND may catch.
func (r *keeping) suspend(commandStopped bool) {
	k := r.env.Kernel
	// Whoever watches us, a shell, takes the terminal from here.
	r.restoreTerminal()
	stopped := k.Stop()
	r.lend()
	if stopped || commandStopped {
		_ = k.Pass(r.pid, signals.CONT, r.leadsGroup())
	}
}

// lend gives COMMAND the foreground, if it is ours.
func (r *keeping) lend() {
	if k := r.env.Kernel; r.terminal >= 0 && !r.lent && k.Foreground(r.terminal) {
		r.lent = k.GiveTerminal(r.terminal, r.pid) == nil
	}
}

// restoreTerminal takes back what was given. In the background nothing was: the
// foreground is the shell's then, which would be lost without it.
func (r *keeping) restoreTerminal() {
	if r.lent {
		r.lent = false
		_ = r.env.Kernel.GiveTerminal(r.terminal, 0)
	}
}
