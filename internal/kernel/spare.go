package kernel

import (
	"killbox/internal/fmt"
	"killbox/procfs"

	"golang.org/x/sys/unix"
)

// spares is how many descriptors are held back: to signal a process of which no descriptor is held takes
// one for a pidfd and one for the file of /proc that verifies it.
const spares = 2

// holdSpare takes the descriptors to be held back, copies of any.
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

// withSpare calls do, and calls it again with the descriptors that are held back if there are no others.
// It must not keep any then.
func (k *Kernel) withSpare(do func() error) error {
	err := do()
	if len(k.spare) == 0 || !procfs.Exhausted(err) {
		return err
	}
	k.releaseSpare()
	k.lent = true
	err = do()
	k.lent = false
	// What is not to be had again now is asked for by the next PrepareFreeze.
	_ = k.holdSpare(k.epoll)
	return err
}
