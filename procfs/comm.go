package procfs

import (
	"bytes"

	"golang.org/x/sys/unix"
)

// Comm reads /proc/PID/comm, the name that stat shows as well. Of the files that every process has it is the cheapest
// to read. The result is valid until the next use of fs.
func (fs *FS) Comm(pid int) ([]byte, error) {
	b, err := fs.readRecord(pid, "comm")
	return bytes.TrimSuffix(b, []byte("\n")), err
}

// Arg0 reads the first argument of a process; it is empty for a process without arguments. The result is valid until the
// next use of fs. Unlike the other files that are read by raw system calls, cmdline can block, while another thread holds
// the lock on the memory map of the process. Only the caller's thread waits then.
func (fs *FS) Arg0(pid int) ([]byte, error) {
	fd, err := fs.openRaw(pid, "cmdline")
	n := 0
	if err == nil {
		n, err = readRawFD(fd, fs.buf)
		closeRaw(fd)
	}
	b := fs.buf[:max(n, 0)]
	if err != nil || bytes.IndexByte(b, 0) < 0 {
		// The argument is longer than the buffer, a title without a final NUL, or empty (perhaps during
		// execve(2)), or the read failed.
		if b, err = fs.readMemory(pid, "cmdline"); err != nil {
			return nil, err
		}
	}
	b, _, _ = bytes.Cut(b, []byte{0})
	return b, nil
}

// Reopen returns an FS of the same /proc for another goroutine, with a descriptor of its own: processors that share one
// contend for its reference count.
func (fs *FS) Reopen() (*FS, error) {
	fd, err := fs.open(".", unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	return &FS{root: fs.root, fd: fd, dev: fs.dev, buf: make([]byte, startBuffer)}, nil
}
