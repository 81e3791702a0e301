package kernel

import (
	"bytes"

	"golang.org/x/sys/unix"
)

// File writes to a descriptor without the Go runtime in between, which would
// end the process by SIGPIPE in the middle of a kill when a reader goes away.
type File int

func (f File) Write(b []byte) (int, error) {
	done := 0
	for done < len(b) {
		n, err := unix.Write(int(f), b[done:])
		switch err {
		case nil:
			done += n
		case unix.EINTR:
		case unix.EAGAIN: // somebody else made it non-blocking
			poll := []unix.PollFd{{Fd: int32(f), Events: unix.POLLOUT}}
			if _, err := unix.Poll(poll, -1); err != nil && err != unix.EINTR {
				return done, err
			}
		default:
			return done, err
		}
	}
	return done, nil
}

// readFile is os.ReadFile without the runtime's poller: the poller takes descriptors, which may not be
// available while processes are stopped.
func readFile(path string) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	var content bytes.Buffer
	buf := make([]byte, 16<<10)
	for {
		n, err := unix.Read(fd, buf)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return nil, err
		case n == 0:
			return content.Bytes(), nil
		default:
			content.Write(buf[:n])
		}
	}
}
