package kernel

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"killbox/internal/child"
	"killbox/internal/signals"

	"golang.org/x/sys/unix"
)

// WatchParent makes WaitAndReap return a child.Orphaned event when the parent of this process has exited. pid is the
// PID that the parent must have, or 0. With pid, WatchParent detects that the parent exited before this program could
// read its PPID. To detect that the parent exited before the watch began, WatchParent reads the PPID again afterwards.
func (k *Kernel) WatchParent(pid int) error {
	parent := k.inherited.parent
	if pid != 0 && pid != parent {
		return fmt.Errorf("process %d is not the parent, or has exited", pid)
	}
	if parent == 0 {
		return errors.New("the parent is outside of this PID namespace and cannot be watched")
	}
	k.reaper.parent, k.reaper.pollParent = parent, true
	if !k.pidfds() {
		return nil
	}
	fd, err := unix.PidfdOpen(parent, 0)
	if err != nil {
		return nil // the parent may have exited: poll the PPID
	}
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}
	if epollCtl(k.epoll, unix.EPOLL_CTL_ADD, fd, &event) != nil {
		unix.Close(fd)
		return nil
	}
	k.fdCallbacks[int32(fd)] = func() { k.eventOnce(fd, child.Orphaned) }
	if unix.Getppid() != parent {
		k.eventOnce(fd, child.Orphaned)
	}
	k.reaper.pollParent = false
	return nil
}

// SetParentDeathSignal makes the kernel send sig to this process when its parent exits (PR_SET_PDEATHSIG in prctl(2)).
// If the parent has exited already, SetParentDeathSignal sends sig at once.
func (k *Kernel) SetParentDeathSignal(sig signals.Signal) error {
	// The setting belongs to the calling thread, which therefore must not end.
	runtime.LockOSThread()
	if err := prctl(unix.PR_SET_PDEATHSIG, uintptr(sig)); err != nil {
		return os.NewSyscallError("prctl", err)
	}
	if unix.Getppid() != k.inherited.parent {
		return killError(unix.Kill(os.Getpid(), unix.Signal(sig)))
	}
	return nil
}
