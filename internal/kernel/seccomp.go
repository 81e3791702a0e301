package kernel

import "golang.org/x/sys/unix"

// A seccomp filter may answer a system call with SIGSYS (SECCOMP_RET_TRAP, the default on Android). With
// ignoreTraps the runtime's handler returns from it, and the call seems to succeed: its result is its own
// number (x86) or its first argument (arm64 and others), because the kernel restores the registers
// (Documentation/userspace-api/seccomp_filter.rst). So each call that may be missing is checked for a result
// that it cannot have; such a result counts as ENOSYS.

// seccompActive reports whether a seccomp filter is in force. If prctl(2) is refused, one is.
func seccompActive() bool {
	mode, err := unix.PrctlRetInt(unix.PR_GET_SECCOMP, 0, 0, 0, 0)
	return err == nil && mode != 0 || err == unix.EPERM || err == unix.ENOSYS
}

// checkZero returns the error of a system call whose only success is 0.
func checkZero(r1 uintptr, errno unix.Errno) error {
	switch {
	case errno != 0:
		return errno
	case r1 != 0:
		return unix.ENOSYS
	}
	return nil
}

// openVerified calls open, which returns a new descriptor. Under a filter it calls open twice: a trapped call returns
// the same number both times.
func (k *Kernel) openVerified(open func() (int, error)) (int, error) {
	fd, err := open()
	if err != nil || !k.inherited.filtered {
		return fd, err
	}
	switch again, err := open(); {
	case err != nil: // no more descriptors, perhaps: then it has not been trapped
	case again == fd:
		return -1, unix.ENOSYS
	default:
		closeFD(again)
	}
	return fd, nil
}

// prctl is prctl(2) for operations whose only success is 0.
func prctl(option int, arg uintptr) error {
	r1, err := unix.PrctlRetInt(option, arg, 0, 0, 0)
	if err == nil && r1 != 0 {
		err = unix.ENOSYS
	}
	return err
}
