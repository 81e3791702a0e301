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

// Background starts this program again as argv says, in a session of its own,
// without standard input and output. Its name is name and the number of a
// descriptor, to which it is to write a line.
func (k *Kernel) Background(name string, argv, env []string) (string, error) {
	null, err := unix.Open(os.DevNull, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", &os.PathError{Op: "open", Path: os.DevNull, Err: err}
	}
	defer unix.Close(null)
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return "", os.NewSyscallError("pipe", err)
	}
	theirs, err := unix.FcntlInt(uintptr(pipe[1]), unix.F_DUPFD_CLOEXEC, 3)
	unix.Close(pipe[1])
	if err != nil {
		unix.Close(pipe[0])
		return "", os.NewSyscallError("fcntl", err)
	}
	l := child.NewLaunch(append([]string{name + strconv.Itoa(theirs)}, argv[1:]...), env)
	l.Path, l.Session, l.Null, l.Keep = k.opts.Self, true, null, theirs
	pid, err := k.Launch(l)
	unix.Close(theirs)
	defer unix.Close(pipe[0])
	if err != nil {
		return "", fmt.Errorf("cannot go into the background: %w", errors.Unwrap(err))
	}
	var line [64]byte
	n, err := 0, error(unix.EINTR)
	for err == unix.EINTR {
		n, err = unix.Read(pipe[0], line[:])
	}
	n = max(n, 0)
	if !strings.HasPrefix(string(line[:n]), "handle ") {
		for { // nothing is left when we say so
			if _, err := unix.Wait4(pid, nil, 0, nil); err != unix.EINTR {
				break
			}
		}
	}
	return string(line[:n]), nil
}

// Inherited keeps a descriptor from our children.
func (k *Kernel) Inherited(fd int) { unix.CloseOnExec(fd) }

// WriteTo returns a writer to a descriptor that the caller has opened. Those
// that this process opened itself are all closed on exec, which one that came
// through an exec cannot be.
func (k *Kernel) WriteTo(fd int) (interface{ Write([]byte) (int, error) }, error) {
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
