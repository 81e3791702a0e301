package kernel

import (
	"os"
	"runtime"

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

// InForeground reports whether the process group of this process is in the foreground of the terminal fd.
func (k *Kernel) InForeground(fd int) bool {
	group, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

// SetForeground puts a process group into the foreground of the terminal fd. Group 0 is the process group of this
// process.
func (k *Kernel) SetForeground(fd, group int) error {
	if group == 0 {
		group = unix.Getpgrp()
	}
	// In a background process the ioctl(2) raises SIGTTOU, which stops the process unless the signal is blocked.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer blockSignals()()
	return unix.IoctlSetPointerInt(fd, unix.TIOCSPGRP, group)
}

// StopSelf stops this process as SIGTSTP does by default, and returns true after this process was resumed. The kernel
// does not stop PID 1, nor a member of an orphaned process group. In these cases StopSelf returns false at once.
func (k *Kernel) StopSelf() bool {
	if os.Getpid() == 1 || k.orphanedGroup() {
		return false
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var old disposition
	rtSigaction(int(unix.SIGTSTP), &disposition{}, &old)
	// The signal goes to this thread, which stops before tgkill(2) returns.
	unix.Tgkill(os.Getpid(), unix.Gettid(), unix.SIGTSTP)
	rtSigaction(int(unix.SIGTSTP), &old, nil)
	return true
}

// orphanedGroup reports whether the process group of this process is orphaned: no member has a parent in another group
// of the same session (setpgid(2), will_become_orphaned_pgrp in kernel/exit.c).
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
