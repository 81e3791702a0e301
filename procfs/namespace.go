package procfs

import (
	"golang.org/x/sys/unix"
)

// Namespace returns what names the namespace of that type ("pid", "net") that
// a process is in, as in "pid:[4026531836]" (namespaces(7)). It takes
// PTRACE_MODE_READ access (ptrace(2)). The error is that of a process which is
// not there where the kernel has no such type.
func (fs *FS) Namespace(pid int, kind string) (string, error) {
	path := processPath(pid, "ns/"+kind)
	for {
		n, err := unix.Readlinkat(fs.fd, path, fs.buf)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return "", fs.processError("readlink", path, err)
		case n == len(fs.buf):
			fs.grow()
		default:
			return string(fs.buf[:n]), nil
		}
	}
}

// Threads returns the numbers of a process's threads, in ascending order. Stat
// takes them as well.
func (fs *FS) Threads(pid int) ([]int, error) {
	path := processPath(pid, "task")
	tids, err := fs.numbers(path, nil)
	if err != nil {
		return nil, fs.processError("read", path, err)
	}
	return tids, nil
}
