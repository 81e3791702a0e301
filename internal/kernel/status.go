package kernel

import (
	"errors"
	"math"
	"unsafe"

	"killbox/internal/signals"
	"killbox/procfs"

	"golang.org/x/sys/unix"
)

// Status returns the wait status of an opened process that is gone, even if it is no child of this process. It reads
// the status from the zombie or, after the process was reaped, from the pidfd (Linux 6.15). The error is
// signals.ErrNotReaped or signals.ErrNoStatus. With a reaper, Status may reap all children that have exited.
func (k *Kernel) Status(id procfs.ID) (signals.Status, error) {
	p := k.procs[id]
	if p == nil {
		return signals.Status{}, signals.ErrNoStatus
	}
	if raw, ok := pidfdExitStatus(p); ok {
		return signals.FromWait(raw), nil
	}
	if raw, ok := k.zombieExitStatus(p); ok {
		return signals.FromWait(raw), nil
	}
	if k.reaper != nil {
		// If the process is a child of this process, reapChildren stores its status.
		k.reapChildren(math.MaxInt)
		if s, ok := k.reaper.statuses[id]; ok {
			return s, nil
		}
	}
	// Try the pidfd again: the process may have been reaped since the first attempt.
	if raw, ok := pidfdExitStatus(p); ok {
		return signals.FromWait(raw), nil
	}
	if _, err := k.Stat(id); !errors.Is(err, procfs.ErrNoProcess) {
		return signals.Status{}, signals.ErrNotReaped
	}
	if raw, ok := pidfdExitStatus(p); ok {
		return signals.FromWait(raw), nil
	}
	return signals.Status{}, signals.ErrNoStatus
}

// pidfdExitStatus returns the wait status that a pidfd has after its process was reaped. Kernels before 6.15 do not set
// PIDFD_INFO_EXIT.
func pidfdExitStatus(p *process) (raw uint32, ok bool) {
	if p.kind != pidfd {
		return 0, false
	}
	info := pidfdInfo{mask: pidfdInfoExit}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(p.fd), pidfdGetInfo, uintptr(unsafe.Pointer(&info)))
	return uint32(info.exitCode), errno == 0 && info.mask&pidfdInfoExit != 0
}

// zombieExitStatus reads the wait status of a zombie from field 52 of /proc/PID/stat. For a reader without permission
// to trace the process, the kernel shows 0 (PTRACE_MODE_READ_FSCREDS in ptrace(2)). So a 0 counts only if this process
// is root or has the same credentials.
func (k *Kernel) zombieExitStatus(p *process) (raw uint32, ok bool) {
	st, err := k.Stat(p.id)
	if err != nil || !st.Gone() || st.ExitCode < 0 {
		return 0, false
	}
	if st.ExitCode == 0 && unix.Geteuid() != 0 {
		status, err := k.proc.Status(p.id.PID)
		uid, gid := unix.Geteuid(), unix.Getegid()
		if err != nil || status.UID != [4]int{uid, uid, uid, uid} || status.GID != [4]int{gid, gid, gid, gid} {
			return 0, false
		}
	}
	return uint32(st.ExitCode), true
}
