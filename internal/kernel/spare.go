package kernel

import (
	"fmt"

	"killbox/procfs"

	"golang.org/x/sys/unix"
)

// spares is the number of reserved descriptors. To signal a process without a descriptor takes two: one for
// a pidfd, and one for the file of /proc that verifies it.
const spares = 2

// holdSpare reserves descriptors by duplicating one.
func (k *Kernel) holdSpare(of int) error {
	for len(k.spare) < spares {
		fd, err := unix.FcntlInt(uintptr(of), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			k.releaseSpare()
			return fmt.Errorf("no descriptors to resume processes with: %w (ulimit -n)", err)
		}
		k.spare = append(k.spare, fd)
	}
	return nil
}

func (k *Kernel) releaseSpare() {
	for _, fd := range k.spare {
		closeFD(fd)
	}
	k.spare = k.spare[:0]
}

// withSpare calls do. If that fails for want of descriptors, it closes the reserved ones, calls do once
// more and reserves them again. So do must keep no descriptor open while lent is set.
func (k *Kernel) withSpare(do func() error) error {
	err := do()
	if len(k.spare) == 0 || !procfs.Exhausted(err) {
		return err
	}
	k.releaseSpare()
	k.lent = true
	err = do()
	k.lent = false
	// If that fails, the next PrepareFreeze tries again.
	_ = k.holdSpare(k.epoll)
	return err
}
