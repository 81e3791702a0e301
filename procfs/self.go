package procfs

import (
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"
)

// Self returns this process's number as the mounted /proc shows it, which is
// another than getpid(2) returns if that /proc belongs to another PID
// namespace; there /proc/self may even dangle (proc(5), pid_namespaces(7)).
func (fs *FS) Self() (int, error) {
	var buf [20]byte
	n, err := unix.Readlinkat(fs.fd, "self", buf[:])
	if err != nil {
		return 0, fmt.Errorf("cannot read %s/self: %w: is /proc mounted?", fs.root, err)
	}
	return strconv.Atoi(string(buf[:n]))
}

// SameNamespace returns an error if the mounted /proc belongs to another PID namespace than the process, whose PID
// there is pid.
func (fs *FS) SameNamespace(pid int) error {
	self, err := fs.Self()
	if err != nil {
		return err
	}
	if self != pid {
		return fmt.Errorf("%s belongs to another PID namespace: mount one for this", fs.root)
	}
	return nil
}
