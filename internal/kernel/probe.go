package kernel

import (
	"math"
	"os"

	"killbox/procfs"

	"golang.org/x/sys/unix"
)

// probe contains the features of the kernel that this process has tested for, each tested once.
type probe struct {
	tested     bool // by testPidfds
	pidfd      bool // pidfds can be opened and signalled through
	pidfs      bool // pidfds can be opened, and have inodes of their own
	dirSignals bool // pidfd_send_signal takes descriptors of /proc/PID
	nofile     int  // soft limit of open files; 0: not read yet
}

// pidfds reports whether this process can open pidfds and signal through them. Kernels before 5.3 return ENOSYS.
// Seccomp profiles of older container engines return EPERM for one call or for both.
func (k *Kernel) pidfds() bool {
	if !k.probe.tested && !k.opts.NoPidfd {
		k.probe.tested = true
		k.probe.testPidfds(k)
	}
	return k.probe.pidfd
}

// testPidfds sets pidfd, pidfs and dirSignals by opening and signalling this process with signal 0.
func (s *probe) testPidfds(k *Kernel) {
	fd, err := k.openVerified(func() (int, error) { return pidfdOpen(os.Getpid()) })
	switch {
	case err == nil:
		s.pidfd = pidfdSignal(fd, 0, nil) == nil
		var fsys unix.Statfs_t
		s.pidfs = unix.Fstatfs(fd, &fsys) == nil && fsys.Type == unix.PID_FS_MAGIC
		closeFD(fd)
	case procfs.Exhausted(err):
		s.pidfd = true // pidfds exist, but no descriptor is available now
	case k.proc != nil:
		// Linux 5.1 and 5.2, or a filter that refuses pidfd_open(2) only, permit signals through /proc/PID.
		if dir, err := k.proc.OpenDir(os.Getpid()); err == nil {
			s.dirSignals = pidfdSignal(dir, 0, nil) == nil
			closeFD(dir)
		}
	}
}

// inodeOfPID returns the inode number of the process's pidfds, or 0 if none can be opened. It works even if signals
// through pidfds are refused.
func (k *Kernel) inodeOfPID(pid int) uint64 {
	_ = k.pidfds() // tests for pidfs
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

// inode returns the inode number of a pidfd, or 0 before Linux 6.9, where all pidfds share one inode.
func (k *Kernel) inode(fd int) uint64 {
	var stx unix.Statx_t
	if !k.probe.pidfs || statxInode(fd, &stx) != nil {
		return 0
	}
	return stx.Ino
}

// fdLimit returns the soft limit of open files (RLIMIT_NOFILE), or math.MaxInt if there is none.
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
