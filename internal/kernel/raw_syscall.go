package kernel

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// What is done to thousands and makes nobody wait, without telling the scheduler of each call: it would give our processor
// to another thread now and then, one that has not been boosted, and against a fork bomb that thread is late.

func pidfdOpen(pid int) (int, error) {
	fd, _, errno := unix.RawSyscall(unix.SYS_PIDFD_OPEN, uintptr(pid), 0, 0)
	if errno != 0 {
		return -1, errno
	}
	return int(fd), nil
}

func pidfdSignal(fd int, sig unix.Signal, info *unix.Siginfo) error {
	r1, _, errno := unix.RawSyscall6(unix.SYS_PIDFD_SEND_SIGNAL, uintptr(fd), uintptr(sig), uintptr(unsafe.Pointer(info)), 0, 0, 0)
	return succeeded(r1, errno)
}

func epollCtl(epoll, op, fd int, event *unix.EpollEvent) error {
	r1, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_CTL, uintptr(epoll), uintptr(op), uintptr(fd), uintptr(unsafe.Pointer(event)), 0, 0)
	return succeeded(r1, errno)
}

var emptyPath [1]byte

func statxInode(fd int, stx *unix.Statx_t) error {
	r1, _, errno := unix.RawSyscall6(unix.SYS_STATX, uintptr(fd), uintptr(unsafe.Pointer(&emptyPath[0])),
		unix.AT_EMPTY_PATH, unix.STATX_INO, uintptr(unsafe.Pointer(stx)), 0)
	return succeeded(r1, errno)
}

func closeFD(fd int) { unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0) }

// makeRoom has the table of descriptors grow at once to what thousands need, as soon as last is at its end; fd is any that
// is open. The kernel doubles it, and of a program with threads that waits each time until all processors have passed a
// quiescent state: ten milliseconds and more when they are busy.
func (k *Kernel) makeRoom(fd, last int) {
	if k.room == 0 {
		k.room = 64 // as it is given to everybody
	}
	if last < k.room-1 {
		return
	}
	for last >= k.room-1 {
		k.room *= 64
	}
	if end := min(k.room, k.probe.limit()) - 1; end > fd {
		if top, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, end); err == nil {
			closeFD(top)
		}
	}
}
