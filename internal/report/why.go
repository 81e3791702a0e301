package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"killbox/internal/show"
	"killbox/internal/signals"
	"killbox/procfs"
)

// Explanation is what killwait --why knows of a process before it looks at it.
type Explanation struct {
	procfs.Stat
	Signal  signals.Signal // the signal whose effect is explained
	Refusal error          // why the caller may not signal the process, nil if it may
	Orphans []*procfs.Stat // orphans that have the image of the process
}

// Explain prints what a process is doing, and whether the signal ends it. The command line is cut to the columns of the
// view.
func (r *Reporter) Explain(x *Explanation, view View) {
	proc, st := r.opts.Proc, &x.Stat
	w := &whyWriter{proc: proc, x: x, view: view, holds: r.holds(st.ID)}
	answer := w.answer()
	if !r.opts.JSON {
		r.clearStatusLine()
		w.text.WriteString(Process(st) + "\n")
		writeWrapped(&w.text, "  ", factIndent, answer, view.Columns)
		w.printFacts()
		fmt.Fprint(r.opts.Out, w.text.String())
		return
	}
	e := r.newEvent(st, "explain")
	e.PPID, e.PGID, e.SID, e.State = st.PPID, st.PGID, st.SID, string(st.State)
	e.Signal, e.Why = x.Signal.String(), answer
	r.describeEvent(&e, st, x.Signal)
	e.Wchan, e.Holds = w.wchan(), w.holds
	e.Cgroup, e.Unit = cgroupAndUnit(proc, st)
	if st.Gone() {
		e.Disposition = ""
	}
	if status, err := proc.Status(st.PID); err == nil {
		e.Tracer = status.TracerPID
		e.Pending = !st.Gone() && isPending(&status, x.Signal)
	}
	e.Ancestors = ancestors(proc, st)
	for _, o := range x.Orphans {
		e.Orphans = append(e.Orphans, r.handle(o))
	}
	r.printJSON(e)
}

// whyWriter writes the text of one Explanation.
type whyWriter struct {
	proc  *procfs.FS
	x     *Explanation
	view  View
	holds string // see Options.Holds
	text  strings.Builder
}

// answer returns the sentence that says whether the signal ends the process, and which command helps.
func (w *whyWriter) answer() string {
	st, sig := &w.x.Stat, w.x.Signal
	refused := ""
	if w.x.Refusal != nil {
		refused = fmt.Sprintf("you may not signal it: %v", Refusal(w.proc, st, w.x.Refusal))
	}
	switch {
	case st.Hidden() && refused != "":
		return refused
	case st.Hidden():
		return fmt.Sprintf("it exists, and %v can be sent; what it does is not known, because /proc hides it (hidepid): %s", sig, killwait(sig, st.PID))
	case st.Gone() || st.KernelThread():
		return Explain(w.proc, st.ID, sig)
	}
	causes := findCauses(w.proc, st, sig)
	text := joinCauses(causes)
	first := decisive(causes)
	switch {
	case refused != "":
		if text != "" {
			text += "; "
		}
		return text + refused
	case first == nil && sig.Stops():
		text = join(text, fmt.Sprintf("%v stops it and does not end it; KILL ends it: %s", sig, killwait(signals.KILL, st.PID)))
	case first == nil || sig == signals.KILL && first.rank < rankSleep:
		text = join(text, fmt.Sprintf("%v ends it: %s", sig, killwait(sig, st.PID)))
	default:
		text = join(text, first.help)
	}
	return text
}

// join joins a cause and what follows from it.
func join(text, help string) string {
	if text == "" {
		return help
	}
	return text + ": " + help
}

// factIndent is the smallest indent of the lines after the first of an answer or a fact. It is larger than that of a
// fact: a process can choose its name, and so what such a line begins with, but the line must not pass for a fact.
const factIndent = 4

// fact prints a fact about the process, unless the value is empty. Lines after the first begin below the value, if no
// word is too long there and half of the columns remain.
func (w *whyWriter) fact(name, value string) {
	if value == "" {
		return
	}
	lead, columns := "  "+name+": ", w.view.Columns
	indent := len(lead)
	tooLong := func(word string) bool { return indent+show.Columns(word) > columns }
	if indent > columns/2 || slices.ContainsFunc(strings.Split(value, " "), tooLong) {
		indent = factIndent
	}
	writeWrapped(&w.text, lead, indent, value, columns)
}

// printFacts prints what /proc shows of the process, a line for each fact.
func (w *whyWriter) printFacts() {
	st := &w.x.Stat
	if st.Hidden() {
		return
	}
	if args, err := w.proc.Cmdline(st.PID); err == nil && len(args) > 0 {
		columns := w.view.Columns
		if columns > 0 {
			columns -= len("  command: ")
		}
		w.fact("command", CommandLine(st, args, columns, w.view.ASCII))
	}
	w.fact("holds", w.holds)
	state := fmt.Sprintf("%c (%s)", st.State, stateName(st.State))
	if where := w.wchan(); where != "" {
		state += " in " + Escape(where)
	}
	w.fact("state", state)
	if status, err := w.proc.Status(st.PID); err == nil {
		if !st.Gone() && !st.KernelThread() {
			w.fact(w.x.Signal.String(), signalWords(&status, w.x.Signal))
		}
		w.fact("user", Escape(userName(status.UID[1])))
		if status.TracerPID != 0 {
			w.fact("tracer", processName(w.proc, status.TracerPID))
		}
	}
	if frozen, ok := w.proc.Frozen(st); ok {
		w.fact("frozen by", show.Word(frozen.Path))
	}
	if st.TTY != 0 {
		where := ", background"
		if st.TPGID == st.PGID {
			where = ", foreground"
		}
		w.fact("terminal", procfs.TTYName(st.TTY)+where)
	}
	var names []string
	for _, pid := range ancestors(w.proc, st) {
		names = append(names, processName(w.proc, pid))
	}
	if len(names) > 0 {
		w.fact("parent", names[len(names)-1])
		w.fact("ancestry", strings.Join(names, " > "))
	} else {
		w.fact("parent", "none in this PID namespace")
	}
	path, unit := cgroupAndUnit(w.proc, st)
	w.fact("unit", show.Word(unit))
	w.fact("cgroup", Escape(path))
	w.printOrphans()
}

// printOrphans prints the orphans that have the image of the process.
func (w *whyWriter) printOrphans() {
	var names []string
	for _, o := range w.x.Orphans {
		names = append(names, Process(o))
	}
	if len(names) == 0 {
		return
	}
	text := strings.Join(names[:min(len(names), 5)], ", ")
	if more := len(names) - 5; more > 0 {
		text += " and " + strconv.Itoa(more) + " more"
	}
	w.fact("orphans with its image", fmt.Sprintf("%s: to end them as well: tkill --orphans %d", text, w.x.PID))
}

// wchan returns the kernel function in which the process sleeps, "" if it is not known or if the process does not
// sleep.
func (w *whyWriter) wchan() string {
	st := &w.x.Stat
	pid := st.PID
	if st.Thread != 0 {
		pid = st.Thread
	}
	where, err := w.proc.Wchan(pid)
	if err != nil {
		return ""
	}
	return where
}

// stateName returns the meaning of the letter of a state (proc_pid_stat(5)).
func stateName(state byte) string {
	switch state {
	case 'R':
		return "running or runnable"
	case 'S':
		return "sleeping"
	case 'D':
		return "uninterruptible sleep"
	case 'T':
		return "stopped"
	case 't':
		return "stopped by its tracer"
	case 'Z':
		return "zombie"
	case 'I':
		return "idle"
	case 'P':
		return "parked"
	}
	return "exiting"
}

// signalWords returns what the signal does to the process, such as "ignored" or "blocked, pending".
func signalWords(s *procfs.Status, sig signals.Signal) string {
	var words []string
	n := int(sig)
	if sig != signals.KILL && sig != signals.STOP {
		for _, w := range []struct {
			set  procfs.SigSet
			word string
		}{{s.Ignored, "ignored"}, {s.Caught, "caught"}, {s.Blocked, "blocked"}} {
			if w.set.Has(n) {
				words = append(words, w.word)
			}
		}
	}
	if len(words) == 0 {
		words = append(words, "default")
	}
	if isPending(s, sig) {
		words = append(words, "pending")
	}
	return strings.Join(words, ", ")
}

// isPending reports whether the signal is pending for the process or for its first thread.
func isPending(s *procfs.Status, sig signals.Signal) bool {
	return s.Pending.Has(int(sig)) || s.ThreadPending.Has(int(sig))
}

// ancestors returns the PIDs of the ancestors of a process, the oldest first. An ancestor that ends meanwhile or that
// /proc hides ends the list.
func ancestors(proc *procfs.FS, st *procfs.Stat) (list []int) {
	const limit = 64 // a chain that changes during the walk may be a loop
	for pid := st.PPID; pid > 0 && len(list) < limit; {
		a, err := proc.Stat(pid)
		if err != nil {
			break
		}
		list = append(list, pid)
		pid = a.PPID
	}
	slices.Reverse(list)
	return list
}

// cgroupAndUnit returns the cgroup of a process and the systemd unit that its path names. The cgroup is that of version
// 2. If that is the root, it is the first one of version 1 that is not.
func cgroupAndUnit(proc *procfs.FS, st *procfs.Stat) (path, unit string) {
	entries, err := proc.Cgroups(st)
	if err != nil {
		return "", ""
	}
	for _, e := range entries {
		if path == "" || path == "/" || e.V2() && e.Path != "/" {
			path = e.Path
		}
	}
	for part := range strings.SplitSeq(path, "/") {
		for _, suffix := range []string{".service", ".scope"} {
			if strings.HasSuffix(part, suffix) {
				unit = part
			}
		}
	}
	return path, unit
}
