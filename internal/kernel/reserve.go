package kernel

import (
	"fmt"

	"killbox/procfs"

	"golang.org/x/sys/unix"
)

// reserveSize is the number of reserved descriptors. To signal an unpinned process takes two descriptors: a pidfd, and
// the file of /proc that verifies the process.
const reserveSize = 2

// fillReserve reserves descriptors by duplicating source. On error it reserves none.
func (k *Kernel) fillReserve(source int) error {
	for len(k.reserveFDs) < reserveSize {
		fd, err := unix.FcntlInt(uintptr(source), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			k.closeReserve()
			return fmt.Errorf("no descriptors to resume processes with: %w (ulimit -n)", err)
		}
		k.reserveFDs = append(k.reserveFDs, fd)
	}
	return nil
}

// closeReserve closes the reserved descriptors.
func (k *Kernel) closeReserve() {
	for _, fd := range k.reserveFDs {
		closeFD(fd)
	}
	k.reserveFDs = k.reserveFDs[:0]
}

// retryWithReserve calls do. If do fails because no descriptor is available, retryWithReserve closes the reserved
// descriptors, calls do once more, and reserves descriptors again. While reserveInUse is set, do must close every
// descriptor that it opens.
func (k *Kernel) retryWithReserve(do func() error) error {
	err := do()
	if len(k.reserveFDs) == 0 || !procfs.Exhausted(err) {
		return err
	}
	k.closeReserve()
	k.reserveInUse = true
	err = do()
	k.reserveInUse = false
	// On error the next PrepareFreeze tries again.
	_ = k.fillReserve(k.epoll)
	return err
}
