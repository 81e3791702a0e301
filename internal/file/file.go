// Package file opens files without the Go runtime's poller, which takes two
// descriptors: where those cannot be had, the runtime ends the program with a trace.
package file

import (
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Open opens a file for reading. It does not wait for the writer of a FIFO.
func Open(path string) (*os.File, error) {
	for {
		fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY|syscall.O_CLOEXEC, 0)
		switch err {
		case nil:
		case syscall.EINTR:
			continue
		default:
			return nil, &fs.PathError{Op: "open", Path: path, Err: err}
		}
		// os.NewFile hands what does not block to the poller.
		if err := syscall.SetNonblock(fd, false); err != nil {
			_ = syscall.Close(fd)
			return nil, &fs.PathError{Op: "open", Path: path, Err: err}
		}
		return os.NewFile(uintptr(fd), path), nil
	}
}

// CanOpen returns an error where package os cannot open a file: its first use starts the Go runtime's poller, and the
// runtime ends the program where that has no descriptors, or a sandbox refuses epoll(7) or eventfd(2).
func CanOpen() error {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	defer unix.Close(epoll)
	event, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err == nil && event <= 2 {
		err = unix.ENOSYS // trapped by a seccomp filter, see package kernel; arm64 returns the first argument
	}
	if err != nil {
		return os.NewSyscallError("eventfd2", err)
	}
	defer unix.Close(event)
	// This also fails if one of both was trapped and the result is no descriptor.
	if err := unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, event, &unix.EpollEvent{Events: unix.EPOLLIN}); err != nil {
		return os.NewSyscallError("epoll_ctl", err)
	}
	// The runtime's monitor waits from then on, whether or not a file does.
	n, err := unix.EpollWait(epoll, make([]unix.EpollEvent, 1), 0)
	if err == nil && n != 0 {
		err = unix.ENOSYS // trapped: there is no event
	}
	if err != nil {
		return os.NewSyscallError("epoll_wait", err)
	}
	f, err := Open("/")
	if err != nil {
		return err
	}
	return f.Close()
}
