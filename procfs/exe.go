package procfs

import (
	"strings"

	"golang.org/x/sys/unix"
)

// Exe returns the path of the program that a process runs (proc_pid_exe(5)),
// without the " (deleted)" that the kernel appends when the file has been removed
// or replaced. A file whose name ends like that cannot be told apart. For zombies
// and kernel threads, which run none, the path is empty. It takes
// PTRACE_MODE_READ access (ptrace(2)).
func (fs *FS) Exe(pid int) (string, error) {
	path := processPath(pid, "exe")
	for {
		n, err := unix.Readlinkat(fs.fd, path, fs.buf)
		switch {
		case err == unix.EINTR:
		case vanished(err) && fs.exists(pid):
			return "", nil
		case err != nil:
			return "", fs.processError("readlink", path, err)
		case n == len(fs.buf):
			fs.grow() // perhaps cut off
		default:
			return strings.TrimSuffix(string(fs.buf[:n]), " (deleted)"), nil
		}
	}
}
