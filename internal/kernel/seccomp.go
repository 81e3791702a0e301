package kernel

import "golang.org/x/sys/unix"

// A seccomp filter can trap a system call: the kernel does not execute the call, and raises SIGSYS (SECCOMP_RET_TRAP,
// the default on Android). After ignoreTraps the runtime's handler returns from SIGSYS, and the call seems to succeed.
// The kernel restores the registers, so the result is the number of the call (x86) or its first argument (arm64 and
// others); see Documentation/userspace-api/seccomp_filter.rst. So each call that a filter may trap is checked for a
// result that the call cannot have. Such a result counts as ENOSYS.

// seccompActive reports whether a seccomp filter is active. If prctl(2) is refused, a filter must be active.
func seccompActive() bool {
	mode, err := unix.PrctlRetInt(unix.PR_GET_SECCOMP, 0, 0, 0, 0)
	return err == nil && mode != 0 || err == unix.EPERM || err == unix.ENOSYS
}

// checkZero returns the error of a system call that returns 0 on success. Any other result means that the call was
// trapped.
func checkZero(r1 uintptr, errno unix.Errno) error {
	switch {
	case errno != 0:
		return errno
	case r1 != 0:
		return unix.ENOSYS
	}
	return nil
}

// openVerified calls open, which returns a new descriptor. If a seccomp filter is active, it calls open twice: a
// trapped call returns the same number both times, and counts as ENOSYS.
func (k *Kernel) openVerified(open func() (int, error)) (int, error) {
	fd, err := open()
	if err != nil || !k.inherited.filtered {
		return fd, err
	}
	switch again, err := open(); {
	case err != nil: // for example EMFILE: the call was not trapped
	case again == fd:
		return -1, unix.ENOSYS
	default:
		closeFD(again)
	}
	return fd, nil
}

// prctl is prctl(2), for operations that return 0 on success.
func prctl(option int, arg uintptr) error {
	r1, err := unix.PrctlRetInt(option, arg, 0, 0, 0)
	if err == nil && r1 != 0 {
		err = unix.ENOSYS
	}
	return err
}
