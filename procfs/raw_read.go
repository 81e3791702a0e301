package procfs

import (
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// readRaw reads PID/file like read, but by raw system calls and without an allocation for the path. During other system
// calls the Go scheduler may take the processor (P) from the calling thread; in a scan of thousands of processes it
// would do so again and again. readRaw is for files of a single record whose read cannot block, because the kernel
// prints them under spin locks. It is not for cmdline and environ, which the kernel copies from the memory of a
// process.
func (fs *FS) readRaw(pid int, file string) ([]byte, error) {
	fd, err := fs.openRaw(pid, file)
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
		closeRaw(fd)
		if errno != 0 {
			return nil, errno
		}
		return fs.buf[:n], nil
	}
}

// openRaw opens PID/file for reading, by a raw system call.
func (fs *FS) openRaw(pid int, file string) (uintptr, error) {
	path := fs.pathForKernel(pid, file)
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

func closeRaw(fd uintptr) { unix.RawSyscall(unix.SYS_CLOSE, fd, 0, 0) }

// readLinkRaw reads the symbolic link PID/file, by a raw system call. If the result fills fs.buf, it may be truncated.
func (fs *FS) readLinkRaw(pid int, file string) ([]byte, error) {
	path := fs.pathForKernel(pid, file)
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

// readLink reads the symbolic link PID/file of any length.
func (fs *FS) readLink(pid int, file string) ([]byte, error) {
	for {
		b, err := fs.readLinkRaw(pid, file)
		if err != nil || len(b) < len(fs.buf) {
			return b, err
		}
		fs.grow()
	}
}

// pathForKernel returns the path PID/file, ended by a NUL. The next call overwrites it.
func (fs *FS) pathForKernel(pid int, file string) *byte {
	b := append(strconv.AppendInt(fs.pathBuf[:0], int64(pid), 10), '/')
	b = append(append(b, file...), 0)
	return &b[0]
}

// readRawFD calls read(2) by a raw system call.
func readRawFD(fd uintptr, b []byte) (int, error) {
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
