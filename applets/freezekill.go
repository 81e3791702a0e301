package applets

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"killbox/internal/escalate"
	"killbox/internal/report"
	"killbox/internal/show"
	"killbox/internal/signals"
	"killbox/procfs"

	"github.com/spf13/pflag"
)

func freezekill() *Applet {
	return &Applet{
		Name:    "freezekill",
		Summary: "stop everything at once, signal it, let it go on",
		Usage:   "[OPTION]... [SELECTOR]... TARGET...",
		New: func(a *Applet) (*pflag.FlagSet, Run) {
			flags := newFlagSet()
			o := &freezekillOptions{prove: durationValue{d: time.Second}, flags: flags}
			o.ladder.add(flags)
			flags.BoolVarP(&o.tree, "tree", "T", false, "with all their descendants")
			flags.BoolVarP(&o.all, "all", "a", false, "everything but this session, PID 1 and kernel threads")
			flags.StringVar(&o.cgroup, "cgroup", "", "a cgroup v2 and those below it, by `PATH|PID`")
			flags.BoolVar(&o.hold, "hold", false, "freeze, print the handles, and thaw at the end of standard input or on a signal")
			flags.BoolVar(&o.thaw, "thaw", false, "send CONT and do nothing else")
			flags.BoolVar(&o.noGuard, "no-guard", false, "start no guardian that thaws them should this be killed")
			flags.BoolVar(&o.noStrays, "no-strays", false, "with -T: leave out who lost its parent in a session that the tree leads")
			flags.Var(&o.prove, "prove", "always prove that nobody escaped, and try for DUR")
			o.output.add(flags)
			o.target.addWithoutCgroup(flags)
			return flags, func(env *Env, operands []string) int { return o.run(env, a, operands) }
		},
	}
}

type freezekillOptions struct {
	ladder ladderOptions
	output outputOptions
	target targetOptions
	flags  *pflag.FlagSet

	tree, all, hold, thaw, noGuard, noStrays bool

	cgroup string
	prove  durationValue
}

func (o *freezekillOptions) run(env *Env, a *Applet, operands []string) int {
	c := &call{env: env, applet: a, ladders: &o.ladder, outputs: &o.output, targets: &o.target, trees: o.tree}
	if err := o.check(operands); err != nil {
		return usageError(env, a.Name, err)
	}
	if o.all {
		if o.target.all = true; !o.target.force && !o.output.dryRun && !o.shutdown(env) {
			return usageError(env, a.Name, errors.New("--all ends everything outside of this session: it needs --force, unless PID 1 is the parent"))
		}
	}
	if o.flags.Changed("cgroup") {
		return o.runCgroup(c)
	}
	if !c.prepare(operands) {
		return c.end()
	}
	if c.asks() && !o.output.dryRun {
		return c.alive()
	}
	if env.Proc == nil && len(c.found.Processes) > 0 {
		c.fail(nil, env.ProcErr, exitFailed)
		return c.end()
	}
	p := o.plan(c)
	if o.thaw || o.output.dryRun {
		list := planned(p)
		if o.tree {
			var err error
			if list, err = c.preview(p); err != nil {
				c.fail(nil, err, exitFailed)
				return c.end()
			}
		}
		return o.look(c, list)
	}
	return o.carryOut(c, p)
}

// shutdown tells whether PID 1 has started this, as in a shutdown script.
func (o *freezekillOptions) shutdown(env *Env) bool {
	if env.Proc == nil {
		return false
	}
	st, err := env.Proc.Stat(env.PID)
	return err == nil && st.PPID == 1
}

func (o *freezekillOptions) check(operands []string) error {
	why := map[string]string{
		"all":    "--all means everything outside of this session (--omit leaves out some)",
		"cgroup": "--cgroup means all in the cgroup (tkill --cgroup takes selectors)",
		"hold":   "--hold sends nothing and ends with standard input, a signal or --timeout",
		"thaw":   "--thaw sends CONT and nothing else",
	}
	one := func(option string, others ...string) error {
		for _, name := range others {
			if o.flags.Changed(name) {
				return fmt.Errorf("--%s and --%s exclude each other: %s", option, name, why[option])
			}
		}
		return nil
	}
	ladder := []string{"signal", "kill-after", "no-kill", "retry", "hook", "hook-timeout", "strict"}
	whom := []string{"tree", "no-strays", "name", "full", "user", "tty", "group", "session", "parent", "env", "state", "older", "newer", "pidfile"}
	switch {
	case o.hold && o.thaw:
		return errors.New("--hold and --thaw exclude each other: one freezes, the other resumes")
	case o.all && o.flags.Changed("cgroup"):
		return one("all", "cgroup")
	case (o.all || o.flags.Changed("cgroup")) && len(operands) > 0:
		return fmt.Errorf("--all and --cgroup take no further targets, and %s is one", show.Quoted(operands[0]))
	case o.flags.Changed("cgroup") && o.cgroup == "":
		return errors.New("--cgroup: empty value")
	case o.noStrays && !o.tree:
		return errors.New("--no-strays has no meaning without --tree")
	}
	var err error
	if o.all {
		err = one("all", whom...)
	}
	if o.flags.Changed("cgroup") && err == nil {
		err = one("cgroup", whom...)
	}
	if o.hold && err == nil {
		if err = one("hold", ladder...); err == nil {
			for _, word := range operands {
				if word == "-" {
					err = errors.New("--hold waits for the end of standard input, so no targets can come from there")
				}
			}
		}
	}
	if o.thaw && err == nil {
		err = one("thaw", append(ladder, "timeout", "prove", "no-guard")...)
	}
	return err
}

func (o *freezekillOptions) plan(c *call) *escalate.Plan {
	p := c.plan()
	p.Freeze, p.FreezeOrFail, p.Guardian = true, true, !o.noGuard
	p.Prove, p.ProveAlways = o.prove.d, o.prove.given
	tree := c.tree()
	tree.Flat, tree.Sessions = !o.tree, !o.noStrays
	if o.tree || tree.Selector || tree.Groups != nil {
		p.Tree = tree
	}
	return p
}

// look prints the plan, or carries out --thaw.
func (o *freezekillOptions) look(c *call, list []report.Planned) int {
	ladder := c.ladder
	switch {
	case o.thaw:
		ladder = escalate.Ladder{{Signal: signals.CONT}}
	case o.hold:
		ladder = escalate.Ladder{{Signal: signals.STOP}}
	}
	if o.output.dryRun {
		c.dryRun(list, ladder)
		return c.end()
	}
	began := time.Now()
	sum := &escalate.Summary{Proved: true}
	for i := range list {
		st := &list[i].Stat
		if list[i].Keep != "" {
			c.rep.Skipped(escalate.Skip{Stat: *st, Reason: list[i].Keep})
			continue
		}
		res := &escalate.Result{Target: escalate.Target{Stat: *st}, Outcome: escalate.Exists}
		sum.Results = append(sum.Results, res)
		// Already open, but for those that a tree has brought in.
		now, err := c.env.Kernel.Open(st.PID)
		if err == nil && !isPlanned(c, &list[i], &now) {
			err = procfs.ErrNoProcess
		}
		if err == nil {
			err = c.env.Kernel.Signal(st.ID, signals.CONT)
		}
		switch {
		case errors.Is(err, procfs.ErrNoProcess):
			res.Outcome = escalate.Gone
		case err != nil:
			res.Outcome = escalate.Refused
			c.rep.Failed(res, err)
			c.codes = append(c.codes, exitFailed)
		default:
			c.rep.Signalled(res, signals.CONT, 1, time.Since(began))
		}
	}
	sum.Elapsed = time.Since(began)
	c.rep.Summary(sum, c.end())
	return c.end()
}

// isPlanned reports whether now, which has just been opened, is the process that was planned. A target has
// been open since then. Any other PID may have been reused since the snapshot, even within one clock tick,
// so the process must have the same parent or the same image.
func isPlanned(c *call, p *report.Planned, now *procfs.Stat) bool {
	return now.ID == p.ID && (p.Root || now.PPID == p.PPID || c.table.Same(&p.Stat, now))
}

// carryOut ends the targets, or holds them.
func (o *freezekillOptions) carryOut(c *call, p *escalate.Plan) int {
	var observer escalate.Observer = c.rep
	if o.hold {
		p.FreezeOnly = true
		over := new(atomic.Bool)
		c.policy = holdPolicy{c.policy, over}
		observer = holdObserver{c.rep, o, c, over}
	}
	sum := c.runObserved(p, observer)
	c.rep.Summary(sum, c.end())
	return c.end()
}

// holdPolicy keeps the targets frozen until over is set.
type holdPolicy struct {
	escalate.Policy
	over *atomic.Bool
}

// KeepFrozen implements escalate.Policy.
func (p holdPolicy) KeepFrozen() bool { return !p.over.Load() }

// holdObserver prints the handles of what is frozen, and sets over at the end of standard input.
type holdObserver struct {
	*report.Reporter
	o    *freezekillOptions
	c    *call
	over *atomic.Bool
}

// Frozen implements escalate.Observer.
func (h holdObserver) Frozen(frozen []*escalate.Result) {
	for _, res := range frozen {
		if h.o.output.json || h.o.output.verbose {
			continue
		}
		if handle := h.c.handle(&res.Stat); handle != "" {
			fmt.Fprintln(h.c.env.Stdout, handle)
		}
	}
	go func() {
		// The end and a failure are the same: no process could end the freeze any more.
		io.Copy(io.Discard, h.c.env.Stdin)
		h.over.Store(true)
		h.c.env.Kernel.Wake()
	}()
}
