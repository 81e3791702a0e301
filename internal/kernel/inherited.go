package kernel

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// inherited is what this program inherited and the Go runtime has changed since: it installs handlers for ignored
// signals, unblocks some signals, and raises the limit of open files.
type inherited struct {
	ignored  [numSignals + 1]bool
	mask     sigset
	nofile   *[2]uint64
	filtered bool // a seccomp filter is in force, and a SIGSYS that it raises is survived
	parent   int  // the PPID, read as early as possible
}

// readInherited returns what this program inherited, as far as that is still known.
func readInherited() *inherited {
	in := runtimeInherited()
	in.parent = unix.Getppid()
	// The runtime installs no handler for these signals, and does not record all of them.
	for _, sig := range [...]unix.Signal{unix.SIGCONT, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU, 32, 33, 34} {
		var act disposition
		rtSigaction(int(sig), nil, &act)
		in.ignored[sig] = in.ignored[sig] || act.handler() == sigIgn
	}
	return in
}

// numSignals is the kernel's number of signals. MIPS has twice as many, of which no program uses the upper half.
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
