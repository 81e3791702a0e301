package kernel

import (
	"runtime"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// Boost gives this thread a real-time priority or, if that is refused, the best nice value; if that is refused as well it
// does nothing. Among thousands of runnable processes, the best nice value alone gets a few hundredths of the processor.
// The priority is that of the calling thread alone (sched(7)) and of its children, such as the guardian, so Boost binds the
// goroutine to the thread until the returned function is called. Until then there is no garbage collection, which takes
// threads without that priority. The terminal does not stop this process meanwhile, by ^Z or for output from the background
// (stty tostop): what this process has frozen would stay frozen.
func (k *Kernel) Boost() func() {
	if k.reserveThreads() != nil {
		return func() {} // locking a thread makes the runtime start another
	}
	runtime.LockOSThread()
	going := ignoreTerminalStops()
	end := func() {
		going()
		runtime.UnlockOSThread()
	}
	old, err := unix.SchedGetAttr(0, 0)
	if err != nil || old.Policy != unix.SCHED_NORMAL {
		return end // real-time already, perhaps
	}
	old.Size = unix.SizeofSchedAttr
	better := func(a unix.SchedAttr) bool {
		a.Size = unix.SizeofSchedAttr
		return unix.SchedSetAttr(0, &a, 0) == nil
	}
	if !better(unix.SchedAttr{Policy: unix.SCHED_RR, Priority: 1}) && !better(unix.SchedAttr{Nice: -20}) {
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
