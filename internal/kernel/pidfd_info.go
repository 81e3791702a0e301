package kernel

import (
	"errors"
	"os"
	"unsafe"

	"killbox/procfs"

	"golang.org/x/sys/unix"
)

// pidfdInfo is the first version of struct pidfd_info, 64 bytes (include/uapi/linux/pidfd.h, Linux 6.13). Later kernels
// accept it, too.
type pidfdInfo struct {
	mask                                                uint64
	cgroupID                                            uint64
	pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid uint32
	fsuid, fsgid                                        uint32
	exitCode                                            int32
}

const (
	pidfdGetInfo  = 0xc040ff0b // _IOWR(0xff, 11, 64 bytes), the same on all of Go's ports
	pidfdInfoExit = 1 << 3     // Linux 6.15
)

// PidfdInfoReader returns a function that reads the PPID and the effective UID of a process with PIDFD_GET_INFO (Linux
// 6.13). It takes half the time that reading /proc takes. Several goroutines may call it. PidfdInfoReader returns nil
// if the kernel has no PIDFD_GET_INFO.
func (k *Kernel) PidfdInfoReader() func(pid int) (ppid, euid int, err error) {
	if !k.pidfds() {
		return nil
	}
	if _, _, err := readPidfdInfo(os.Getpid()); err != nil {
		return nil
	}
	return readPidfdInfo
}

var errNoPidfdInfo = errors.New("PIDFD_GET_INFO is not available")

// readPidfdInfo reads the PPID and the effective UID of a process. The error is procfs.ErrNoProcess or errNoPidfdInfo.
// The system calls do not block, so they are raw (see raw_syscall.go).
func readPidfdInfo(pid int) (ppid, euid int, err error) {
	fd, _, errno := unix.RawSyscall(unix.SYS_PIDFD_OPEN, uintptr(pid), 0, 0)
	if errno == 0 {
		const pids, creds = 1 << 0, 1 << 1
		info := pidfdInfo{mask: pids | creds}
		_, _, errno = unix.RawSyscall(unix.SYS_IOCTL, fd, pidfdGetInfo, uintptr(unsafe.Pointer(&info)))
		unix.RawSyscall(unix.SYS_CLOSE, fd, 0, 0)
		if errno == 0 && info.mask&(pids|creds) == pids|creds {
			return int(info.ppid), int(info.euid), nil
		}
	}
	if errno == unix.ESRCH {
		return 0, 0, procfs.ErrNoProcess
	}
	return 0, 0, errNoPidfdInfo
}
