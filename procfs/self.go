package procfs

import (
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"
)

// Self returns the PID of the calling process in the PID namespace of the mounted /proc (proc(5), pid_namespaces(7)).
// If that is another PID namespace than that of the caller, getpid(2) returns a different PID. If the caller has no PID
// in it, Self returns an error.
func (fs *FS) Self() (int, error) {
	var buf [20]byte
	n, err := unix.Readlinkat(fs.fd, "self", buf[:])
	if err != nil {
		return 0, fmt.Errorf("cannot read %s/self: %w: is /proc mounted?", fs.root, err)
	}
	return strconv.Atoi(string(buf[:n]))
}

// SameNamespace returns an error if the mounted /proc belongs to another PID namespace than the calling process. pid is
// the result of getpid(2).
func (fs *FS) SameNamespace(pid int) error {
	self, err := fs.Self()
	if err != nil {
		return err
	}
	if self != pid {
		return fmt.Errorf("%s belongs to another PID namespace: mount proc for the current one", fs.root)
	}
	return nil
}
