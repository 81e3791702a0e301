package report

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"

	"killbox/internal/escalate"
	"killbox/internal/file"
	"killbox/internal/signals"
	"killbox/procfs"
)

// Explain returns why a process remains. sig is the last signal that was sent to the process, 0 for none. The reason is
// a guess, because /proc shows the present state only.
func Explain(proc *procfs.FS, id procfs.ID, sig signals.Signal) string {
	if proc == nil {
		return "the reason is unknown without /proc"
	}
	if id.Start == 0 {
		return "the reason is not known: /proc hides the process (hidepid)"
	}
	st, err := proc.Stat(id.PID)
	if errors.Is(err, procfs.ErrNoProcess) || err == nil && st.ID != id {
		return "it has just ended"
	}
	if err != nil {
		return err.Error()
	}
	if st.KernelThread() {
		if sig == 0 {
			return "it is a kernel thread"
		}
		return "it is a kernel thread, which takes no signals"
	}
	if st.Gone() {
		return explainZombie(proc, &st, NothingTried)
	}
	causes := findCauses(proc, &st, sig)
	why := joinCauses(causes)
	if first := decisive(causes); first != nil && first.noSignal {
		why += ": " + first.help
	}
	return cmp.Or(why, "state "+string(st.State))
}

// Refused reports a process that could not be signalled. If the process belongs to another user, the message names the
// user (see Refusal).
func (r *Reporter) Refused(proc *procfs.FS, res *escalate.Result, err error) {
	r.Failed(res, Refusal(proc, &res.Stat, err))
}

// ExplainSurvivor reports a process that remains, with the reason. last is the last signal that was sent to the
// process, 0 for none.
func (r *Reporter) ExplainSurvivor(proc *procfs.FS, res *escalate.Result, last signals.Signal) {
	r.Survivor(res, Explain(proc, res.ID, last))
}

// Refusal returns err, the error of sending a signal. It adds the user of the process if this process lacks the
// permission because it runs as another user: kill(2) requires that the real or effective UID of the sender equals the
// real or saved UID of the process.
func Refusal(proc *procfs.FS, st *procfs.Stat, err error) error {
	if proc == nil {
		return err
	}
	if st.Hidden() {
		return fmt.Errorf("%w: /proc hides its user (hidepid)", err)
	}
	status, statusErr := proc.Status(st.PID)
	if statusErr != nil {
		return err
	}
	if newSender(proc).sharesUser(&status) {
		return err // the UIDs permit the signal: a security module or a seccomp filter has refused it
	}
	return fmt.Errorf("%w: it is a process of user %s", err, Escape(userName(status.UID[0])))
}

// userName returns the name of a user, or the number if the name is unknown.
func userName(uid int) string {
	number := strconv.Itoa(uid)
	if entry, err := file.Entry(file.Users, file.ID, number); err == nil && entry != nil {
		return entry[file.Name]
	}
	return number
}

// Tried is what a call has done so that a parent reaps its zombies. The explanation of a zombie that remains does not
// advise it again.
type Tried int

// The ways to have a zombie reaped; each includes those before.
const (
	NothingTried Tried = iota
	Nudged             // the parent was sent CHLD
	NotEnded           // the parent was to be ended
)

// ExplainZombie explains a zombie that remains after what the call has tried. ok is false if the zombie was reaped.
func ExplainZombie(proc *procfs.FS, id procfs.ID, tried Tried) (why string, ok bool) {
	st, err := proc.Stat(id.PID)
	switch {
	case errors.Is(err, procfs.ErrNoProcess), err == nil && st.ID != id:
		return "", false
	case err != nil:
		return "zombie: " + err.Error(), true // it may remain
	}
	return explainZombie(proc, &st, tried), true
}

// explainZombie explains a process that its parent does not reap.
func explainZombie(proc *procfs.FS, st *procfs.Stat, tried Tried) string {
	if tracer := zombieTracer(proc, st); tracer != "" {
		return "zombie: " + tracer
	}
	if st.PPID == 0 {
		return "zombie: its parent is outside of this PID namespace"
	}
	why := whyNotReaped(proc, st.PPID)
	return fmt.Sprintf("zombie: its parent %s %s%s", processName(proc, st.PPID), cmp.Or(why, "does not wait for it"), suggestReaping(st.PPID, why, tried))
}

// Reasons why a parent does not reap. In the last two states CHLD, which --nudge sends, has no effect: the kernel
// discards a signal that the receiver ignores and does not block.
const (
	parentStopped = "is stopped"
	parentTraced  = "is stopped by its tracer"
	parentIgnores = "ignores CHLD"
	parentAsleep  = "does not wait for it, and does not handle CHLD"
)

// whyNotReaped returns why a parent does not reap its children, "" if /proc shows no reason.
func whyNotReaped(proc *procfs.FS, pid int) string {
	parent, err := proc.Stat(pid)
	if err != nil {
		return ""
	}
	status, err := proc.Status(pid)
	chld := int(signals.CHLD)
	switch {
	case parent.Stopped():
		return parentStopped
	case parent.Traced():
		return parentTraced
	case err != nil || status.Caught.Has(chld):
		return ""
	case status.Blocked.Has(chld):
		return "blocks CHLD"
	case status.Ignored.Has(chld):
		return parentIgnores
	}
	return parentAsleep
}

// ExplainUnreaped explains a target that is a zombie: it names the parent and the command that may have the zombie
// reaped. The result is "" if the process is no zombie or has been reaped.
func ExplainUnreaped(proc *procfs.FS, st *procfs.Stat) string {
	if proc == nil || !st.Gone() {
		return ""
	}
	now, err := proc.Stat(st.PID)
	if err != nil || now.ID != st.ID || !now.Gone() {
		return ""
	}
	if tracer := zombieTracer(proc, &now); tracer != "" {
		return "zombie, " + tracer
	}
	if now.PPID == 0 {
		return "zombie, not reaped by its parent, which is outside of this PID namespace"
	}
	if _, err := proc.Stat(now.PPID); errors.Is(err, procfs.ErrNoProcess) && !proc.HidesProcesses() {
		return "" // the parent has just ended, and the adopter of the zombie will reap it
	}
	text := "zombie, not reaped by its parent " + processName(proc, now.PPID)
	why := whyNotReaped(proc, now.PPID)
	if why != "" {
		text += ", which " + why
	}
	return text + suggestReaping(now.PPID, why, NothingTried)
}

// suggestReaping returns the end of a message: the command that may have the zombies of a parent reaped. why is the
// result of whyNotReaped. The result is "" if no applet helps. --kill-parent is not suggested for PID 1, which it
// cannot end.
func suggestReaping(parent int, why string, tried Tried) string {
	end := ""
	if parent != 1 && tried < NotEnded {
		end = fmt.Sprintf("; \"reapwait -z --kill-parent %d\" ends the parent, and then init reaps it", parent)
	}
	switch why {
	case parentStopped:
		return fmt.Sprintf("; \"freezekill --thaw %d\" resumes the parent", parent)
	case parentTraced:
		return ""
	case parentIgnores, parentAsleep:
		return end
	}
	if tried >= Nudged {
		return end
	}
	text := fmt.Sprintf("; \"reapwait -z --nudge %d\" asks the parent to reap it", parent)
	if parent != 1 {
		text += ", --kill-parent ends the parent"
	}
	return text
}

// zombieTracer explains a zombie of which the tracer has not been told yet: the kernel tells the tracer first, and the
// parent only when the tracer has waited for the zombie or has ended. The result is "" for any other zombie.
func zombieTracer(proc *procfs.FS, st *procfs.Stat) string {
	status, err := proc.Status(st.PID)
	if err != nil || status.TracerPID == 0 || status.TracerPID == st.PPID {
		return ""
	}
	return fmt.Sprintf("its tracer %s does not wait for it; \"killwait %d\" ends the tracer", processName(proc, status.TracerPID), status.TracerPID)
}

// processName names the process with the PID, as Process does.
func processName(proc *procfs.FS, pid int) string {
	if st, err := proc.Stat(pid); err == nil {
		return Process(&st)
	}
	return strconv.Itoa(pid)
}
