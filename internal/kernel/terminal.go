package kernel

import (
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Terminal returns a descriptor of our terminal if we have its foreground, and
// both standard input and output are it: between other stages of a pipeline the
// foreground is theirs as well, and not ours to give.
func (k *Kernel) Terminal() (fd int, ok bool) {
	for _, fd := range []int{0, 1} {
		if !k.Foreground(fd) {
			return -1, false
		}
	}
	// One that the command's descriptors are not, and it cannot close.
	fd, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 3)
	return fd, err == nil
}

// Foreground tells whether our group has the foreground of the terminal.
func (k *Kernel) Foreground(fd int) bool {
	group, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

// GiveTerminal gives the foreground to a process group, 0 being ours.
func (k *Kernel) GiveTerminal(fd, group int) error {
	if group == 0 {
		group = unix.Getpgrp()
	}
	// From the background this would stop us, unless SIGTTOU is blocked.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer blockSignals()()
	return unix.IoctlSetPointerInt(fd, unix.TIOCSPGRP, group)
}

// Stop stops this process as SIGTSTP does, and returns when it goes on. In a
// process group that nobody could wake, an orphaned one, the kernel takes no
// notice, and Stop returns at once.
func (k *Kernel) Stop() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var standard, old [64]byte
	size := sigsetSize()
	syscall.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(unix.SIGTSTP),
		uintptr(unsafe.Pointer(&standard)), uintptr(unsafe.Pointer(&old)), size, 0, 0)
	// To this thread, which therefore stops before the call returns.
	unix.Tgkill(os.Getpid(), unix.Gettid(), unix.SIGTSTP)
	syscall.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(unix.SIGTSTP), uintptr(unsafe.Pointer(&old)), 0, size, 0, 0)
}
