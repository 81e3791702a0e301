package report

import (
	"fmt"

	"killbox/internal/escalate"
	"killbox/internal/signals"
	"killbox/procfs"
)

// Planned is a process in the output of --dry-run.
type Planned struct {
	procfs.Stat
	Root bool // a target itself, and not only a descendant or stray of a target
	// Evidence is why an orphan is attributed to the tree; empty for any other process.
	Evidence string
	// Origin is the PID of the member that Evidence names, and 0 for a process that is no orphan. The member may be
	// gone. An orphan has it even if it is excluded.
	Origin int
	// Excluded is the reason why the process is excluded, "" if it would be signalled. An excluded process is
	// printed because it is part of the tree.
	Excluded string
	// Step is the number of the first step that signals the process, from 1; 0 if the first step signals all.
	Step int
}

// ByPID sorts processes in ascending order of PID.
type ByPID []Planned

func (p ByPID) Len() int           { return len(p) }
func (p ByPID) Less(i, j int) bool { return p[i].PID < p[j].PID }
func (p ByPID) Swap(i, j int)      { p[i], p[j] = p[j], p[i] }

// PrintPlan prints the output of --dry-run: the processes as a tree, and the ladder.
func (r *Reporter) PrintPlan(list []Planned, ladder escalate.Ladder, view View) {
	first := signals.Signal(0)
	if len(ladder) > 0 {
		first = ladder[0].Signal
	}
	if !r.opts.JSON {
		r.printTable(list, first, view)
		if len(list) > 0 && first != 0 && (len(ladder) > 1 || ladder[0].Grace != 0) {
			fmt.Fprintf(r.opts.Out, "ladder: %v\n", ladder)
		}
		return
	}
	for i := range list {
		p := &list[i]
		if p.Excluded != "" {
			r.Skipped(escalate.Skip{Stat: p.Stat, Reason: p.Excluded})
			continue
		}
		e := r.planEvent(&p.Stat, first)
		e.Ladder, e.Root, e.Evidence, e.Rung = ladder.String(), p.Root, p.Evidence, p.Step
		e.Why = ExplainUnreaped(r.opts.Proc, &p.Stat)
		r.printJSON(e)
	}
}

// planEvent returns the event for a process that would be sent the signal first; 0 for none.
func (r *Reporter) planEvent(st *procfs.Stat, first signals.Signal) event {
	e := r.newEvent(st, "plan")
	e.PPID, e.PGID, e.SID, e.State = st.PPID, st.PGID, st.SID, string(st.State)
	e.Owner, e.Holds = r.owner(st.ID), r.holds(st.ID)
	r.describeEvent(&e, st, first)
	return e
}

// PrintTargets prints the events at the beginning of the output of --json, one for each target.
func (r *Reporter) PrintTargets(p *escalate.Plan) {
	if !r.opts.JSON {
		return
	}
	ladder, first := p.Ladder.String(), signals.Signal(0)
	if p.WaitOnly {
		ladder = ""
	} else if len(p.Ladder) > 0 {
		first = p.Ladder[0].Signal
	}
	r.remembered = make(map[procfs.ID]remembered, len(p.Targets))
	for i := range p.Targets {
		st := &p.Targets[i].Stat
		e := r.planEvent(st, first)
		e.Ladder, e.Root = ladder, p.Tree != nil
		if p.Targets[i].Master {
			e.Rung = 1
		} else if p.Mixed {
			e.Rung = 2
		}
		r.remembered[st.ID] = remembered{e.Args, e.Exe, e.User}
		r.printJSON(e)
	}
}

// owner is Options.Owner.
func (r *Reporter) owner(id procfs.ID) string {
	if r.opts.Owner == nil {
		return ""
	}
	return r.opts.Owner(id)
}
