package kernel

import (
	"os"
	"runtime"

	"killbox/internal/signals"

	"golang.org/x/sys/unix"
)

// SetParentDeathSignal makes the kernel send sig to this process when its parent exits (PR_SET_PDEATHSIG in prctl(2)). If
// the parent has exited already it sends sig itself.
func (k *Kernel) SetParentDeathSignal(sig signals.Signal) error {
	// The setting is bound to the life of the parent's thread, and to this thread.
	runtime.LockOSThread()
	if err := prctl(unix.PR_SET_PDEATHSIG, uintptr(sig)); err != nil {
		return os.NewSyscallError("prctl", err)
	}
	if unix.Getppid() != k.inherited.parent {
		return killError(unix.Kill(os.Getpid(), unix.Signal(sig)))
	}
	return nil
}

// DisableCoreDump makes sure that the end of this process leaves no core dump (PR_SET_DUMPABLE in prctl(2)).
func (k *Kernel) DisableCoreDump() error {
	return os.NewSyscallError("prctl", prctl(unix.PR_SET_DUMPABLE, 0))
}
