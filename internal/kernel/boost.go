package kernel

import (
	"runtime"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// Boost asks to run before all that is not real-time, or else for the best nice value, and silently does without where that
// is refused. Among thousands who want to run, the best nice value alone has a few hundredths of the processor. It holds for
// the calling thread alone (sched(7)) and for what is forked by it, the guardian, so the goroutine is bound to it until the
// returned call. Until then no garbage is collected either: that needs threads that were not boosted.
// Nor does the terminal stop us meanwhile, by ^Z, or for what is printed in the
// background (stty tostop): whoever is frozen would stay so.
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
