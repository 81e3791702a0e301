package procfs

import (
	"bytes"

	"golang.org/x/sys/unix"
)

// Comm returns the name of a process from /proc/PID/comm. stat shows the same name, but comm is the cheapest file to
// read. The result is valid until the next use of fs.
func (fs *FS) Comm(pid int) ([]byte, error) {
	b, err := fs.readRecord(pid, "comm")
	return bytes.TrimSuffix(b, []byte("\n")), err
}

// Arg0 returns the first argument of a process, empty for a process without arguments, and what follows it in cmdline:
// the other arguments, each ended by a NUL. The results are valid until the next use of fs. Arg0 uses raw system calls
// (see readRaw), although a read of cmdline can block while a thread of the process holds the lock on its memory map.
// Then the calling thread waits, and keeps its Go processor (P).
func (fs *FS) Arg0(pid int) (arg0, rest []byte, err error) {
	fd, err := fs.openRaw(pid, "cmdline")
	n := 0
	if err == nil {
		n, err = readRawFD(fd, fs.buf)
		closeRaw(fd)
	}
	b := fs.buf[:max(n, 0)]
	if err != nil || n == len(fs.buf) || bytes.IndexByte(b, 0) < 0 {
		// The arguments are longer than the buffer, or a title without a final NUL, or empty (perhaps during
		// execve(2)), or the read failed. readMemory handles all four cases.
		if b, err = fs.readMemory(pid, "cmdline"); err != nil {
			return nil, nil, err
		}
	}
	arg0, rest, _ = bytes.Cut(b, []byte{0})
	return arg0, rest, nil
}

// Reopen returns a new FS of the same /proc, for use by another goroutine. The new FS has its own descriptor, because
// CPUs that share a descriptor contend for its reference count.
func (fs *FS) Reopen() (*FS, error) {
	fd, err := fs.open(".", unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	return &FS{root: fs.root, fd: fd, dev: fs.dev, buf: make([]byte, startBuffer)}, nil
}
