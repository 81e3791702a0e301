// Package file opens files without the Go runtime's poller, which takes two
// descriptors: where those cannot be had, the runtime ends the program with a trace.
package file

import (
	"io/fs"
	"os"
	"syscall"
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
