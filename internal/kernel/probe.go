package kernel

import (
	"math"
	"os"

	"golang.org/x/sys/unix"
)

// probe holds what is asked of the kernel once.
type probe struct {
	asked  bool
	pidfd  bool
	nofile int
}

// pidfds tells whether pidfds can be opened and signalled through. Kernels
// before 5.3 answer ENOSYS; seccomp profiles of older container engines
// answer EPERM, to either call.
func (k *Kernel) pidfds() bool {
	if k.opts.NoPidfd {
		return false
	}
	if !k.probe.asked {
		k.probe.asked = true
		fd, err := unix.PidfdOpen(os.Getpid(), 0)
		switch err {
		case nil:
			k.probe.pidfd = unix.PidfdSendSignal(fd, 0, nil, 0) == nil
			unix.Close(fd)
		case unix.EMFILE, unix.ENFILE, unix.ENOMEM:
			k.probe.pidfd = true // there are pidfds, if not now
		}
	}
	return k.probe.pidfd
}

// limit returns the soft limit of open files.
func (s *probe) limit() int {
	if s.nofile == 0 {
		s.nofile = math.MaxInt
		var r unix.Rlimit
		if unix.Getrlimit(unix.RLIMIT_NOFILE, &r) == nil && r.Cur < math.MaxInt32 {
			s.nofile = int(r.Cur)
		}
	}
	return s.nofile
}
