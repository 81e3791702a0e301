// Package file opens files without the poller of the Go runtime, and enlarges pipes. The poller needs two descriptors
// of its own. If they are not available, the runtime ends the program with a trace.
package file

import (
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Open opens a file for reading. It does not wait until a FIFO has a writer.
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
		// os.NewFile registers a non-blocking descriptor with the poller.
		if err := syscall.SetNonblock(fd, false); err != nil {
			_ = syscall.Close(fd)
			return nil, &fs.PathError{Op: "open", Path: path, Err: err}
		}
		return os.NewFile(uintptr(fd), path), nil
	}
}

// GrowPipe enlarges a pipe as far as possible, up to 16 MiB (F_SETPIPE_SZ in fcntl(2), Linux 2.6.35). Without
// CAP_SYS_RESOURCE /proc/sys/fs/pipe-max-size is the limit, by default 1 MiB.
func GrowPipe(fd int) {
	for size := 16 << 20; size > 64<<10; size /= 2 {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETPIPE_SZ, size); err == nil {
			return
		}
	}
}

// CanOpen returns an error if package os cannot open files. The first file that package os opens starts the poller of
// the Go runtime. The runtime ends the program if there are no descriptors for the poller, or if a sandbox refuses
// epoll(7) or eventfd(2). So call CanOpen before code that opens files by package os.
func CanOpen() error {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	defer unix.Close(epoll)
	event, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err == nil && event <= 2 {
		// A seccomp filter has trapped the call (SECCOMP_RET_TRAP, see package kernel), so the result is no
		// descriptor. On arm64 it is the first argument, 0.
		err = unix.ENOSYS
	}
	if err != nil {
		return os.NewSyscallError("eventfd2", err)
	}
	defer unix.Close(event)
	// epoll_ctl also fails if epoll_create1 or eventfd2 was trapped, because one of its arguments is no descriptor.
	if err := unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, event, &unix.EpollEvent{Events: unix.EPOLLIN}); err != nil {
		return os.NewSyscallError("epoll_ctl", err)
	}
	// Once the poller has been started, the monitor thread of the Go runtime (sysmon) calls epoll_wait, even if no
	// goroutine waits for a file. An error of this call ends the program.
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
