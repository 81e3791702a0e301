//go:build exactsignals

package kernel

import (
	"sync/atomic"
	"syscall"
	_ "unsafe" // for linkname
)

// The Go runtime records the dispositions and the mask that it finds at its start, for C programs that load Go code.
// These variables are not exported. The linker accepts the references to them with -ldflags=-checklinkname=0.

//go:linkname fwdSig runtime.fwdSig
var fwdSig [numSignals + 1]uintptr

//go:linkname initSigmask runtime.initSigmask
var initSigmask [8]byte

//go:linkname origRlimitNofile syscall.origRlimitNofile
var origRlimitNofile atomic.Pointer[syscall.Rlimit]

//go:linkname sigsysIgnored runtime.sigsysIgnored
var sigsysIgnored uint32

//go:linkname sigtable runtime.sigtable
var sigtable [numSignals + 1]struct {
	flags int32
	name  string
}

// setReaction sets what the runtime's handler does with the signal, and returns the previous reaction.
func setReaction(sig syscall.Signal, to reaction) (was reaction) {
	flags := &sigtable[sig].flags
	old := atomic.LoadInt32(flags)
	atomic.StoreInt32(flags, old&^int32(reactAll)|int32(to))
	return reaction(old) & reactAll
}

// ignoreTraps makes the runtime's handler return from a SIGSYS that a seccomp filter raises. It reports whether this
// build can do that.
func ignoreTraps() bool {
	atomic.StoreUint32(&sigsysIgnored, 1)
	return true
}

// runtimeInherited returns the dispositions, the mask and the limit of open files that the runtime and package syscall
// recorded at the start of this process.
func runtimeInherited() *inherited {
	const sigIgn = 1
	in := &inherited{}
	for sig := 1; sig <= numSignals; sig++ {
		in.ignored[sig] = fwdSig[sig] == sigIgn
	}
	copy(in.mask[:], initSigmask[:])
	if lim := origRlimitNofile.Load(); lim != nil {
		in.nofile = &[2]uint64{uint64(lim.Cur), uint64(lim.Max)}
	}
	return in
}
