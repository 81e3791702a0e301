package cli

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"killbox/internal/escalate"
	"killbox/internal/report"
	"killbox/internal/signals"
	"killbox/internal/target"
	"killbox/procfs"
)

// AsksOnly reports whether the ladder is signal 0: the call only asks whether the targets are alive.
func (c *Call) AsksOnly() bool { return len(c.Ladder) == 1 && c.Ladder[0].Signal == signals.Null }

// CheckAsking returns an error if signal 0 is combined with an option that concerns the end of the targets. With
// --exited, for example, a target that is gone is success; with signal 0, it is the answer "no".
func (c *Call) CheckAsking() error {
	if !c.AsksOnly() {
		return nil
	}
	for _, name := range []string{"exited", "kill-after", "no-kill", "hook", "strict", "any", "count", "status", "reaped", "handles"} {
		if c.Ladders.Flags.Changed(name) {
			return fmt.Errorf("signal 0 asks whether the targets are alive, so --%s has no meaning", name)
		}
	}
	return nil
}

// Answer says whether a target of signal 0 is alive.
type Answer struct {
	procfs.Stat
	Name string // as diagnostics show it
	Why  string // why the target is not alive; empty if it is alive
}

// ReportAlive reports which targets of signal 0 are alive, and returns the exit status. It uses the states that were
// read when the targets were opened. It sends no signal, so permission is not needed, and does not wait.
func (c *Call) ReportAlive() int {
	var list []Answer
	for _, p := range c.Found.Missing {
		if p.Operand.PID == 0 { // from a pidfile, not from an operand
			c.Fail(nil, p.Err, ExitMissing)
			continue
		}
		list = append(list, Answer{procfs.Stat{ID: procfs.ID{PID: p.Operand.PID}}, strconv.Itoa(p.Operand.PID), p.Err.Error()})
	}
	for _, op := range c.Found.Ended {
		list = append(list, Answer{op.Stat(), op.Text, "gone"})
	}
	gone := c.hiddenGone()
	for i := range c.Found.Processes {
		p := &c.Found.Processes[i]
		if c.inGroup(p) {
			continue
		}
		a := Answer{Stat: p.Stat, Name: report.Process(&p.Stat)}
		switch {
		case p.Stat.Gone():
			a.Why = report.Explain(c.Env.Proc, p.ID, 0)
		case gone[p.ID]:
			a.Why = "gone"
		}
		list = append(list, a)
	}
	for _, op := range c.Request.Operands {
		missing := func(p target.Problem) bool { return p.Operand == op }
		if op.Form == target.Group && !slices.ContainsFunc(c.Found.Missing, missing) {
			list = append(list, c.GroupAlive(op.PID))
		}
	}
	return c.ReportAnswers(list)
}

// GroupAlive finds out whether an opened process group has a living member. Members that /proc hides count.
func (c *Call) GroupAlive(pgid int) Answer {
	in := func(st *procfs.Stat) bool { return st.PGID == pgid }
	a := c.MembersAlive(pgid, in)
	var table procfs.Snapshot
	if a.Why == "" || c.Env.Kernel.Snapshot(&table) != nil {
		return a
	}
	// If the group exists and the snapshot shows no member, not even a zombie, /proc hides the members.
	seen := func(st procfs.Stat) bool { return in(&st) }
	if !slices.ContainsFunc(table.Procs, seen) && c.Env.Kernel.GroupLives(pgid, nil) {
		a.Why = ""
	}
	return a
}

// inGroup reports whether the process is a target only because an operand -PGID implies it. Such a process gets no
// answer of its own: the group is alive if one member is.
func (c *Call) inGroup(p *target.Process) bool {
	return p.Operand == "" && slices.ContainsFunc(c.Request.Operands, func(op target.Operand) bool {
		return op.Form == target.Group && op.PID == p.PGID
	})
}

// MembersAlive finds out whether a process group, session or cgroup has a living member among the opened and the
// excluded processes. in reports whether a process is a member. number is the PGID or SID, or 0 for a cgroup.
func (c *Call) MembersAlive(number int, in func(*procfs.Stat) bool) Answer {
	a := Answer{Stat: procfs.Stat{ID: procfs.ID{PID: number}}, Name: strconv.Itoa(number), Why: "no member is alive"}
	for i := range c.Found.Processes {
		if st := &c.Found.Processes[i].Stat; in(st) && !st.Gone() {
			a.Why = ""
		}
	}
	for i := range c.Found.Skipped {
		if st := &c.Found.Skipped[i].Stat; in(st) && !st.Gone() {
			a.Why = ""
		}
	}
	return a
}

// hiddenGone returns the targets whose pidfds say that they are gone. If /proc hides no target it returns nil, because
// then the states of the targets tell.
func (c *Call) hiddenGone() map[procfs.ID]bool {
	hidden := func(p target.Process) bool { return p.Stat.Hidden() }
	if !slices.ContainsFunc(c.Found.Processes, hidden) {
		return nil
	}
	all := make(map[procfs.ID]bool)
	for {
		gone, reaped, err := c.Env.Kernel.Wait(0)
		if err != nil || len(gone)+len(reaped) == 0 {
			return all
		}
		for _, id := range append(gone, reaped...) {
			all[id] = true
		}
	}
}

// ReportAnswers reports the answers and returns the exit status of the call.
func (c *Call) ReportAnswers(list []Answer) int {
	began := time.Now()
	sum := &escalate.Summary{Rung: 1, Proved: true}
	plan := c.Plan()
	c.Report.PrintTargets(plan)
	for _, s := range plan.Skipped {
		c.Report.Skipped(s)
	}
	for _, a := range list {
		res := &escalate.Result{Target: escalate.Target{Stat: a.Stat}, Outcome: escalate.Exists}
		sum.Results = append(sum.Results, res)
		if a.Why == "" {
			c.Report.Signalled(res, signals.Null, 1, time.Since(began))
			continue
		}
		res.Outcome = escalate.Gone
		c.Report.Gone(res)
		c.Report.Note(fmt.Sprintf("%s: %s", report.Escape(a.Name), a.Why))
		c.Codes = append(c.Codes, ExitMissing)
	}
	sum.Elapsed = time.Since(began)
	c.ReportLeftAlone()
	c.Report.Summary(sum, c.ExitStatus())
	return c.ExitStatus()
}
