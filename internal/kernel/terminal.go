package kernel

import (
	"os"
	"runtime"

	"killbox/procfs"

	"golang.org/x/sys/unix"
)

// Terminal returns a descriptor of the terminal if this process is in its foreground, and if both standard input and
// output are that terminal: in a pipeline the other processes are in the foreground as well, and it may not be given
// away.
func (k *Kernel) Terminal() (fd int, ok bool) {
	for _, fd := range []int{0, 1} {
		if !k.InForeground(fd) {
			return -1, false
		}
	}
	// A descriptor of its own, marked to be closed on exec, so that the command cannot close it.
	fd, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 3)
	return fd, err == nil
}

// InForeground reports whether the process group of this process is in the foreground of the terminal.
func (k *Kernel) InForeground(fd int) bool {
	group, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

// SetForeground puts a process group into the foreground of the terminal; 0 is the group of this process.
func (k *Kernel) SetForeground(fd, group int) error {
	if group == 0 {
		group = unix.Getpgrp()
	}
	// From the background the call would stop this process, unless SIGTTOU is blocked.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer blockSignals()()
	return unix.IoctlSetPointerInt(fd, unix.TIOCSPGRP, group)
}

// StopSelf stops this process as SIGTSTP does, and returns true when it has been resumed. The kernel does not stop
// PID 1, nor a member of an orphaned process group: then StopSelf returns false at once.
func (k *Kernel) StopSelf() bool {
	if os.Getpid() == 1 || k.orphanedGroup() {
		return false
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var old disposition
	rtSigaction(int(unix.SIGTSTP), &disposition{}, &old)
	// To this thread, which therefore stops before the call returns.
	unix.Tgkill(os.Getpid(), unix.Gettid(), unix.SIGTSTP)
	rtSigaction(int(unix.SIGTSTP), &old, nil)
	return true
}

// orphanedGroup reports whether this process's group is orphaned: no member has a parent in another group of
// the same session (setpgid(2), kernel/exit.c will_become_orphaned_pgrp).
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
		if st.PGID != pgid || st.Gone() {
			continue
		}
		if parent := snap.Lookup(st.PPID); parent != nil && parent.SID == session && parent.PGID != pgid {
			return false
		}
	}
	return true
}
