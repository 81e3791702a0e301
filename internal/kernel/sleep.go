package kernel

import (
	"time"

	"golang.org/x/sys/unix"
)

// sleep is time.Sleep without the runtime's timers: the first of them opens two descriptors for the
// runtime's poller, and where none can be had the runtime ends the program with a trace, whatever is
// stopped by then.
func sleep(d time.Duration) {
	left := unix.NsecToTimespec(int64(d))
	for unix.Nanosleep(&left, &left) == unix.EINTR {
	}
}
