// Package file opens files without the poller of the Go runtime, and enlarges pipes. The poller needs two descriptors
// of its own. If they are not available, the runtime ends the program with a trace. Entry looks up users and groups.
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
