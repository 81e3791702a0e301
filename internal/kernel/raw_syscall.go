package kernel

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Raw system calls for non-blocking operations made thousands of times. Without entersyscall the scheduler does not hand
// our P to another thread, which lacks our real-time priority (Boost) and so loses against a fork bomb.

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

// growFDTable makes the kernel grow the table of descriptors at once to what thousands of pidfds need, as soon as the
// descriptor last does not fit. fd is any open descriptor. Otherwise the kernel doubles the table step by step, and for
// a program with threads each step waits for an RCU grace period: ten milliseconds and more on busy processors.
func (k *Kernel) growFDTable(fd, last int) {
	if k.fdTableSize == 0 {
		k.fdTableSize = 64 // NR_OPEN_DEFAULT, with which every process starts
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
