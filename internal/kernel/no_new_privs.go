package kernel

import (
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// ForbidNewPrivileges makes sure that no program that is started from now on gains privileges by execve(2), such as
// those of a set-uid file (PR_SET_NO_NEW_PRIVS, Linux 3.5). The attribute is one of the thread. So this goroutine,
// which starts the programs, is locked to its thread.
func (k *Kernel) ForbidNewPrivileges() error {
	runtime.LockOSThread()
	return os.NewSyscallError("prctl", prctl(unix.PR_SET_NO_NEW_PRIVS, 1))
}
