package procfs

import (
	"bytes"

	"golang.org/x/sys/unix"
)

// Comm reads the name that stat has as well, for less: of the files that every process has, this is the cheapest. The
// result is good until the next use of fs.
func (fs *FS) Comm(pid int) ([]byte, error) {
	b, err := fs.readRecord(pid, "comm")
	return bytes.TrimSuffix(b, []byte("\n")), err
}

// Arg0 reads the first of the arguments, nothing for who has none. The result is good until the next use of fs. Unlike
// the other quick files this one may be waited for, while somebody changes the memory of the process; nobody but us waits.
func (fs *FS) Arg0(pid int) ([]byte, error) {
	fd, err := fs.quickOpen(pid, "cmdline")
	n := 0
	if err == nil {
		n, err = quickRead(fd, fs.buf)
		quickClose(fd)
	}
	b := fs.buf[:max(n, 0)]
	if err != nil || bytes.IndexByte(b, 0) < 0 {
		// Longer than the buffer, a title without an end, nothing or not yet, or an error to be told.
		if b, err = fs.readMemory(pid, "cmdline"); err != nil {
			return nil, err
		}
	}
	b, _, _ = bytes.Cut(b, []byte{0})
	return b, nil
}

// Share returns an FS for another goroutine, with a descriptor of its own: one of both would be fought over by the processors.
func (fs *FS) Share() (*FS, error) {
	fd, err := fs.open(".", unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	return &FS{root: fs.root, fd: fd, dev: fs.dev, buf: make([]byte, startBuffer)}, nil
}
