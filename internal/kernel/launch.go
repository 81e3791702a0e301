package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"killbox/internal/child"

	"golang.org/x/sys/unix"
)

// Launch starts a program and returns its PID when execve(2) has succeeded. The child gets the dispositions that this
// program inherited. os/exec and syscall.ForkExec pass on the dispositions of this process, so this process itself
// would have to ignore signals for a moment. While it ignores SIGCHLD, the kernel discards the status of a child that
// ends. The error is a *child.LaunchError, or child.ErrHalfLost.
func (k *Kernel) Launch(l *child.Spec) (int, error) {
	path, err := l.Path, error(nil)
	if path == "" {
		if path, err = lookPath(l.Argv[0], l.Env); err != nil {
			return 0, joinedError(err, l)
		}
	}
	if l.DeathSignal != 0 {
		// The kernel sends DeathSignal when the thread that forked the child ends. This goroutine keeps the thread.
		runtime.LockOSThread()
	}
	pid, stopped, err := k.launch(l, path, l.Argv)
	if errors.Is(err, unix.ENOEXEC) {
		// A script without #!: run it by /bin/sh, as execvp(3) does.
		before := stopped
		pid, stopped, err = k.launch(l, "/bin/sh", append([]string{"sh", path}, l.Argv[1:]...))
		stopped = stopped || before
	}
	if stopped && err == nil && l.TerminalFD >= 0 {
		unix.Kill(-pid, unix.SIGTSTP) // ^Z was meant for the foreground group alone
	}
	var errno unix.Errno
	if errors.As(err, &errno) && !errors.As(err, new(*child.LaunchError)) {
		code := child.CannotExec
		if errno == unix.ENOENT && !pathExists(path) {
			code = child.NotFound
		}
		err = joinedError(&child.LaunchError{Code: code, Name: l.Argv[0], Err: errno}, l)
	}
	k.commandPID = pid
	if err != nil && k.halfLost() != nil {
		err = child.ErrHalfLost // the group that the program was to join is gone as well
	}
	return pid, err
}

// joinedError sets Joined in the error of a program that does not exist.
func joinedError(err error, l *child.Spec) error {
	e := new(child.LaunchError)
	if words := strings.Fields(l.Argv[0]); errors.As(err, &e) && e.Code == child.NotFound && len(words) > 1 {
		path, pathErr := lookPath(words[0], l.Env)
		e.Joined = pathErr == nil && executable(path)
	}
	return err
}

// executable reports whether path is a regular file that this process may execute.
func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && unix.Access(path, unix.X_OK) == nil
}

// pathExists reports whether there is a file at path.
func pathExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// lookPath searches PATH as execvp(3) does. If no file can be executed, the error is EACCES if one was found without
// permission, and ENOENT otherwise.
func lookPath(name string, env []string) (string, error) {
	missing := &child.LaunchError{Code: child.NotFound, Name: name, Err: unix.ENOENT}
	if name == "" {
		return "", missing
	}
	if strings.Contains(name, "/") {
		return name, nil // without a check: execve(2) returns the error
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

// newForkArgs returns the forkArgs of a program, without its path, arguments and environment.
func (k *Kernel) newForkArgs(l *child.Spec) *forkArgs {
	c := &forkArgs{
		mask: k.inherited.mask, ignored: k.inherited.ignored, ignoreAct: ignoreDisposition(), nofile: k.inherited.nofile,
		setsid: l.Session, setpgid: l.Group && !l.Session, terminalFD: l.TerminalFD, nullFD: l.NullFD,
		outputFD: l.OutputFD, errorFD: l.ErrorFD, inheritFDs: l.InheritFDs,
		sigset: sigsetSize(), flags: [2]uintptr{uintptr(unix.SIGCHLD), 0},
	}
	for _, sig := range l.ResetIgnored {
		c.ignored[sig] = false
	}
	for _, sig := range l.Unblock {
		c.mask.remove(unix.Signal(sig))
	}
	if !c.setsid && !c.setpgid && k.IsInner() && k.half.group != 0 {
		c.setpgid, c.group = true, uintptr(k.half.group) // the command is in the group of the outer half
	}
	if l.PIDNamespace {
		c.flags[0] |= unix.CLONE_NEWPID | unix.CLONE_NEWNS
		c.procDir, c.rootDir, c.procType = &[]byte("/proc\x00")[0], &[]byte("/\x00")[0], &[]byte("proc\x00")[0]
	}
	if l.DeathSignal != 0 {
		c.deathSignal, c.parent = uintptr(l.DeathSignal), uintptr(os.Getpid())
	}
	if runtime.GOARCH == "s390x" {
		c.flags[0], c.flags[1] = c.flags[1], c.flags[0] // on s390x, clone(2) takes the stack before the flags
	}
	return c
}

// launch forks a child that executes the program at path, and waits until execve(2) has succeeded or failed. stopped is
// that of awaitInput. With l.DeathSignal the goroutine must be locked to its thread.
func (k *Kernel) launch(l *child.Spec, path string, argv []string) (pid int, stopped bool, err error) {
	c := k.newForkArgs(l)
	if c.path, err = unix.BytePtrFromString(path); err != nil {
		return 0, false, err
	}
	argp, err := syscall.SlicePtrFromStrings(argv)
	if err != nil {
		return 0, false, err
	}
	env, ownPID := passServicePID(l.Env, os.Getpid())
	envp, err := syscall.SlicePtrFromStrings(env)
	if err != nil {
		return 0, false, err
	}
	for _, i := range ownPID {
		entry := append([]byte(env[i]), make([]byte, pidDigits+1)...)
		envp[i] = &entry[0]
		c.ownPID = append(c.ownPID, &entry[len(env[i])])
	}
	c.argv, c.env = &argp[0], &envp[0]
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return 0, false, launchFailure("pipe", err)
	}
	defer unix.Close(pipe[0])
	c.errorPipe = pipe[1]
	if c.errorPipe < 3 {
		// With a nullFD, the child replaces descriptors 0 and 1, so errorPipe must be another descriptor.
		c.errorPipe, err = unix.FcntlInt(uintptr(pipe[1]), unix.F_DUPFD_CLOEXEC, 3)
		unix.Close(pipe[1])
		if err != nil {
			return 0, false, launchFailure("pipe", err)
		}
	}
	pid, errno := fork(c)
	unix.Close(c.errorPipe)
	if errno != 0 {
		return 0, false, launchFailure("fork", errno)
	}
	var why [4]byte
	n, stopped := awaitInput(pipe[0], pid, why[:])
	if n < len(why) {
		return pid, stopped, nil
	}
	unix.Kill(pid, unix.SIGKILL) // it may be stopped, or about to stop
	_, _ = reap(pid)
	return 0, stopped, unix.Errno(binary.NativeEndian.Uint32(why[:]))
}

// awaitInput reads from fd, which does not block and from which this process learns that the child pid has started. It
// returns the number of bytes, 0 at end of file. A signal of the terminal (^Z) can stop the child before that. Then
// awaitInput resumes the child, and stopped is true. If the signal was sent to the process group in which the child was
// forked, this process or the outer half of the pair got it as well, and forwards it afterwards or stops.
func awaitInput(fd, pid int, b []byte) (n int, stopped bool) {
	const longest = 1000 // in milliseconds
	for pause := 10; ; pause = min(2*pause, longest) {
		// The order matters: a child that stops itself after it has started is not resumed.
		stop := stoppedByTerminal(pid)
		n, err := unix.Read(fd, b)
		if err != unix.EAGAIN && err != unix.EINTR {
			return max(n, 0), stopped
		}
		if stop && err == unix.EAGAIN {
			unix.Kill(pid, unix.SIGCONT)
			stopped = true
		}
		unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, pause)
	}
}

// readOnce reads from fd, and returns the number of bytes: 0 at end of file or after an error.
func readOnce(fd int, b []byte) int {
	for {
		n, err := unix.Read(fd, b)
		if err != unix.EINTR {
			return max(n, 0)
		}
	}
}

// reap waits until a child of this process has ended, and reaps it. With __WALL it waits also for one that was cloned
// without a termination signal (wait(2)).
func reap(pid int) (ws unix.WaitStatus, err error) {
	for err = unix.EINTR; err == unix.EINTR; {
		_, err = unix.Wait4(pid, &ws, unix.WALL, nil)
	}
	return ws, err
}

// stoppedByTerminal reports whether TSTP, TTIN or TTOU, and not STOP, has stopped a child.
func stoppedByTerminal(pid int) bool {
	info, _ := waitidInfo(unix.P_PID, pid, unix.WSTOPPED|unix.WNOHANG|unix.WNOWAIT) // all zeros after an error
	return info.code == cldStopped && unix.Signal(info.status) != unix.SIGSTOP
}

// pidDigits is the number of decimal digits that a 32-bit PID has at most.
const pidDigits = 10

// launchFailure returns the error of Launch when no process was started.
func launchFailure(what string, err error) error {
	return &child.LaunchError{Code: child.Failed, Name: "cannot start a process", Err: fmt.Errorf("%s: %w", what, err)}
}
