package kernel

import (
	"killbox/procfs"

	"golang.org/x/sys/unix"
)

// ReleaseMemory reclaims the memory of an opened process that is dying of SIGKILL (process_mrelease(2), Linux 5.15).
// The error is procfs.ErrNoProcess if the process was not opened or has no memory any more.
func (k *Kernel) ReleaseMemory(id procfs.ID) error {
	p := k.procs[id]
	if p == nil {
		return procfs.ErrNoProcess
	}
	fd := p.fd
	if p.kind != pidfd {
		var err error
		if fd, err = k.openVerified(func() (int, error) { return unix.PidfdOpen(id.PID, 0) }); err != nil {
			return killError(err)
		}
		defer unix.Close(fd)
		if err := k.verify(p, fd); err != nil {
			return err
		}
	}
	r1, _, errno := unix.Syscall(unix.SYS_PROCESS_MRELEASE, uintptr(fd), 0, 0)
	return killError(checkZero(r1, errno))
}
