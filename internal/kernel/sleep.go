package kernel

import (
	"time"

	"golang.org/x/sys/unix"
)

// sleep is time.Sleep without the runtime's timers. The first timer opens two descriptors for the runtime's
// poller, and if it cannot the runtime ends the program with a trace, even while processes are stopped.
func sleep(d time.Duration) {
	left := unix.NsecToTimespec(int64(d))
	for unix.Nanosleep(&left, &left) == unix.EINTR {
	}
}
