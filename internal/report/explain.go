package report

import (
	"cmp"
	"errors"
	"fmt"
	"os/user"
	"strconv"
	"strings"

	"killbox/internal/escalate"
	"killbox/internal/file"
	"killbox/internal/show"
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
		return explainZombie(proc, &st)
	}
	return strings.Join(explainAlive(proc, &st, sig), ", ")
}

// explainAlive returns the reasons why a process that is no zombie remains. There is at least one: if nothing else is
// known, the state.
func explainAlive(proc *procfs.FS, st *procfs.Stat, sig signals.Signal) []string {
	state := "state " + string(st.State)
	var why []string
	if st.Thread != 0 {
		why = append(why, explainLeaderExited(st.Threads-1))
	}
	if cgroup, ok := proc.Frozen(st); ok {
		why = append(why, "frozen by cgroup "+show.Word(cgroup))
	} else if st.State == 'D' {
		where := "the kernel"
		if wchan, err := proc.Wchan(cmp.Or(st.Thread, st.PID)); err == nil && wchan != "" && wchan != "0" {
			where = wchan
		}
		why = append(why, "in uninterruptible sleep in "+where)
	}
	status, err := proc.Status(st.PID)
	if err != nil {
		return append(why, state)
	}
	if st.Stopped() {
		why = append(why, "stopped")
	}
	if status.TracerPID != 0 {
		why = append(why, "traced by "+processName(proc, status.TracerPID))
	}
	if sig != 0 {
		why = append(why, explainInit(st.PID, &status, sig)...)
		why = append(why, explainSignal(&status, sig)...)
	}
	if len(why) == 0 {
		why = append(why, state)
	}
	return why
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
	if file.CanOpen() != nil {
		return number
	}
	if u, err := user.LookupId(number); err == nil {
		return u.Username
	}
	return number
}

// explainLeaderExited explains a process whose first thread has exited. /proc/PID/stat shows it as a zombie although
// other threads run.
func explainLeaderExited(others int) string {
	if others == 1 {
		return "its first thread has exited, 1 other runs"
	}
	return fmt.Sprintf("its first thread has exited, %d others run", others)
}

// explainInit explains that the init of a PID namespace gets only signals that it handles. KILL and STOP from a parent
// namespace are the exception (pid_namespaces(7)).
func explainInit(pid int, s *procfs.Status, sig signals.Signal) []string {
	n := len(s.NSPID)
	switch {
	case pid == 1:
		return []string{"init of this PID namespace, which gets only signals that it handles"}
	case n > 1 && s.NSPID[n-1] == 1 && sig != signals.KILL && sig != signals.STOP:
		return []string{"init of another PID namespace, which gets only signals that it handles"}
	}
	return nil
}

// explainSignal explains why the signal has not ended the process. The result is empty if there is no reason in sight.
func explainSignal(s *procfs.Status, sig signals.Signal) []string {
	switch d := Disposition(s, sig); d {
	case "ignored":
		return []string{sig.String() + " is ignored"}
	case "blocked":
		if s.Pending.Has(int(sig)) || s.ThreadPending.Has(int(sig)) {
			return []string{sig.String() + " is blocked and pending"}
		}
		return []string{sig.String() + " is blocked"}
	case "caught":
		return []string{sig.String() + " is caught"}
	}
	if s.Pending.Has(int(sig)) {
		return []string{sig.String() + " is pending"}
	}
	if !sig.Ends() && !sig.Stops() {
		return []string{sig.String() + " ends no process by default"}
	}
	return nil
}

// explainZombie explains a process that its parent does not reap.
func explainZombie(proc *procfs.FS, st *procfs.Stat) string {
	if st.PPID == 0 {
		return "zombie: its parent is outside of this PID namespace"
	}
	why := whyNotReaped(proc, st.PPID)
	return fmt.Sprintf("zombie: its parent %s %s%s", processName(proc, st.PPID), cmp.Or(why, "does not wait for it"), suggestReaping(st.PPID, why))
}

const (
	parentStopped = "is stopped"
	parentTraced  = "is stopped by its tracer"
)

// whyNotReaped returns why a parent does not reap its children, "" if /proc shows no reason.
func whyNotReaped(proc *procfs.FS, pid int) string {
	parent, err := proc.Stat(pid)
	if err != nil {
		return ""
	}
	status, err := proc.Status(pid)
	switch {
	case parent.Stopped():
		return parentStopped
	case parent.Traced():
		return parentTraced
	case err == nil && status.Blocked.Has(int(signals.CHLD)):
		return "blocks CHLD"
	}
	return ""
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
	return text + suggestReaping(now.PPID, why)
}

// suggestReaping returns the end of a message: the command that may have the zombies of a parent reaped. why is the
// result of whyNotReaped. The result is "" if no applet helps. --kill-parent is not suggested for PID 1, which it
// cannot end.
func suggestReaping(parent int, why string) string {
	switch why {
	case parentStopped:
		return fmt.Sprintf("; \"freezekill --thaw %d\" resumes the parent", parent)
	case parentTraced:
		return ""
	}
	text := fmt.Sprintf("; \"reapwait -z --nudge %d\" asks the parent to reap it", parent)
	if parent != 1 {
		text += ", --kill-parent ends the parent"
	}
	return text
}

// processName names the process with the PID, as Process does.
func processName(proc *procfs.FS, pid int) string {
	if st, err := proc.Stat(pid); err == nil {
		return Process(&st)
	}
	return strconv.Itoa(pid)
}
