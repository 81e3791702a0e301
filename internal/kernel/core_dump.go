package kernel

import (
	"os"

	"golang.org/x/sys/unix"
)

// DisableCoreDump keeps a signal that ends this process from leaving a core dump (PR_SET_DUMPABLE in prctl(2)).
func (k *Kernel) DisableCoreDump() error {
	return os.NewSyscallError("prctl", prctl(unix.PR_SET_DUMPABLE, 0))
}
