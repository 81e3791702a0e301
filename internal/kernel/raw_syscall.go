package kernel

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// These system calls do not block and are made thousands of times. They are raw, because a normal system call tells the
// scheduler of the runtime (entersyscall). The scheduler may then give this thread's P, the right to run Go code, to
// another thread. The other thread lacks the real-time priority of Boost and gets no processor time beside a fork bomb.

func pidfdOpen(pid int) (int, error) {
	fd, _, errno := unix.RawSyscall(unix.SYS_PIDFD_OPEN, uintptr(pid), 0, 0)
	if errno != 0 {
		return -1, errno
	}
	return int(fd), nil
}

func pidfdSignal(fd int, sig unix.Signal, info *unix.Siginfo) error {
	r1, _, errno := unix.RawSyscall6(unix.SYS_PIDFD_SEND_SIGNAL, uintptr(fd), uintptr(sig), uintptr(unsafe.Pointer(info)), 0, 0, 0)
	return checkZero(r1, errno)
}

func epollCtl(epoll, op, fd int, event *unix.EpollEvent) error {
	r1, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_CTL, uintptr(epoll), uintptr(op), uintptr(fd), uintptr(unsafe.Pointer(event)), 0, 0)
	return checkZero(r1, errno)
}

var emptyPath [1]byte

func statxInode(fd int, stx *unix.Statx_t) error {
	r1, _, errno := unix.RawSyscall6(unix.SYS_STATX, uintptr(fd), uintptr(unsafe.Pointer(&emptyPath[0])),
		unix.AT_EMPTY_PATH, unix.STATX_INO, uintptr(unsafe.Pointer(stx)), 0)
	return checkZero(r1, errno)
}

func closeFD(fd int) { unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0) }

// growFDTable makes the kernel grow the descriptor table of this process in one step if the table has no room for a
// descriptor with the number last. fd is any open descriptor. Otherwise, for thousands of pidfds, the kernel doubles
// the table many times. In a process with several threads each doubling takes an RCU grace period, 10 milliseconds or
// more on busy processors.
func (k *Kernel) growFDTable(fd, last int) {
	if k.fdTableSize == 0 {
		k.fdTableSize = 64 // NR_OPEN_DEFAULT, the size in a new process
	}
	if last < k.fdTableSize-1 {
		return
	}
	for last >= k.fdTableSize-1 {
		k.fdTableSize *= 64
	}
	if end := min(k.fdTableSize, k.probe.fdLimit()) - 1; end > fd {
		if top, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, end); err == nil {
			closeFD(top)
		}
	}
}
