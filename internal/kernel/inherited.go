package kernel

import (
	"math/bits"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// inherited is what the caller gave this program and the Go runtime has
// changed since: it puts handlers in the place of ignored signals, unblocks
// some, and raises the limit of open files.
type inherited struct {
	ignored [numSignals + 1]bool
	mask    [16]byte // as rt_sigprocmask has it
	nofile  *[2]uint64
	parent  int // at the earliest that it can be asked for
}

func given() *inherited {
	in := wasGiven()
	in.parent = unix.Getppid()
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

// ignoring returns a struct sigaction that is SIG_IGN. All zeros are SIG_DFL.
func ignoring() (act [64]byte) {
	const sigIgn = 1
	at := uintptr(0)
	if mips() {
		at = bits.UintSize / 8 // after the flags
	}
	*(*uintptr)(unsafe.Pointer(&act[at])) = sigIgn
	return act
}
