package kernel

import (
	"fmt"

	"killbox/procfs"

	"golang.org/x/sys/unix"
)

// reserveSize is the number of reserved descriptors. To signal a process without a descriptor takes two: one for
// a pidfd, and one for the file of /proc that verifies it.
const reserveSize = 2

// fillReserve reserves descriptors by duplicating one. On error it reserves none.
func (k *Kernel) fillReserve(of int) error {
	for len(k.reserveFDs) < reserveSize {
		fd, err := unix.FcntlInt(uintptr(of), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			k.closeReserve()
			return fmt.Errorf("no descriptors to resume processes with: %w (ulimit -n)", err)
		}
		k.reserveFDs = append(k.reserveFDs, fd)
	}
	return nil
}

// closeReserve frees the reserved descriptors.
func (k *Kernel) closeReserve() {
	for _, fd := range k.reserveFDs {
		closeFD(fd)
	}
	k.reserveFDs = k.reserveFDs[:0]
}

// retryWithReserve calls do. If that fails for want of descriptors, it closes the reserved ones, calls do once
// more and reserves them again. So do must keep no descriptor open while reserveInUse is set.
func (k *Kernel) retryWithReserve(do func() error) error {
	err := do()
	if len(k.reserveFDs) == 0 || !procfs.Exhausted(err) {
		return err
	}
	k.closeReserve()
	k.reserveInUse = true
	err = do()
	k.reserveInUse = false
	// If that fails, the next PrepareFreeze tries again.
	_ = k.fillReserve(k.epoll)
	return err
}
