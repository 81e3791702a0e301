package kernel

import (
	"time"

	"golang.org/x/sys/unix"
)

// sleep is time.Sleep without the runtime's timers. The first timer opens two descriptors for the runtime's poller. If
// they are not available, the runtime ends this process with a trace, even while other processes are stopped.
func sleep(d time.Duration) {
	remaining := unix.NsecToTimespec(int64(d))
	for unix.Nanosleep(&remaining, &remaining) == unix.EINTR {
	}
}
