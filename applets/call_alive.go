package applets

import (
	"errors"
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

// asks reports whether the call only asks whether its targets are alive: its ladder is signal 0.
func (c *call) asks() bool { return len(c.ladder) == 1 && c.ladder[0].Signal == signals.Null }

// askable returns an error if --exited is combined with signal 0: --exited would turn "not alive" into
// success.
func (c *call) askable(exited bool) error {
	if exited && c.asks() {
		return errors.New("signal 0 asks whether the targets are alive, so --exited has no meaning")
	}
	return nil
}

// asked is a target of signal 0.
type asked struct {
	procfs.Stat
	name string // in a diagnostic
	why  string // why it is not alive; empty if it is
}

// alive answers signal 0 from what was read when the targets were opened, and returns the exit status.
// Permission to signal a target does not matter, and nothing is waited for.
func (c *call) alive() int {
	var list []asked
	for _, p := range c.found.Missing {
		list = append(list, asked{procfs.Stat{ID: procfs.ID{PID: p.Operand.PID}}, strconv.Itoa(p.Operand.PID), p.Err.Error()})
	}
	for _, op := range c.found.Ended {
		list = append(list, asked{procfs.Stat{ID: procfs.ID{PID: op.PID, Start: op.Start}}, op.Text, "gone"})
	}
	gone := c.hiddenGone()
	for i := range c.found.Processes {
		p := &c.found.Processes[i]
		if c.inGroup(p) {
			continue
		}
		a := asked{Stat: p.Stat, name: report.Process(&p.Stat)}
		switch {
		case p.Stat.Gone():
			a.why = report.Explain(c.env.Proc, p.ID, 0)
		case gone[p.ID]:
			a.why = "gone"
		}
		list = append(list, a)
	}
	for _, op := range c.req.Operands {
		missing := func(p target.Problem) bool { return p.Operand == op }
		if op.Form == target.Group && !slices.ContainsFunc(c.found.Missing, missing) {
			list = append(list, c.aliveGroup(op.PID))
		}
	}
	return c.answer(list)
}

// aliveGroup asks whether an opened process group has a living member, which /proc may hide.
func (c *call) aliveGroup(pgid int) asked {
	in := func(st *procfs.Stat) bool { return st.PGID == pgid }
	a := c.askedGroup(pgid, in)
	var table procfs.Snapshot
	if a.why == "" || c.env.Kernel.Snapshot(&table) != nil {
		return a
	}
	// A group that exists without a member in the snapshot, not even a zombie, has members that /proc
	// hides.
	seen := func(st procfs.Stat) bool { return in(&st) }
	if !slices.ContainsFunc(table.Procs, seen) && c.env.Kernel.GroupLives(pgid, nil) {
		a.why = ""
	}
	return a
}

// inGroup reports whether the process is a target only because a group operand implies it. One living
// member is enough for a group, so its members do not count one by one.
func (c *call) inGroup(p *target.Process) bool {
	return p.Operand == "" && slices.ContainsFunc(c.req.Operands, func(op target.Operand) bool {
		return op.Form == target.Group && op.PID == p.PGID
	})
}

// askedGroup asks whether a process group, session or cgroup has a living member among the opened and the
// excluded processes. in reports whether a process is a member; number is the PGID or SID, 0 for a cgroup.
func (c *call) askedGroup(number int, in func(*procfs.Stat) bool) asked {
	a := asked{Stat: procfs.Stat{ID: procfs.ID{PID: number}}, name: strconv.Itoa(number), why: "no member is alive"}
	for i := range c.found.Processes {
		if st := &c.found.Processes[i].Stat; in(st) && !st.Gone() {
			a.why = ""
		}
	}
	for i := range c.found.Skipped {
		if st := &c.found.Skipped[i].Stat; in(st) && !st.Gone() {
			a.why = ""
		}
	}
	return a
}

// hiddenGone returns the targets that are gone according to their pidfds. It asks only if /proc hides a
// target, whose end nothing else shows.
func (c *call) hiddenGone() map[procfs.ID]bool {
	hidden := func(p target.Process) bool { return p.Stat.Hidden() }
	if !slices.ContainsFunc(c.found.Processes, hidden) {
		return nil
	}
	all := make(map[procfs.ID]bool)
	for {
		gone, reaped, err := c.env.Kernel.Wait(0)
		if err != nil || len(gone)+len(reaped) == 0 {
			return all
		}
		for _, id := range append(gone, reaped...) {
			all[id] = true
		}
	}
}

// answer reports the targets and returns the exit status of the call.
func (c *call) answer(list []asked) int {
	began := time.Now()
	sum := &escalate.Summary{Rung: 1, Proved: true}
	plan := c.plan()
	c.rep.Planned(plan)
	for _, s := range plan.Skipped {
		c.rep.Skipped(s)
	}
	for _, a := range list {
		res := &escalate.Result{Target: escalate.Target{Stat: a.Stat}, Outcome: escalate.Exists}
		sum.Results = append(sum.Results, res)
		if a.why == "" {
			c.rep.Signalled(res, signals.Null, 1, time.Since(began))
			continue
		}
		res.Outcome = escalate.Gone
		c.rep.Gone(res)
		c.rep.Note(fmt.Sprintf("%s: %s", report.Escape(a.name), a.why))
		c.codes = append(c.codes, exitMissing)
	}
	sum.Elapsed = time.Since(began)
	c.rep.Summary(sum, c.end())
	return c.end()
}
