package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"killbox/internal/show"
	"killbox/internal/signals"
	"killbox/procfs"
)

// cause is a reason why a process remains, or why a signal does not end it at once.
type cause struct {
	text string
	// help is what ends the process in spite of the cause. If a command does, it is the end of the text, after a
	// colon. It is empty if the cause changes nothing.
	help string
	rank int // of several causes, the help of the one with the highest rank is true
	// noSignal: no signal that has been sent ends the process, so the help is told for a survivor as well.
	noSignal bool
}

// The ranks of causes. A cause that not even KILL overcomes is above one that KILL overcomes, and that is above one
// that delays the signal.
const (
	rankCaught = iota + 1
	rankStopped
	rankTraced
	rankSleep
	rankFrozen
	rankIgnored // ignored, blocked, or harmless by default
	rankInit
	rankDumping
	rankExiting
	rankUnkillable
)

// decisive returns the cause whose help is true, nil if no cause has one.
func decisive(causes []cause) *cause {
	var first *cause
	for i := range causes {
		if c := &causes[i]; c.help != "" && (first == nil || c.rank > first.rank) {
			first = c
		}
	}
	return first
}

func joinCauses(causes []cause) string {
	var texts []string
	for _, c := range causes {
		texts = append(texts, c.text)
	}
	return strings.Join(texts, ", ")
}

// findCauses returns the causes of a process that is neither a zombie nor a kernel thread. With signal 0, none was
// sent, and no cause concerns a signal. If all threads are exiting, st becomes that of one of them (TakeExiting).
func findCauses(proc *procfs.FS, st *procfs.Stat, sig signals.Signal) []cause {
	exiting := st.Exiting() && st.Threads <= 1 || proc.TakeExiting(st)
	d := &diagnosis{proc: proc, st: st, sig: sig}
	if st.Thread != 0 && !exiting {
		d.add(explainLeaderExited(st.Threads-1), "", 0)
	}
	status, err := proc.Status(st.PID)
	d.status = &status
	if err == nil && status.CoreDumping {
		d.add("writes its core dump", "it ends when the dump is complete, and discards all signals but KILL: "+d.kill(), rankDumping)
	} else if exiting {
		d.add("it is exiting", "it needs no signal, and is gone when the kernel has released what it holds", rankExiting)
	}
	if frozen, ok := proc.Frozen(st); ok {
		d.addFrozen(frozen)
	} else {
		d.addSleep()
	}
	if err != nil {
		if len(d.causes) > 0 || st.State != 'S' {
			d.add("state "+string(st.State), "", 0)
		}
		return d.causes
	}
	d.addStopped()
	if sig != 0 {
		d.addInit()
		d.addSignal()
	}
	return d.causes
}

// diagnosis collects the causes for one process.
type diagnosis struct {
	proc   *procfs.FS
	st     *procfs.Stat
	status *procfs.Status
	sig    signals.Signal
	causes []cause
}

func (d *diagnosis) add(text, help string, rank int) {
	d.causes = append(d.causes, cause{text: text, help: help, rank: rank})
}

// kill returns the command that sends KILL.
func (d *diagnosis) kill() string { return killwait(signals.KILL, d.st.PID) }

// killwait returns the command that sends the signal.
func killwait(sig signals.Signal, pid int) string {
	force := ""
	if pid == 1 {
		force = "--force "
	}
	if sig == signals.TERM || sig == 0 {
		return fmt.Sprintf("killwait %s%d", force, pid)
	}
	return fmt.Sprintf("killwait %s-%v %d", force, sig, pid)
}

// fatal reports whether the kernel turns the signal into a KILL as soon as it is sent (complete_signal in
// kernel/signal.c): the signal ends the process by default and without a core dump, and no tracer sees it first. Such a
// signal ends each sleep that KILL ends, and a process in a frozen cgroup of version 2.
func (d *diagnosis) fatal() bool {
	return d.sig == signals.KILL || d.sig.Ends() && !d.sig.DumpsCore() && d.status.State != 0 && d.status.TracerPID == 0 &&
		Disposition(d.status, d.sig) == "default" && !isInit(d.status)
}

// isInit reports whether the process is the init of a PID namespace.
func isInit(s *procfs.Status) bool {
	n := len(s.NSPID)
	return n > 0 && s.NSPID[n-1] == 1
}

// addFrozen adds the cause that a cgroup is frozen. In version 1, all signals stay pending.
func (d *diagnosis) addFrozen(f procfs.FrozenCgroup) {
	c := cause{text: "frozen by cgroup " + show.Word(f.Path), noSignal: true}
	switch {
	case !f.V2:
		c.rank = rankUnkillable
		c.help = "no signal, not even KILL, ends it before it is resumed: echo THAWED > " + shellWord(f.Dir+"/freezer.state")
	case !d.fatal():
		c.rank = rankFrozen
		c.help = fmt.Sprintf("KILL ends it, and %v has no effect before it is resumed: freezekill --thaw --cgroup %s", d.sig, shellWord(f.Path))
	}
	d.causes = append(d.causes, c)
}

// addSleep adds the cause that the process is in a sleep of the kernel that a signal does not end at once.
func (d *diagnosis) addSleep() {
	where, err := d.proc.Wchan(cmp.Or(d.st.Thread, d.st.PID))
	if err != nil {
		where = ""
	}
	text := "in uninterruptible sleep in " + cmp.Or(where, "the kernel")
	switch {
	case isFuse(where):
		// The first signal ends the interruptible sleep (S), and an uninterruptible one begins.
		if d.st.State != 'D' {
			text = "sleeps in " + where
		}
		d.causes = append(d.causes, cause{text + ", waiting for a FUSE server", d.helpFuse(), rankUnkillable, true})
	case where == "zap_pid_ns_processes":
		// It is exiting already. The kernel has sent KILL to all processes of the namespace.
		d.add("waits until each process of its PID namespace has been reaped", "", 0)
	case d.st.State != 'D':
	case isVfork(where):
		text += ", waiting for its vfork child"
		if children, err := d.proc.Children(d.st.PID); err == nil && len(children) == 1 {
			text += " " + processName(d.proc, children[0])
		}
		d.addKillable(text, "the child ends or calls execve")
	case where == "mem_cgroup_oom_synchronize":
		d.addKillable(text+", because its memory cgroup is full", "there is memory")
	case strings.Contains(where, "killable"):
		d.addKillable(text, "the sleep ends")
	case where == "percpu_rwsem_wait":
		d.causes = append(d.causes, cause{text + ", waiting for a kernel lock",
			"no signal ends it before the lock is free; if fsfreeze has suspended a file system: fsfreeze -u MOUNTPOINT", rankUnkillable, true})
	case isPending(d.status, signals.KILL):
		d.add(text, "KILL is pending, and ends it when the sleep ends", rankSleep)
	default:
		d.add(text, "signals wait until the sleep ends, unless this kernel function lets KILL end it: "+d.kill(), rankSleep)
	}
}

// addKillable adds the cause of a sleep that only a fatal signal ends.
func (d *diagnosis) addKillable(text, end string) {
	if d.fatal() {
		d.add(text, "", 0)
		return
	}
	d.add(text, fmt.Sprintf("%v has no effect until %s; KILL ends it at once: %s", d.sig, end, d.kill()), rankSleep)
}

// isVfork reports whether a thread in this kernel function waits for the child of its vfork(2). The name depends on
// what the compiler inlines.
func isVfork(wchan string) bool {
	return slices.Contains([]string{"kernel_clone", "_do_fork", "do_fork", "wait_for_vfork_done"}, wchan)
}

// isFuse reports whether a thread in this kernel function waits for the answer to a FUSE request (fs/fuse/dev.c).
func isFuse(wchan string) bool {
	return wchan == "request_wait_answer" || wchan == "__fuse_request_send" || wchan == "__fuse_simple_request"
}

// helpFuse returns how a FUSE request ends. The kernel waits for the answer to each request that the server has read.
// umount(8) with -f aborts the requests of the file system even if the file system is in use.
func (d *diagnosis) helpFuse() string {
	help := "once the server has read the request, no signal, not even KILL, ends it before the answer"
	mounts, err := d.proc.Mounts()
	if err != nil {
		return help
	}
	point := ""
	for _, m := range mounts {
		if m.FSType == "fuse" || m.FSType == "fuseblk" || strings.HasPrefix(m.FSType, "fuse.") {
			if point != "" {
				return help + ": umount -fl MOUNTPOINT"
			}
			point = m.Point
		}
	}
	if point == "" {
		return help
	}
	return help + ": umount -fl " + shellWord(point)
}

// addStopped adds the causes that the process is stopped or traced. /proc does not show which signal has stopped it.
func (d *diagnosis) addStopped() {
	if d.st.Stopped() {
		text := "stopped"
		if d.st.TTY != 0 && d.st.TPGID > 0 && d.st.TPGID != d.st.PGID {
			text += ", in the background of its terminal " + procfs.TTYName(d.st.TTY)
		}
		d.add(text, fmt.Sprintf("%v takes effect when it is resumed, and killwait resumes it: %s", d.sig, killwait(d.sig, d.st.PID)), rankStopped)
	}
	tracer := d.status.TracerPID
	switch {
	case tracer != 0 && d.st.Traced():
		d.add("traced by "+processName(d.proc, tracer)+", which has stopped it",
			fmt.Sprintf("%v waits until the tracer passes it on; KILL ends it: %s", d.sig, d.kill()), rankTraced)
	case tracer != 0:
		d.add("traced by "+processName(d.proc, tracer),
			fmt.Sprintf("the tracer decides whether %v reaches it; KILL, which killwait sends after 5s, ends it: %s", d.sig, killwait(d.sig, d.st.PID)), rankTraced)
	case d.st.Traced():
		d.add("stopped by a tracer outside of this PID namespace", "KILL ends it: "+d.kill(), rankTraced)
	}
}

// explainLeaderExited explains a process whose first thread has exited. /proc/PID/stat shows it as a zombie although
// other threads run.
func explainLeaderExited(others int) string {
	if others == 1 {
		return "its first thread has exited, 1 other runs"
	}
	return fmt.Sprintf("its first thread has exited, %d others run", others)
}

// addInit adds the cause of explainInit.
func (d *diagnosis) addInit() {
	why := explainInit(d.st.PID, d.status, d.sig)
	if why == nil {
		return
	}
	help := ""
	switch {
	case d.status.Caught.Has(int(d.sig)): // see addSignal
	case d.st.PID == 1:
		help = "no signal from within the PID namespace ends it"
	default:
		help = "KILL ends it, and all processes of that namespace with it: " + d.kill()
	}
	d.add(why[0], help, rankInit)
}

// explainInit explains that the init of a PID namespace gets only signals that it handles. KILL and STOP from a parent
// namespace are the exception (pid_namespaces(7)).
func explainInit(pid int, s *procfs.Status, sig signals.Signal) []string {
	switch {
	case pid == 1:
		return []string{"init of this PID namespace, which gets only signals that it handles"}
	case isInit(s) && sig != signals.KILL && sig != signals.STOP:
		return []string{"init of another PID namespace, which gets only signals that it handles"}
	}
	return nil
}

// addSignal adds the cause that the signal does not end the process, if there is one.
func (d *diagnosis) addSignal() {
	s, name := d.status, d.sig.String()
	pending := isPending(s, d.sig)
	switch Disposition(s, d.sig) {
	case "ignored":
		d.add(name+" is ignored", "KILL ends it: "+d.kill(), rankIgnored)
	case "blocked":
		if pending {
			name += " is blocked and pending"
		} else {
			name += " is blocked"
		}
		d.add(name, "it takes effect only when a thread unblocks it; KILL ends it: "+d.kill(), rankIgnored)
	case "caught":
		help := "its handler decides, and killwait sends KILL after 5s: "
		if d.st.PID == 1 {
			help = "its handler decides: "
		}
		d.add(name+" is caught", help+killwait(d.sig, d.st.PID), rankCaught)
	default:
		switch {
		case pending:
			d.add(name+" is pending", "it takes effect as soon as the process runs", rankCaught)
		case !d.sig.Ends() && !d.sig.Stops():
			d.add(name+" ends no process by default", "KILL ends it: "+d.kill(), rankIgnored)
		}
	}
}

// shellWord returns a path as a word for a shell.
func shellWord(path string) string {
	path = show.Lines(strings.ReplaceAll(path, "\n", `\n`))
	plain := func(r rune) bool {
		return r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || strings.ContainsRune("/._-:@+,=%", r)
	}
	if path != "" && !strings.ContainsFunc(path, func(r rune) bool { return !plain(r) }) {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
