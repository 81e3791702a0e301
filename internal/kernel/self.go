package kernel

import (
	"os"
	"runtime"

	"killbox/internal/signals"

	"golang.org/x/sys/unix"
)

// DieWithParent has the kernel send us sig when our parent is gone, which it
// may have been before we asked.
func (k *Kernel) DieWithParent(sig signals.Signal) error {
	// The wish is that of a thread, and goes with it. This one stays.
	runtime.LockOSThread()
	if err := prctl(unix.PR_SET_PDEATHSIG, uintptr(sig)); err != nil {
		return os.NewSyscallError("prctl", err)
	}
	if unix.Getppid() != k.given.parent {
		return sent(unix.Kill(os.Getpid(), unix.Signal(sig)))
	}
	return nil
}

// NoCore makes sure that the end of this process leaves no core dump.
func (k *Kernel) NoCore() error {
	return os.NewSyscallError("prctl", prctl(unix.PR_SET_DUMPABLE, 0))
}
