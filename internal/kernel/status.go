package kernel

import (
	"errors"
	"unsafe"

	"killbox/internal/signals"
	"killbox/procfs"

	"golang.org/x/sys/unix"
)

// Status tells how a process that is gone ended, though it is not our child:
// from its pidfd once it has been reaped, from its zombie before that.
func (k *Kernel) Status(id procfs.ID) (signals.Status, error) {
	p := k.procs[id]
	if p == nil {
		return signals.Status{}, signals.ErrNoStatus
	}
	if raw, ok := exitInfo(p); ok {
		return signals.FromWait(raw), nil
	}
	if raw, ok := k.zombie(p); ok {
		return signals.FromWait(raw), nil
	}
	if k.keeper != nil {
		// By ourselves.
		k.collect()
		if s, ok := k.keeper.statuses[id]; ok {
			return s, nil
		}
	}
	// It may have been reaped between the two questions.
	if raw, ok := exitInfo(p); ok {
		return signals.FromWait(raw), nil
	}
	if _, err := k.Stat(id); !errors.Is(err, procfs.ErrNoProcess) {
		return signals.Status{}, signals.ErrNotReaped
	}
	if raw, ok := exitInfo(p); ok {
		return signals.FromWait(raw), nil
	}
	return signals.Status{}, signals.ErrNoStatus
}

// exitInfo asks the pidfd. Kernels before 6.15 answer without the bit.
func exitInfo(p *process) (raw uint32, ok bool) {
	if p.kind != pidfd {
		return 0, false
	}
	info := pidfdInfo{mask: pidfdInfoExit}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(p.fd), pidfdGetInfo, uintptr(unsafe.Pointer(&info)))
	return uint32(info.exitCode), errno == 0 && info.mask&pidfdInfoExit != 0
}

// zombie reads field 52 of /proc/PID/stat. It holds 0 as well for a reader who
// may not trace the process (ptrace(2), PTRACE_MODE_READ_FSCREDS), so a 0 is
// believed only where the credentials are the same, or ours are root's.
func (k *Kernel) zombie(p *process) (raw uint32, ok bool) {
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
