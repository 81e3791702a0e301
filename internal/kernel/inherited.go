package kernel

import (
	"bytes"
	"runtime"
	"syscall"
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
	// These the runtime leaves alone, and does not look at some of them.
	for _, sig := range [...]unix.Signal{unix.SIGCONT, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU, 32, 33, 34} {
		var act [64]byte
		syscall.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), 0, uintptr(unsafe.Pointer(&act)), sigsetSize(), 0, 0)
		ignore := ignoring()
		at := handlerAt()
		size := unsafe.Sizeof(uintptr(0))
		in.ignored[sig] = in.ignored[sig] || bytes.Equal(act[at:at+size], ignore[at:at+size])
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

// ignoring returns a struct sigaction that is SIG_IGN. All zeros are SIG_DFL.
func ignoring() (act [64]byte) {
	const sigIgn = 1
	*(*uintptr)(unsafe.Pointer(&act[handlerAt()])) = sigIgn
	return act
}

// handlerAt is where a struct sigaction has its handler: on MIPS, after the
// flags.
func handlerAt() uintptr {
	if mips() {
		return unsafe.Sizeof(uintptr(0))
	}
	return 0
}

// blockSignals blocks every signal in the calling thread, to which the goroutine must be locked, until
// the returned call.
func blockSignals() (restore func()) {
	var all, old [16]byte
	for i := range all {
		all[i] = 0xff
	}
	set := func(mask, old *[16]byte) {
		syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(mask)), uintptr(unsafe.Pointer(old)), sigsetSize(), 0, 0)
	}
	set(&all, &old)
	return func() { set(&old, nil) }
}
