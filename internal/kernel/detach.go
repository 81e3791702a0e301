package kernel

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"killbox/internal/child"

	"golang.org/x/sys/unix"
)

// StartBackground starts this program again with argv and env, in a new session and with /dev/null as standard input
// and output. The new process inherits the write end of a pipe; its argv[0] is name followed by the number of that
// descriptor. StartBackground returns what the process writes first, at most 64 bytes. If that does not begin with
// "handle ", the process has failed and StartBackground reaps it.
func (k *Kernel) StartBackground(name string, argv, env []string) (string, error) {
	null, err := unix.Open(os.DevNull, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", &os.PathError{Op: "open", Path: os.DevNull, Err: err}
	}
	defer unix.Close(null)
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return "", os.NewSyscallError("pipe", err)
	}
	writeEnd, err := unix.FcntlInt(uintptr(pipe[1]), unix.F_DUPFD_CLOEXEC, 3)
	unix.Close(pipe[1])
	if err != nil {
		unix.Close(pipe[0])
		return "", os.NewSyscallError("fcntl", err)
	}
	l := child.NewSpec(append([]string{name + strconv.Itoa(writeEnd)}, argv[1:]...), env)
	l.Path, l.Session, l.NullFD, l.InheritFDs = k.opts.Self, true, null, []int{writeEnd}
	pid, err := k.Launch(l)
	unix.Close(writeEnd)
	defer unix.Close(pipe[0])
	if err != nil {
		return "", fmt.Errorf("cannot go into the background: %w", errors.Unwrap(err))
	}
	var line [64]byte
	n := readOnce(pipe[0], line[:])
	if !strings.HasPrefix(string(line[:n]), "handle ") {
		_, _ = reap(pid) // before the caller reports the failure
	}
	return string(line[:n]), nil
}

// CloseOnExec marks an inherited descriptor to be closed on exec, so that the children of this process do not inherit
// it.
func (k *Kernel) CloseOnExec(fd int) { unix.CloseOnExec(fd) }

// WriterTo returns a writer to a descriptor that this process inherited. The error is EBADF if the descriptor is not
// open for writing. It is EBADF, too, if the descriptor has FD_CLOEXEC, because an inherited descriptor has not.
func (k *Kernel) WriterTo(fd int) (interface{ Write([]byte) (int, error) }, error) {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	mode := 0
	if err == nil {
		mode, err = unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	}
	if err == nil && (flags&unix.FD_CLOEXEC != 0 || mode&unix.O_ACCMODE == unix.O_RDONLY) {
		err = unix.EBADF
	}
	if err != nil {
		return nil, fmt.Errorf("descriptor %d: %w", fd, err)
	}
	return k.Output(fd), nil
}

// SetProcessName sets the name of this process (comm), which execve(2) has set to that of /proc/self/exe.
func (k *Kernel) SetProcessName(name string) {
	// Not by PR_SET_NAME, which names the calling thread. The name of the process is that of its first thread.
	if fd, err := unix.Open("/proc/self/comm", unix.O_WRONLY|unix.O_CLOEXEC, 0); err == nil {
		unix.Write(fd, []byte(name))
		unix.Close(fd)
	}
}
