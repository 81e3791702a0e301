package kernel

import (
	"math"
	"os"

	"killbox/procfs"

	"golang.org/x/sys/unix"
)

// probe holds what this process finds out about the kernel, once.
type probe struct {
	asked      bool
	pidfd      bool
	pidfs      bool // pidfds can be opened, and have inodes of their own
	dirSignals bool // pidfd_send_signal takes descriptors of /proc/PID
	nofile     int
}

// pidfds reports whether pidfds can be opened and signalled through. Kernels
// before 5.3 answer ENOSYS; seccomp profiles of older container engines
// answer EPERM, to either call.
func (k *Kernel) pidfds() bool {
	if !k.probe.asked && !k.opts.NoPidfd {
		k.probe.asked = true
		k.probe.testPidfds(k)
	}
	return k.probe.pidfd
}

// testPidfds finds out whether pidfds can be opened and signalled through.
func (s *probe) testPidfds(k *Kernel) {
	fd, err := k.openVerified(func() (int, error) { return pidfdOpen(os.Getpid()) })
	switch {
	case err == nil:
		s.pidfd = pidfdSignal(fd, 0, nil) == nil
		var fsys unix.Statfs_t
		s.pidfs = unix.Fstatfs(fd, &fsys) == nil && fsys.Type == unix.PID_FS_MAGIC
		closeFD(fd)
	case procfs.Exhausted(err):
		s.pidfd = true // there are pidfds, only no descriptor for one now
	case k.proc != nil:
		// Linux 5.1 and 5.2, or a filter that refuses pidfd_open alone.
		if dir, err := k.proc.OpenDir(os.Getpid()); err == nil {
			s.dirSignals = pidfdSignal(dir, 0, nil) == nil
			closeFD(dir)
		}
	}
}

// inodeOfPID returns the inode number of the process's pidfds if they can be opened, even if signals through
// them are refused; else 0.
func (k *Kernel) inodeOfPID(pid int) uint64 {
	if !k.probe.pidfs {
		return 0
	}
	fd, err := pidfdOpen(pid)
	if err != nil {
		return 0
	}
	defer closeFD(fd)
	return k.inode(fd)
}

// inode returns the inode number of a pidfd, 0 where it has none of its own.
func (k *Kernel) inode(fd int) uint64 {
	var stx unix.Statx_t
	if !k.probe.pidfs || statxInode(fd, &stx) != nil {
		return 0
	}
	return stx.Ino
}

// fdLimit returns the soft limit of open files.
func (s *probe) fdLimit() int {
	if s.nofile == 0 {
		s.nofile = math.MaxInt
		var r unix.Rlimit
		if unix.Getrlimit(unix.RLIMIT_NOFILE, &r) == nil && r.Cur < math.MaxInt32 {
			s.nofile = int(r.Cur)
		}
	}
	return s.nofile
}
