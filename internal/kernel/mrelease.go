package kernel

import (
	"killbox/procfs"

	"golang.org/x/sys/unix"
)

// Release asks for the memory of a process that is dying of a KILL
// (process_mrelease(2), Linux 5.15). The error is procfs.ErrNoProcess where
// there is none to be had any more.
func (k *Kernel) Release(id procfs.ID) error {
	p := k.procs[id]
	if p == nil {
		return procfs.ErrNoProcess
	}
	fd := p.fd
	if p.kind != pidfd {
		var err error
		if fd, err = k.opened(func() (int, error) { return unix.PidfdOpen(id.PID, 0) }); err != nil {
			return sent(err)
		}
		defer unix.Close(fd)
		if err := k.verify(p, fd); err != nil {
			return err
		}
	}
	r1, _, errno := unix.Syscall(unix.SYS_PROCESS_MRELEASE, uintptr(fd), 0, 0)
	return sent(succeeded(r1, errno))
}
