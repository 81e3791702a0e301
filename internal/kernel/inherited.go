package kernel

import (
	"runtime"

	"killbox/internal/signals"

	"golang.org/x/sys/unix"
)

// inherited is what this program inherited and the Go runtime has changed since then. The runtime installs handlers for
// ignored signals, unblocks some signals, and raises the limit of open files.
type inherited struct {
	ignored  [numSignals + 1]bool
	mask     sigset
	nofile   *[2]uint64
	filtered bool // a seccomp filter is active, and ignoreTraps has succeeded
	parent   int  // the PPID at the start of this program
}

// readInherited returns what this program inherited, as far as that can be found out (see runtimeInherited).
func readInherited() *inherited {
	in := runtimeInherited()
	in.parent = unix.Getppid()
	// The runtime does not record the dispositions of all of these signals. It installs no handler for them either, so
	// rt_sigaction(2) still returns the inherited dispositions.
	for _, sig := range [...]unix.Signal{unix.SIGCONT, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU, 32, 33, 34} {
		var act disposition
		rtSigaction(int(sig), nil, &act)
		in.ignored[sig] = in.ignored[sig] || act.handler() == sigIgn
	}
	return in
}

// numSignals is the highest number of a signal: 64, and 127 on MIPS (see signals.RTMax).
const numSignals = int(signals.RTMax)

// sigsetSize returns the size of the kernel's signal set in bytes: 8, or 16 on MIPS (rt_sigaction(2)).
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

// blockSignals blocks every signal in the calling thread until restore is called. The goroutine must be locked to the
// thread.
func blockSignals() (restore func()) {
	var all, old sigset
	for i := range all {
		all[i] = ^uintptr(0)
	}
	sigmask(unix.SIG_SETMASK, &all, &old)
	return func() { sigmask(unix.SIG_SETMASK, &old, nil) }
}
