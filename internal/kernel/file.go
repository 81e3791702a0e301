package kernel

import "golang.org/x/sys/unix"

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
