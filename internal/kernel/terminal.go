package kernel

import (
	"os"
	"runtime"

	"killbox/internal/signals"
	"killbox/procfs"

	"golang.org/x/sys/unix"
)

// Terminal returns a descriptor of the terminal if standard input and standard output are both the terminal, and this
// process is in its foreground. In a pipeline, one of the two is a pipe. There the other processes are in the
// foreground as well, so the foreground must not be given to the command.
func (k *Kernel) Terminal() (fd int, ok bool) {
	for _, fd := range []int{0, 1} {
		if !k.InForeground(fd) {
			return -1, false
		}
	}
	// A duplicate, which the command does not inherit.
	fd, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 3)
	return fd, err == nil
}

// TerminalColumns returns the width of the terminal fd in columns; 0 if fd is no terminal, or if the width is not
// known.
func TerminalColumns(fd int) int {
	size, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ)
	if err != nil {
		return 0
	}
	return int(size.Col)
}

// InForeground reports whether the process group of this process is in the foreground of the terminal fd. In the inner
// half of a pair it is the group of the outer half.
func (k *Kernel) InForeground(fd int) bool {
	group, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP)
	return err == nil && group > 0 && group == k.jobGroup()
}

// SetForeground puts a process group into the foreground of the terminal fd. Group 0 is the process group of this
// process, or of the outer half of a pair. SetForeground does not take the foreground for group 0 from a shell that is
// an ancestor of this process: the shell has made this process a background job.
func (k *Kernel) SetForeground(fd, group int) error {
	if group == 0 {
		if k.ancestorInForeground(fd) {
			return nil
		}
		group = k.jobGroup()
	}
	// In a background process the ioctl(2) raises SIGTTOU, which stops the process unless the signal is blocked.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer blockSignals()()
	return unix.IoctlSetPointerInt(fd, unix.TIOCSPGRP, group)
}

// ancestorInForeground reports whether an ancestor of another process group is in the foreground of the terminal fd.
func (k *Kernel) ancestorInForeground(fd int) bool {
	group, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP)
	if err != nil || group <= 0 || group == k.jobGroup() || k.proc == nil {
		return false
	}
	// The leader of the session is usually the shell. If the outer half of a pair is gone, no other ancestor is known.
	if leader, err := unix.Getsid(0); err == nil {
		if g, err := unix.Getpgid(leader); err == nil && g == group {
			return true
		}
	}
	st, err := k.proc.Stat(os.Getpid())
	for err == nil && st.PPID != 0 {
		if st, err = k.proc.Stat(st.PPID); err == nil && st.PGID == group {
			return true
		}
	}
	return false
}

// StopSelf stops this process as SIGTSTP does by default, and returns true after this process was resumed. The kernel
// does not stop PID 1, nor a member of an orphaned process group. In these cases StopSelf returns false at once. In the
// inner half of a pair, it is the outer half that stops. With group, the other members of the process group are sent
// SIGTSTP, too, such as a shell script that waits for this process. A SIGTSTP that was caught before this process was
// resumed is discarded, as the kernel does with a pending one: with a ^Z, a member can receive a second SIGTSTP that
// another reapwait forwards. If a SIGCONT arrives before this process has stopped, it counts as stopped and resumed.
func (k *Kernel) StopSelf(group bool) bool {
	if k.IsInner() {
		return k.askToStop(group)
	}
	if os.Getpid() == 1 || k.orphanedGroup() {
		return false
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	restore := blockSignals()
	stop := k.raiseStop()
	var act, old disposition
	if !stop {
		act = ignoreDisposition() // discards the pending signal
	}
	rtSigaction(int(unix.SIGTSTP), &act, &old)
	if stop && group {
		unix.Kill(0, unix.SIGTSTP)
	}
	restore() // if stop, this process stops here at the latest
	rtSigaction(int(unix.SIGTSTP), &old, nil)
	if stop {
		k.discardStops()
	}
	return true
}

// raiseStop makes a SIGTSTP pending for the calling thread, which blocks all signals. It returns false if a SIGCONT has
// arrived.
func (k *Kernel) raiseStop() bool {
	if set, _ := pendingSignals(); set.has(signals.CONT) {
		return false // tgkill(2) would discard it
	}
	unix.Tgkill(os.Getpid(), unix.Gettid(), unix.SIGTSTP)
	k.caught.awaitReceived() // a SIGCONT that was caught before; a later one discards the pending SIGTSTP
	set, err := pendingSignals()
	if err == nil && !set.has(signals.TSTP) {
		return false
	}
	return !k.reaper.resumes()
}

// discardStops discards each SIGTSTP that was caught and that WaitAndReap has not returned.
func (k *Kernel) discardStops() {
	q := k.reaper
	q.addQueued()
	q.discardStopEvents(len(q.events))
}

// orphanedGroup reports whether the process group of this process is orphaned: no member has a parent in another group
// of the same session (setpgid(2), will_become_orphaned_pgrp in kernel/exit.c). A member whose parent is the inner half
// of a pair does not count, because the inner half never resumes the group.
func (k *Kernel) orphanedGroup() bool {
	pgid := unix.Getpgrp()
	session, err := unix.Getsid(0)
	if err != nil {
		return false
	}
	parent := unix.Getppid()
	if sid, err := unix.Getsid(parent); parent != 0 && err == nil && sid == session {
		if group, err := unix.Getpgid(parent); err == nil && group != pgid {
			return false
		}
	}
	var snap procfs.Snapshot
	if k.proc == nil || k.Snapshot(&snap) != nil {
		return false
	}
	for i := range snap.Procs {
		st := &snap.Procs[i]
		if st.PGID != pgid || st.Gone() || k.half != nil && st.PPID == k.half.inner {
			continue
		}
		if parent := snap.Lookup(st.PPID); parent != nil && parent.SID == session && parent.PGID != pgid {
			return false
		}
	}
	return true
}
