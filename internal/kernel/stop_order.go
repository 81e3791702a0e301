package kernel

import (
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// TSTP and CONT cancel each other: the last one counts. But the runtime passes on caught signals some time after their
// handler has run, and those that it has caught meanwhile in the order of their numbers: CONT before TSTP. So when CONT
// is received, a TSTP that the runtime has caught by then may have been the first. It is discarded, because otherwise
// this process would stop after the last CONT. On MIPS the order of the numbers is the other one.

// afterCont returns the signals that the runtime has caught by now and that n.ch contains, without TSTP. It is called
// by the goroutine that receives the signals when it has received CONT.
func (n *caughtSignals) afterCont() (rest []os.Signal) {
	awaitRuntime()
	for {
		select {
		case s := <-n.ch:
			if s == os.Signal(unix.SIGCONT) {
				awaitRuntime()
			}
			if s != os.Signal(unix.SIGTSTP) {
				rest = append(rest, s)
			}
		default:
			return rest
		}
	}
}

// awaitReceived waits until each signal whose handler has begun is in the queue of the reaper.
func (n *caughtSignals) awaitReceived() {
	awaitRuntime()
	f := make(fence)
	n.ch <- f
	<-f
}

// fence is sent to caughtSignals.ch, and closed when the signals before it have been handled.
type fence chan struct{}

// Signal and String make a fence an os.Signal.
func (fence) Signal()        {}
func (fence) String() string { return "fence" }

// awaitRuntime waits until the runtime has passed on each signal whose handler has begun.
func awaitRuntime() {
	// With SCHED_FIFO on one processor, the thread that passes on the signals would wait for this thread, which polls.
	unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0)
	// Stop waits for the runtime, because afterwards idle must not receive a signal. wakeForChildren has called Notify
	// for CHLD as well, so Stop does not reset the disposition.
	idle := make(chan os.Signal, 1)
	signal.Notify(idle, syscall.SIGCHLD)
	signal.Stop(idle)
}
