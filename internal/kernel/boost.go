package kernel

import (
	"runtime"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// Boost raises the priority of the calling thread until the returned function is called. It asks for real-time priority
// (SCHED_RR) and, if that is refused, for nice -20. If both are refused, the priority stays as it is. Among thousands
// of runnable processes, nice -20 alone gets only a few hundredths of the processor.
//
// The priority belongs to the calling thread and to the processes that it forks, such as the guardian (sched(7)), so
// Boost locks the goroutine to the thread. While the priority is raised there is no garbage collection, whose threads
// would lack the priority. Boost also ignores SIGTSTP and SIGTTOU: if the terminal stopped this process, by ^Z or for
// background output (stty tostop), the processes that this process has frozen would stay frozen. If the runtime cannot
// start threads, Boost does nothing.
func (k *Kernel) Boost() func() {
	if k.reserveThreads(0) != nil {
		return func() {} // LockOSThread would make the runtime start another thread
	}
	runtime.LockOSThread()
	restoreStops := ignoreTerminalStops()
	end := func() {
		restoreStops()
		runtime.UnlockOSThread()
	}
	old, err := unix.SchedGetAttr(0, 0)
	if err != nil || old.Policy != unix.SCHED_NORMAL {
		return end // keep any other policy, for example real-time
	}
	old.Size = unix.SizeofSchedAttr
	setPriority := func(a unix.SchedAttr) bool {
		a.Size = unix.SizeofSchedAttr
		return unix.SchedSetAttr(0, &a, 0) == nil
	}
	if !setPriority(unix.SchedAttr{Policy: unix.SCHED_RR, Priority: 1}) && !setPriority(unix.SchedAttr{Nice: -20}) {
		return end
	}
	percent := debug.SetGCPercent(-1)
	return func() {
		debug.SetGCPercent(percent)
		_ = unix.SchedSetAttr(0, old, 0)
		end()
	}
}

// ignoreTerminalStops ignores SIGTSTP and SIGTTOU until the returned function is called.
func ignoreTerminalStops() func() {
	signals := [...]unix.Signal{unix.SIGTSTP, unix.SIGTTOU}
	var old [len(signals)]disposition
	for i, sig := range signals {
		ignore := ignoreDisposition()
		rtSigaction(int(sig), &ignore, &old[i])
	}
	return func() {
		for i, sig := range signals {
			rtSigaction(int(sig), &old[i], nil)
		}
	}
}
