package kernel

import (
	"runtime"
	"syscall"
	"unsafe"

	"killbox/internal/child"

	"golang.org/x/sys/unix"
)

// forkArgs is what the child needs between clone(2) and execve(2). The parent prepares all of it, because the child
// must not allocate memory.
type forkArgs struct {
	path       *byte
	argv, env  **byte
	ownPID     []*byte // places in env where the child writes its PID in decimal
	mask       sigset
	ignored    [numSignals + 1]bool
	ignoreAct  disposition
	defaultAct disposition
	nofile     *[2]uint64 // soft and hard RLIMIT_NOFILE; nil: unchanged
	setsid     bool
	setpgid    bool
	group      uintptr // with setpgid: the process group to join, or 0 for one of its own
	terminalFD int     // this and the next four are those of child.Spec; -1: none
	nullFD     int
	outputFD   int
	errorFD    int
	inheritFDs []int
	// procDir, rootDir and procType are "/proc", "/" and "proc", if a /proc is to be mounted; nil otherwise.
	procDir, rootDir, procType *byte
	errorPipe                  int // write end of the pipe for the errno of a failed child
	deathSignal                uintptr
	parent                     uintptr    // the PID of this process
	sigset                     uintptr    // size of a signal set in bytes
	flags                      [2]uintptr // the first two arguments of clone(2)
}

// fork starts the child. It blocks every signal meanwhile, so that no handler of the Go runtime runs in the child: the
// child has only one of the runtime's threads.
func fork(c *forkArgs) (int, unix.Errno) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	restore := blockSignals()
	pid, errno := forkChild(c)
	restore()
	runtime.KeepAlive(c)
	return int(pid), errno
}

// forkChild clones this process and returns in the parent only. The child executes the program or, on failure, writes
// the errno to errorPipe and exits. The child may make only raw system calls: it must neither allocate memory nor grow
// the stack, so every function that it calls is nosplit.
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
		errno = mountProc(c)
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

// setDispositions ignores the signals in c.ignored, and resets all other signals to SIG_DFL.
//
//go:nosplit
//go:norace
//go:nocheckptr
func setDispositions(c *forkArgs) {
	for sig := uintptr(1); sig <= uintptr(numSignals); sig++ {
		act := uintptr(unsafe.Pointer(&c.defaultAct))
		if c.ignored[sig] {
			act = uintptr(unsafe.Pointer(&c.ignoreAct))
		}
		syscall.RawSyscall6(unix.SYS_RT_SIGACTION, sig, act, 0, c.sigset, 0, 0)
	}
}

// writeOwnPID writes the PID of the child into the environment entries that must contain it (see passServicePID).
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
		for rest := pid; rest > 0; rest /= 10 {
			size++
		}
		// No leading zeros: with them strtoul(3) would read an octal number. The bytes after the digits are zero.
		for rest := pid; rest > 0; rest /= 10 {
			size--
			*(*byte)(unsafe.Add(unsafe.Pointer(at), size)) = byte('0' + rest%10)
		}
	}
}

// joinGroup gives the child a session of its own, or moves it into a process group, its own or c.group, as c asks for,
// and puts its group into the foreground of the terminal.
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
		if _, _, errno := syscall.RawSyscall6(unix.SYS_SETPGID, 0, c.group, 0, 0, 0, 0); errno != 0 {
			return errno
		}
	}
	if c.terminalFD >= 0 {
		// fork has blocked SIGTTOU, so the kernel permits TIOCSPGRP to a background process, too.
		pid, _, _ := syscall.RawSyscall6(unix.SYS_GETPID, 0, 0, 0, 0, 0, 0)
		self := uint32(pid)
		syscall.RawSyscall6(unix.SYS_IOCTL, uintptr(c.terminalFD), unix.TIOCSPGRP, uintptr(unsafe.Pointer(&self)), 0, 0, 0)
	}
	return 0
}

// setDescriptors replaces standard input and output by nullFD, standard output by outputFD and standard error by
// errorFD, clears FD_CLOEXEC of inheritFDs, and sets the limit of open files.
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
	if c.outputFD >= 0 {
		if _, _, errno := syscall.RawSyscall6(unix.SYS_DUP3, uintptr(c.outputFD), 1, 0, 0, 0, 0); errno != 0 {
			return errno
		}
	}
	if c.errorFD >= 0 {
		if _, _, errno := syscall.RawSyscall6(unix.SYS_DUP3, uintptr(c.errorFD), 2, 0, 0, 0, 0); errno != 0 {
			return errno
		}
	}
	for i := 0; i < len(c.inheritFDs); i++ {
		syscall.RawSyscall6(fcntl, uintptr(c.inheritFDs[i]), unix.F_SETFD, 0, 0, 0, 0)
	}
	if c.nofile != nil {
		syscall.RawSyscall6(unix.SYS_PRLIMIT64, 0, unix.RLIMIT_NOFILE, uintptr(unsafe.Pointer(c.nofile)), 0, 0, 0)
	}
	return 0
}

// setDeathSignal makes the kernel send deathSignal to the child when its parent ends. The error is ESRCH if the parent
// has already ended, because then the kernel would never send the signal.
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

// mountProc mounts the /proc of the new PID namespace. The mounts of the new mount namespace become slaves first, so
// that the caller's namespace does not see the new mount.
//
//go:nosplit
//go:norace
//go:nocheckptr
func mountProc(c *forkArgs) syscall.Errno {
	if c.procDir == nil {
		return 0
	}
	_, _, errno := syscall.RawSyscall6(unix.SYS_MOUNT, 0, uintptr(unsafe.Pointer(c.rootDir)), 0, unix.MS_REC|unix.MS_SLAVE, 0, 0)
	if errno == 0 {
		_, _, errno = syscall.RawSyscall6(unix.SYS_MOUNT, uintptr(unsafe.Pointer(c.procType)), uintptr(unsafe.Pointer(c.procDir)),
			uintptr(unsafe.Pointer(c.procType)), unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, 0, 0)
	}
	return errno
}

// fcntl is the number of the system call. 32-bit machines also have fcntl64, in which F_SETFD is the same.
const fcntl = unix.SYS_FCNTL
