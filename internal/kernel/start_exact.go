//go:build exactsignals

package kernel

import "golang.org/x/sys/unix"

// stdoutAtStart is what fcntl(F_GETFD) said of standard output before the
// runtime started (start.s), 0 where the program was linked without that.
var stdoutAtStart int

// keepClosed sees to it that what is written to a standard output that was
// closed fails with EBADF, here and in the commands that inherit it: the
// runtime has put a /dev/null in its place that takes everything.
func keepClosed() {
	const ebadf = int(unix.EBADF) // of which some kernels return the negative
	if stdoutAtStart != ebadf && stdoutAtStart != -ebadf {
		return
	}
	if fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0); err == nil {
		_ = unix.Dup3(fd, 1, 0)
		_ = unix.Close(fd)
	}
}
