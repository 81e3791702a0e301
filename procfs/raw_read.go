package procfs

import (
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// quick reads PID/file like read, but for files of a single record that no other process can make us wait for: what is
// behind them the kernel has at hand, under spin locks. So the scheduler is not told of these calls, which otherwise
// takes the processor away from a reading of thousands again and again, and nothing is allocated for the path. What is
// copied out of a process's memory (cmdline, environ) is not for here.
func (fs *FS) quick(pid int, file string) ([]byte, error) {
	fd, err := fs.quickOpen(pid, file)
	if err != nil {
		return nil, err
	}
	n := 0
	for {
		if n == len(fs.buf) {
			fs.grow()
		}
		m, _, errno := unix.RawSyscall(unix.SYS_READ, fd, uintptr(unsafe.Pointer(&fs.buf[n])), uintptr(len(fs.buf)-n))
		switch {
		case errno == unix.EINTR:
			continue
		case errno == 0:
			if n += int(m); n == len(fs.buf) {
				continue
			}
		}
		quickClose(fd)
		if errno != 0 {
			return nil, errno
		}
		return fs.buf[:n], nil
	}
}

func (fs *FS) quickOpen(pid int, file string) (uintptr, error) {
	path := fs.path(pid, file)
	for {
		fd, _, errno := unix.RawSyscall6(unix.SYS_OPENAT, uintptr(fs.fd), uintptr(unsafe.Pointer(path)),
			unix.O_RDONLY|unix.O_CLOEXEC, 0, 0, 0)
		switch errno {
		case 0:
			return fd, nil
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}

func quickClose(fd uintptr) { unix.RawSyscall(unix.SYS_CLOSE, fd, 0, 0) }

// quickLink is quick for a symbolic link. The result is cut off if it fills the buffer.
func (fs *FS) quickLink(pid int, file string) ([]byte, error) {
	path := fs.path(pid, file)
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_READLINKAT, uintptr(fs.fd), uintptr(unsafe.Pointer(path)),
			uintptr(unsafe.Pointer(&fs.buf[0])), uintptr(len(fs.buf)), 0, 0)
		switch {
		case errno == 0:
			return fs.buf[:n], nil
		case errno != unix.EINTR:
			return nil, errno
		}
	}
}

// wholeLink is quickLink without truncation.
func (fs *FS) wholeLink(pid int, file string) ([]byte, error) {
	for {
		b, err := fs.quickLink(pid, file)
		if err != nil || len(b) < len(fs.buf) {
			return b, err
		}
		fs.grow()
	}
}

// path makes the path of a process's file, for the kernel, in memory that is used again.
func (fs *FS) path(pid int, file string) *byte {
	b := append(strconv.AppendInt(fs.name[:0], int64(pid), 10), '/')
	b = append(append(b, file...), 0)
	return &b[0]
}

func quickRead(fd uintptr, b []byte) (int, error) {
	for {
		n, _, errno := unix.RawSyscall(unix.SYS_READ, fd, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}
