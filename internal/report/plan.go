package report

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

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
	// Excluded is the reason why the process is excluded, "" if it would be signalled. An excluded process is
	// printed because it is part of the tree.
	Excluded string
}

// ByPID sorts processes in ascending order of PID.
type ByPID []Planned

func (p ByPID) Len() int           { return len(p) }
func (p ByPID) Less(i, j int) bool { return p[i].PID < p[j].PID }
func (p ByPID) Swap(i, j int)      { p[i], p[j] = p[j], p[i] }

// PrintPlan prints the output of --dry-run: the processes as a tree, and the ladder. With colour it uses the escape
// sequences of terminals.
func (r *Reporter) PrintPlan(proc *procfs.FS, list []Planned, ladder escalate.Ladder, colour bool) {
	first := signals.Signal(0)
	if len(ladder) > 0 {
		first = ladder[0].Signal
	}
	d := &planDescriber{proc: proc, first: first, users: make(map[int]string), markOwner: r.owner, holds: r.holds}
	if r.opts.JSON {
		for i := range list {
			p := &list[i]
			if p.Excluded != "" {
				r.Skipped(escalate.Skip{Stat: p.Stat, Reason: p.Excluded})
				continue
			}
			e := newEvent(&p.Stat, "plan")
			e.PPID, e.PGID, e.SID, e.State = p.PPID, p.PGID, p.SID, string(p.State)
			if e.User, e.Disposition = d.owner(&p.Stat); first == 0 {
				e.Disposition = "" // no signal would be sent
			}
			if age, ok := d.age(&p.Stat); ok {
				e.Age = toSeconds(age)
			}
			e.Ladder, e.Root, e.Evidence, e.Owner = ladder.String(), p.Root, p.Evidence, r.owner(p.ID)
			e.Holds = r.holds(p.ID)
			e.Why = ExplainUnreaped(proc, &p.Stat)
			r.printJSON(e)
		}
		return
	}
	printTree(r.opts.Out, list, d, colour)
	if first != 0 {
		fmt.Fprintf(r.opts.Out, "ladder: %v\n", ladder)
	}
}

// PrintTargets prints the events at the beginning of the output of --json, one for each target.
func (r *Reporter) PrintTargets(p *escalate.Plan) {
	if !r.opts.JSON {
		return
	}
	ladder := p.Ladder.String()
	if p.WaitOnly {
		ladder = ""
	}
	for i := range p.Targets {
		st := &p.Targets[i].Stat
		e := newEvent(st, "plan")
		e.PPID, e.PGID, e.SID, e.State = st.PPID, st.PGID, st.SID, string(st.State)
		e.Ladder, e.Root, e.Owner, e.Holds = ladder, p.Tree != nil, r.owner(st.ID), r.holds(st.ID)
		r.printJSON(e)
	}
}

// planDescriber describes the processes of --dry-run.
type planDescriber struct {
	proc  *procfs.FS     // nil without /proc
	first signals.Signal // of the ladder, 0 if no signal would be sent
	users map[int]string // a cache of names by UID
	// markOwner returns the handle of the owner that an owner mark names, see Options.Owner.
	markOwner func(procfs.ID) string
	holds     func(procfs.ID) string // see Options.Holds
}

// owner is Options.Owner.
func (r *Reporter) owner(id procfs.ID) string {
	if r.opts.Owner == nil {
		return ""
	}
	return r.opts.Owner(id)
}

// owner returns the name of the effective user of the process, and what the first signal would do (see Disposition).
func (d *planDescriber) owner(st *procfs.Stat) (name, disposition string) {
	if d.proc == nil {
		return "?", "unknown"
	}
	status, err := d.proc.Status(st.PID)
	if err != nil {
		return "?", "unknown"
	}
	uid := status.UID[1]
	name, ok := d.users[uid]
	if !ok {
		name = userName(uid)
		d.users[uid] = name
	}
	return name, Disposition(&status, d.first)
}

func (d *planDescriber) age(st *procfs.Stat) (time.Duration, bool) {
	if d.proc == nil || st.Hidden() {
		return 0, false
	}
	age, err := d.proc.Age(*st)
	return age, err == nil
}

func (d *planDescriber) formatLine(p *Planned, colour bool) string {
	name := Process(&p.Stat)
	if p.Excluded != "" {
		return name + ": excluded: " + p.Excluded
	}
	owner, disposition := d.owner(&p.Stat)
	age := "?"
	if a, ok := d.age(&p.Stat); ok {
		age = roundAge(a)
	}
	what := d.first.String() + " " + disposition
	switch {
	case p.Gone():
		what = cmp.Or(ExplainUnreaped(d.proc, &p.Stat), "gone already")
	case d.first == 0:
		what = "not signalled"
	}
	if colour {
		name = "\x1b[1m" + name + "\x1b[0m"
		if disposition == "ignored" || disposition == "blocked" {
			what = "\x1b[33m" + what + "\x1b[0m"
		}
	}
	if p.Evidence != "" {
		what += " (" + p.Evidence + ")"
	}
	if owner := d.markOwner(p.ID); owner != "" {
		what += " (owner " + owner + " gone)"
	}
	if holds := d.holds(p.ID); holds != "" {
		what += " (" + holds + ")"
	}
	return fmt.Sprintf("%s %c %s %s: %s", name, p.State, Escape(owner), age, what)
}

// roundAge returns an age in whole units, rounded down: seconds below a minute, minutes below an hour, hours below two
// days, and then days.
func roundAge(d time.Duration) string {
	switch {
	case d < time.Minute:
		return strconv.Itoa(int(d/time.Second)) + "s"
	case d < time.Hour:
		return strconv.Itoa(int(d/time.Minute)) + "m"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d/time.Hour)) + "h"
	}
	return strconv.Itoa(int(d/(24*time.Hour))) + "d"
}

// printTree prints every process below its parent. A process whose parent is not in the list is not indented.
func printTree(w io.Writer, list []Planned, d *planDescriber, colour bool) {
	byPID := make(map[int]bool, len(list))
	for i := range list {
		byPID[list[i].PID] = true
	}
	children := make(map[int][]*Planned)
	var tops []*Planned
	for i := range list {
		p := &list[i]
		if byPID[p.PPID] && p.PPID != p.PID {
			children[p.PPID] = append(children[p.PPID], p)
		} else {
			tops = append(tops, p)
		}
	}
	var b strings.Builder
	var walk func(p *Planned, lead, branch, below string)
	walk = func(p *Planned, lead, branch, below string) {
		b.WriteString(lead + branch + d.formatLine(p, colour) + "\n")
		kids := children[p.PID]
		// A snapshot is not atomic, so its parents may form a loop: visit each parent only once.
		delete(children, p.PID)
		for i, kid := range kids {
			if i == len(kids)-1 {
				walk(kid, lead+below, "└─ ", "   ")
			} else {
				walk(kid, lead+below, "├─ ", "│  ")
			}
		}
	}
	for _, p := range tops {
		walk(p, "", "", "")
	}
	// A loop of parents, and the processes below it, are not reached from tops. Print them without indentation.
	for _, pid := range slices.Sorted(maps.Keys(children)) {
		for _, p := range children[pid] {
			b.WriteString(d.formatLine(p, colour) + "\n")
		}
	}
	io.WriteString(w, b.String())
}
