package kernel

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"killbox/internal/child"

	"golang.org/x/sys/unix"
)

// Launch starts a program and returns its PID once execve(2) has succeeded. It does not use os/exec or
// syscall.ForkExec: the child gets the dispositions that this program inherited, which this process must not have even
// for a moment, or an ignored SIGCHLD would lose the status of a child. The error is a *child.LaunchError.
func (k *Kernel) Launch(l *child.Spec) (int, error) {
	path, err := l.Path, error(nil)
	if path == "" {
		if path, err = lookPath(l.Argv[0], l.Env); err != nil {
			return 0, err
		}
	}
	pid, err := k.launch(l, path, l.Argv)
	if errors.Is(err, unix.ENOEXEC) {
		// A script without an interpreter's name, as execvp(3) takes it.
		pid, err = k.launch(l, "/bin/sh", append([]string{"sh", path}, l.Argv[1:]...))
	}
	var errno unix.Errno
	if errors.As(err, &errno) && !errors.As(err, new(*child.LaunchError)) {
		code := child.CannotExec
		if errno == unix.ENOENT && !pathExists(path) {
			code = child.NotFound
		}
		err = &child.LaunchError{Code: code, Name: l.Argv[0], Err: errno}
	}
	k.command = pid
	return pid, err
}

// pathExists reports whether there is a file at path.
func pathExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// lookPath searches PATH as execvp(3) does: a file that cannot be executed decides the error only if no other file is
// found.
func lookPath(name string, env []string) (string, error) {
	missing := &child.LaunchError{Code: child.NotFound, Name: name, Err: unix.ENOENT}
	if name == "" {
		return "", missing
	}
	if strings.Contains(name, "/") {
		return name, nil // execve(2) returns the error
	}
	dirs := "/bin:/usr/bin" // confstr(_CS_PATH)
	for _, entry := range env {
		if value, ok := strings.CutPrefix(entry, "PATH="); ok {
			dirs = value
			break
		}
	}
	for _, dir := range strings.Split(dirs, ":") {
		path := filepath.Join(dir, name)
		if dir == "" {
			path = "./" + name
		}
		info, err := os.Stat(path)
		if err != nil {
			if errors.Is(err, unix.EACCES) {
				missing.Code, missing.Err = child.CannotExec, unix.EACCES
			}
			continue
		}
		if info.Mode().IsRegular() && unix.Access(path, unix.X_OK) == nil {
			return path, nil
		}
		missing.Code, missing.Err = child.CannotExec, unix.EACCES
	}
	return "", missing
}

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

// launch starts the program at path and waits until execve(2) has succeeded or failed.
func (k *Kernel) launch(l *child.Spec, path string, argv []string) (int, error) {
	c := &forkArgs{
		mask: k.inherited.mask, ignored: k.inherited.ignored, ignoreAct: ignoreDisposition(), nofile: k.inherited.nofile,
		setsid: l.Session, setpgid: l.Group && !l.Session, terminalFD: l.TerminalFD, nullFD: l.NullFD, inheritFD: l.InheritFD,
		sigset: sigsetSize(), flags: [2]uintptr{uintptr(unix.SIGCHLD), 0},
	}
	for _, sig := range l.ResetIgnored {
		c.ignored[sig] = false
	}
	for _, sig := range l.Unblock {
		c.mask.remove(unix.Signal(sig))
	}
	if l.DeathSignal != 0 {
		// The kernel sends the signal when the thread that forks ends, so this thread must not end.
		runtime.LockOSThread()
		c.deathSignal, c.parent = uintptr(l.DeathSignal), uintptr(os.Getpid())
	}
	if runtime.GOARCH == "s390x" {
		c.flags[0], c.flags[1] = c.flags[1], c.flags[0] // the stack comes first
	}
	var err error
	if c.path, err = unix.BytePtrFromString(path); err != nil {
		return 0, err
	}
	argp, err := syscall.SlicePtrFromStrings(argv)
	if err != nil {
		return 0, err
	}
	env, ownPID := passServicePID(l.Env, os.Getpid())
	envp, err := syscall.SlicePtrFromStrings(env)
	if err != nil {
		return 0, err
	}
	for _, i := range ownPID {
		entry := append([]byte(env[i]), make([]byte, pidDigits+1)...)
		envp[i] = &entry[0]
		c.ownPID = append(c.ownPID, &entry[len(env[i])])
	}
	c.argv, c.env = &argp[0], &envp[0]
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return 0, launchFailure("pipe", err)
	}
	defer unix.Close(pipe[0])
	c.errorPipe = pipe[1]
	if c.errorPipe < 3 {
		// The child may replace descriptors 0 and 1.
		c.errorPipe, err = unix.FcntlInt(uintptr(pipe[1]), unix.F_DUPFD_CLOEXEC, 3)
		unix.Close(pipe[1])
		if err != nil {
			return 0, launchFailure("pipe", err)
		}
	}
	pid, errno := fork(c)
	unix.Close(c.errorPipe)
	if errno != 0 {
		return 0, launchFailure("fork", errno)
	}
	var why [4]byte
	n, err := 0, error(unix.EINTR)
	for err == unix.EINTR {
		n, err = unix.Read(pipe[0], why[:])
	}
	if n < len(why) {
		return pid, nil
	}
	for {
		if _, err := unix.Wait4(pid, nil, 0, nil); err != unix.EINTR {
			break
		}
	}
	return 0, unix.Errno(*(*uint32)(unsafe.Pointer(&why)))
}

// pidDigits is the number of digits that a PID has at most.
const pidDigits = 10

// passServicePID prepares an environment for a child. A variable by which a service manager names this process is to name
// the child (sd_listen_fds(3), sd_watchdog_enabled(3)): the value of LISTEN_PID and WATCHDOG_PID is cut off, and ownPID
// holds the indices of these entries. LISTEN_PIDFDID, which names the process by its pidfd inode as well, is dropped:
// without it LISTEN_PID alone counts.
func passServicePID(env []string, pid int) (named []string, ownPID []int) {
	self := strconv.Itoa(pid)
	names := func(entry, name string) bool { return entry == name+"="+self }
	listens := slices.ContainsFunc(env, func(entry string) bool { return names(entry, "LISTEN_PID") })
	for _, entry := range env {
		switch {
		case listens && strings.HasPrefix(entry, "LISTEN_PIDFDID="):
			continue
		case names(entry, "LISTEN_PID"), names(entry, "WATCHDOG_PID"):
			ownPID = append(ownPID, len(named))
			entry = strings.TrimSuffix(entry, self)
		}
		named = append(named, entry)
	}
	return named, ownPID
}

// launchFailure returns the error of a Launch that has started no process.
func launchFailure(what string, err error) error {
	return &child.LaunchError{Code: child.Failed, Name: "cannot start a process", Err: fmt.Errorf("%s: %w", what, err)}
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
