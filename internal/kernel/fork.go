package kernel

import (
	"runtime"
	"syscall"
	"unsafe"

	"killbox/internal/child"

	"golang.org/x/sys/unix"
)

// forkArgs is all that the child needs between fork and execve(2).
type forkArgs struct {
	path        *byte
	argv, env   **byte
	ownPID      []*byte // where the child writes its PID, in decimal digits
	mask        sigset
	ignored     [numSignals + 1]bool
	ignoreAct   [64]byte
	defaultAct  [64]byte
	nofile      *[2]uint64
	setsid      bool
	setpgid     bool
	terminalFD  int
	nullFD      int
	inheritFD   int
	errorPipe   int
	deathSignal uintptr
	parent      uintptr
	sigset      uintptr
	flags       [2]uintptr
}

// fork starts the child with every signal blocked, so that no handler of the Go runtime runs in the child, which has
// none of the runtime's other threads.
func fork(c *forkArgs) (int, unix.Errno) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	restore := blockSignals()
	pid, errno := forkChild(c)
	restore()
	runtime.KeepAlive(c)
	return int(pid), errno
}

// forkChild clones this process, and returns in the parent only. In the child only raw system calls are allowed: no
// allocation, and no growth of the stack, so all functions that it calls are nosplit.
//
//go:noinline
//go:norace
//go:nocheckptr
func forkChild(c *forkArgs) (uintptr, syscall.Errno) {
	pid, _, errno := syscall.RawSyscall6(unix.SYS_CLONE, c.flags[0], c.flags[1], 0, 0, 0, 0)
	if errno != 0 || pid != 0 {
		return pid, errno
	}
	setDispositions(c)
	writeOwnPID(c)
	if errno = joinGroup(c); errno == 0 {
		errno = setDescriptors(c)
	}
	if errno == 0 {
		errno = setDeathSignal(c)
	}
	if errno == 0 {
		syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&c.mask)), 0, c.sigset, 0, 0)
		_, _, errno = syscall.RawSyscall6(unix.SYS_EXECVE,
			uintptr(unsafe.Pointer(c.path)), uintptr(unsafe.Pointer(c.argv)), uintptr(unsafe.Pointer(c.env)), 0, 0, 0)
	}
	why := uint32(errno)
	syscall.RawSyscall6(unix.SYS_WRITE, uintptr(c.errorPipe), uintptr(unsafe.Pointer(&why)), 4, 0, 0, 0)
	for {
		syscall.RawSyscall6(unix.SYS_EXIT_GROUP, child.Failed, 0, 0, 0, 0, 0)
	}
}

// setDispositions ignores the signals that the child is to ignore, and resets the others.
//
//go:nosplit
//go:norace
//go:nocheckptr
func setDispositions(c *forkArgs) {
	for sig := uintptr(1); sig <= numSignals; sig++ {
		act := uintptr(unsafe.Pointer(&c.defaultAct))
		if c.ignored[sig] {
			act = uintptr(unsafe.Pointer(&c.ignoreAct))
		}
		syscall.RawSyscall6(unix.SYS_RT_SIGACTION, sig, act, 0, c.sigset, 0, 0)
	}
}

// writeOwnPID writes the PID of the child into the entries of the environment that name it.
//
//go:nosplit
//go:norace
//go:nocheckptr
func writeOwnPID(c *forkArgs) {
	if len(c.ownPID) == 0 {
		return
	}
	pid, _, _ := syscall.RawSyscall6(unix.SYS_GETPID, 0, 0, 0, 0, 0, 0)
	for _, at := range c.ownPID {
		size := uintptr(0)
		for left := pid; left > 0; left /= 10 {
			size++
		}
		// No leading zeros: strtoul(3) would read an octal number. The bytes after it are zero.
		for left := pid; left > 0; left /= 10 {
			size--
			*(*byte)(unsafe.Add(unsafe.Pointer(at), size)) = byte('0' + left%10)
		}
	}
}

// joinGroup makes the child the leader of a session or group of its own, and puts that into the foreground of the
// terminal.
//
//go:nosplit
//go:norace
//go:nocheckptr
func joinGroup(c *forkArgs) syscall.Errno {
	if c.setsid {
		if _, _, errno := syscall.RawSyscall6(unix.SYS_SETSID, 0, 0, 0, 0, 0, 0); errno != 0 {
			return errno
		}
	}
	if c.setpgid {
		if _, _, errno := syscall.RawSyscall6(unix.SYS_SETPGID, 0, 0, 0, 0, 0, 0); errno != 0 {
			return errno
		}
	}
	if c.terminalFD >= 0 {
		// SIGTTOU is blocked here, so the kernel allows this to a background process, too.
		pid, _, _ := syscall.RawSyscall6(unix.SYS_GETPID, 0, 0, 0, 0, 0, 0)
		self := uint32(pid)
		syscall.RawSyscall6(unix.SYS_IOCTL, uintptr(c.terminalFD), unix.TIOCSPGRP, uintptr(unsafe.Pointer(&self)), 0, 0, 0)
	}
	return 0
}

// setDescriptors replaces standard input and output, and lets the child inherit one more descriptor. It also sets the
// limit of open files.
//
//go:nosplit
//go:norace
//go:nocheckptr
func setDescriptors(c *forkArgs) syscall.Errno {
	if c.nullFD >= 0 {
		if _, _, errno := syscall.RawSyscall6(unix.SYS_DUP3, uintptr(c.nullFD), 0, 0, 0, 0, 0); errno != 0 {
			return errno
		}
		if _, _, errno := syscall.RawSyscall6(unix.SYS_DUP3, uintptr(c.nullFD), 1, 0, 0, 0, 0); errno != 0 {
			return errno
		}
	}
	if c.inheritFD >= 0 {
		syscall.RawSyscall6(fcntl, uintptr(c.inheritFD), unix.F_SETFD, 0, 0, 0, 0)
	}
	if c.nofile != nil {
		syscall.RawSyscall6(unix.SYS_PRLIMIT64, 0, unix.RLIMIT_NOFILE, uintptr(unsafe.Pointer(c.nofile)), 0, 0, 0)
	}
	return 0
}

// setDeathSignal makes the kernel send the child a signal when this process ends. The error is ESRCH if it has ended
// already.
//
//go:nosplit
//go:norace
//go:nocheckptr
func setDeathSignal(c *forkArgs) syscall.Errno {
	if c.deathSignal == 0 {
		return 0
	}
	syscall.RawSyscall6(unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, c.deathSignal, 0, 0, 0, 0)
	if ppid, _, _ := syscall.RawSyscall6(unix.SYS_GETPPID, 0, 0, 0, 0, 0, 0); ppid != c.parent {
		return unix.ESRCH
	}
	return 0
}

// fcntl is the system call; F_SETFD is the same in its 64-bit variant.
const fcntl = unix.SYS_FCNTL
