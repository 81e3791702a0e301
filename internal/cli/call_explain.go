package cli

import (
	"errors"
	"syscall"
	"time"

	"killbox/internal/escalate"
	"killbox/internal/report"
	"killbox/internal/show"
	"killbox/internal/signals"
	"killbox/procfs"
)

// ExplainTargets explains each target, and returns the exit status: 0 if every target is alive, 1 if one is gone or a
// zombie. It signals nothing: signal 0 only asks for the permission.
func (c *Call) ExplainTargets() int {
	if c.Env.Proc == nil {
		c.Fail(nil, c.Env.ProcErr, ExitFailed)
		return c.ExitStatus()
	}
	began := time.Now()
	for _, op := range c.Found.Ended {
		c.Fail(nil, errors.New(show.Word(op.Text)+": gone"), ExitMissing)
	}
	orphans, err := c.findImageOrphans()
	if err != nil {
		c.Fail(nil, err, ExitFailed)
	}
	plan, view := c.Plan(), c.Env.View(c.Outputs.Colour)
	for _, s := range plan.Skipped {
		c.Report.Skipped(s)
	}
	sum := &escalate.Summary{Proved: true}
	for i := range plan.Targets {
		t := &plan.Targets[i]
		c.awaitSleep(&t.Stat)
		x := &report.Explanation{Stat: t.Stat, Signal: c.Ladder[0].Signal, Orphans: orphans[t.ID]}
		res := &escalate.Result{Target: *t, Outcome: escalate.Exists}
		sum.Results = append(sum.Results, res)
		err := c.Env.Kernel.Signal(t.ID, signals.Null)
		switch {
		case errors.Is(err, procfs.ErrNoProcess):
			res.Outcome = escalate.Gone
			c.Fail(&t.Stat, err, ExitMissing)
			continue
		case t.Stat.Gone():
			res.Outcome = escalate.Gone
			c.Codes = append(c.Codes, ExitMissing)
		case errors.Is(err, syscall.EPERM):
			x.Refusal = err
		}
		c.Report.Explain(x, view)
	}
	sum.Elapsed = time.Since(began)
	c.ReportLeftAlone()
	c.Report.Summary(sum, c.ExitStatus())
	return c.ExitStatus()
}

// awaitSleep reads the stat of a target in uninterruptible sleep again, for up to 50 ms. Page faults and execve(2)
// cause such sleeps for an instant, which explain nothing.
func (c *Call) awaitSleep(st *procfs.Stat) {
	for range 5 {
		if st.State != 'D' {
			return
		}
		c.Env.Kernel.Pause(10 * time.Millisecond)
		if now, err := c.Env.Kernel.Stat(st.ID); err == nil {
			*st = now
		}
	}
}

// findImageOrphans returns the orphans that have the image of a target, for each target. A target is not one of them.
func (c *Call) findImageOrphans() (map[procfs.ID][]*procfs.Stat, error) {
	orphans := make(map[procfs.ID][]*procfs.Stat)
	w := procfs.NewWitnesses(previewReader{c.Env.Kernel})
	var roots []procfs.ID
	targets := make(map[int]bool) // by PID
	for i := range c.Found.Processes {
		st := &c.Found.Processes[i].Stat
		w.Add(st)
		roots = append(roots, st.ID)
		targets[st.PID] = true
	}
	if w.Empty() {
		return nil, nil
	}
	if err := c.Env.Kernel.Snapshot(&c.Table); err != nil {
		return nil, err
	}
	w.Refute(&c.Table)
	for _, st := range w.Candidates(&c.Table, c.Table.Adopters(roots)) {
		if targets[st.PID] {
			continue
		}
		if member, ok := w.Attribute(st.ID); ok && !c.descends(st, member) && c.exclude(st) == "" {
			orphans[member] = append(orphans[member], st)
		}
	}
	return orphans, nil
}
