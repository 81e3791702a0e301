package report

import (
	"fmt"
	"slices"

	"killbox/internal/duration"
	"killbox/internal/escalate"
	"killbox/internal/signals"
	"killbox/procfs"
)

// maxStatusReads is the number of targets whose status FirstWait reads. For the others it uses the masks that were read
// when they were opened, so that a fork bomb does not delay the next step.
const maxStatusReads = 100

// FirstWait implements escalate.Observer. It reports that every target ignores or blocks the first signal, or every
// member of a group, so that the user need not wait for the explanation of the survivors.
func (r *Reporter) FirstWait(w *escalate.FirstWait) {
	if r.opts.Proc == nil {
		return
	}
	reads := 0
	var pgids []int // 0 for all targets if they are not the members of groups
	for _, res := range w.Results {
		pgid := 0
		if w.Groups {
			pgid = res.PGID
		}
		if !slices.Contains(pgids, pgid) {
			pgids = append(pgids, pgid)
			r.reportUnheeded(w, pgid, &reads)
		}
	}
}

// reportUnheeded reports the signal if every target, or every member of the group, ignores or blocks it. reads counts
// the targets whose status was read.
func (r *Reporter) reportUnheeded(w *escalate.FirstWait, pgid int, reads *int) {
	var first *escalate.Result
	var how, init string
	n := 0
	for _, res := range w.Results {
		if res.Rung == 0 || pgid != 0 && res.PGID != pgid {
			continue // it was sent no signal, or is a member of another group
		}
		*reads++
		disposition, why := r.unheeded(res, w.Signal, *reads <= maxStatusReads)
		switch {
		case disposition == "":
			return
		case n == 0:
			first, how, init = res, disposition, why
		case how != disposition:
			how = "ignored or blocked"
		}
		n++
	}
	if n == 0 {
		return
	}
	e := event{Event: "unheeded", PGID: pgid}
	targets := Process(&first.Stat)
	switch {
	case pgid != 0:
		targets = fmt.Sprintf("every member of group %d", pgid)
	case n > 1:
		targets = fmt.Sprintf("all %d targets, such as %s", n, targets)
	default:
		e = r.newEvent(&first.Stat, e.Event)
		targets += init
	}
	if how == "ignored" && init == "" && (w.Signal == signals.INT || w.Signal == signals.QUIT) {
		targets += ", as by the background jobs of a shell without job control"
	}
	e.Signal, e.Rung = w.Signal.String(), 1
	e.Why = fmt.Sprintf("%v is %s by %s: %s", w.Signal, how, targets, whatFollows(w))
	if r.opts.JSON {
		r.printJSON(e)
	}
	r.Note(e.Why)
}

// unheeded returns "ignored" or "blocked" if the target has not heeded the signal for that reason. For the init of a
// PID namespace, init is the rest of the sentence. disposition is "" if the target is gone, catches the signal, or if
// nothing is known. A handler may have set the signal to be ignored, so the target must not have had a handler when it
// was opened. read says that the status may be read; it tells which signals are pending.
func (r *Reporter) unheeded(res *escalate.Result, sig signals.Signal, read bool) (disposition, init string) {
	n := int(sig)
	ignored, caught := procfs.SigSet(res.Ignored), procfs.SigSet(res.Caught) // of signals 1 to 31
	switch {
	case res.Outcome != escalate.Survived || caught.Has(n):
		return "", ""
	case !read && ignored.Has(n):
		return "ignored", ""
	case !read:
		return "", ""
	}
	status, err := r.opts.Proc.Status(res.PID)
	if err != nil {
		return "", ""
	}
	// Read stat last: if it is still that of the target, so is the status.
	if st, err := r.opts.Proc.Stat(res.PID); err != nil || st.ID != res.ID {
		return "", ""
	}
	switch {
	case status.Ignored.Has(n):
		return "ignored", ""
	case status.Blocked.Has(n):
		if status.Pending.Has(n) || status.ThreadPending.Has(n) {
			return "blocked", ""
		}
	case !status.Caught.Has(n) && explainInit(res.PID, &status, sig) != nil:
		return "ignored", ", the init of a PID namespace, which has no handler for it"
	}
	return "", ""
}

// whatFollows returns what happens after the first step.
func whatFollows(w *escalate.FirstWait) string {
	switch {
	case w.Limit > 0 && w.Limit <= w.Grace:
		return "the call ends after " + duration.Format(w.Limit)
	case w.Mixed:
		return fmt.Sprintf("%v to all members follows after %s", w.Next, duration.Format(w.Grace))
	case w.Next != 0:
		return fmt.Sprintf("%v follows after %s", w.Next, duration.Format(w.Grace))
	}
	return "no other signal follows"
}
