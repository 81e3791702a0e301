package kernel

import (
	"os"

	"golang.org/x/sys/unix"
)

// OpenLog opens a file for appending, creates it if it does not exist, and makes it the standard output of this
// process. A FIFO without a reader is an error: the open would block.
func (k *Kernel) OpenLog(path string) error {
	const flags = unix.O_WRONLY | unix.O_APPEND | unix.O_CREAT | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC
	fd, err := unix.Open(path, flags, 0o666)
	for err == unix.EINTR {
		fd, err = unix.Open(path, flags, 0o666)
	}
	if err != nil {
		return &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	// Processes that inherit the file must block when a FIFO is full.
	if err := unix.SetNonblock(fd, false); err != nil {
		return &os.PathError{Op: "fcntl", Path: path, Err: err}
	}
	return replaceDescriptor(fd, 1)
}

// RedirectErrors makes standard error a duplicate of standard output. undo restores what it was; keep gives up the
// descriptor for that, so that the reader of a pipe sees the end of the file. One of the two must be called.
func (k *Kernel) RedirectErrors() (undo, keep func(), err error) {
	saved, err := unix.FcntlInt(2, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, nil, os.NewSyscallError("fcntl", err)
	}
	if err := replaceDescriptor(1, 2); err != nil {
		unix.Close(saved)
		return nil, nil, err
	}
	keep = func() { unix.Close(saved) }
	undo = func() {
		_ = replaceDescriptor(saved, 2) // an error would have nowhere to be printed
		unix.Close(saved)
	}
	return undo, keep, nil
}

// replaceDescriptor makes the descriptor number to a duplicate of fd, which children of this process inherit.
func replaceDescriptor(fd, to int) error {
	err := unix.Dup3(fd, to, 0)
	for err == unix.EINTR || err == unix.EBUSY {
		err = unix.Dup3(fd, to, 0)
	}
	return os.NewSyscallError("dup3", err)
}
