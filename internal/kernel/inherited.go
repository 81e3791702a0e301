package kernel

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// inherited is what the caller gave this program and the Go runtime has
// changed since: it puts handlers in the place of ignored signals, unblocks
// some, and raises the limit of open files.
type inherited struct {
	ignored  [numSignals + 1]bool
	mask     sigset
	nofile   *[2]uint64
	filtered bool // by seccomp, and traps are survived
	parent   int  // at the earliest that it can be asked for
}

func given() *inherited {
	in := wasGiven()
	in.parent = unix.Getppid()
	// These the runtime leaves alone, and does not look at some of them.
	for _, sig := range [...]unix.Signal{unix.SIGCONT, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU, 32, 33, 34} {
		var act disposition
		rtSigaction(int(sig), nil, &act)
		in.ignored[sig] = in.ignored[sig] || act.handler() == sigIgn
	}
	return in
}

// numSignals is the kernel's number of signals but for MIPS, where the upper half is
// used by nobody.
const numSignals = 64

// sigsetSize is the size of a signal set: 8 bytes, and 16 on MIPS
// (rt_sigaction(2)).
func sigsetSize() uintptr {
	if mips() {
		return 16
	}
	return 8
}

func mips() bool {
	switch runtime.GOARCH {
	case "mips", "mipsle", "mips64", "mips64le":
		return true
	}
	return false
}

// blockSignals blocks every signal in the calling thread, to which the goroutine must be locked, until
// the returned call.
func blockSignals() (restore func()) {
	var all, old sigset
	for i := range all {
		all[i] = 0xff
	}
	sigmask(unix.SIG_SETMASK, &all, &old)
	return func() { sigmask(unix.SIG_SETMASK, &old, nil) }
}
