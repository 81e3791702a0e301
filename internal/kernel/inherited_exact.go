//go:build exactsignals

package kernel

import (
	"runtime"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The Go runtime records the dispositions and the mask that it finds at its start, for C programs that load Go code.
// These variables are not exported. The linker accepts the references to them with -ldflags=-checklinkname=0.

//go:linkname fwdSig runtime.fwdSig
var fwdSig [numSignals + 1]uintptr

//go:linkname initSigmask runtime.initSigmask
var initSigmask [8 / wordSize]uintptr

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

// rawVforkSyscall makes a system call that returns twice on the same stack: it keeps its return address in a register.
//
//go:linkname rawVforkSyscall syscall.rawVforkSyscall
func rawVforkSyscall(trap, a1, a2, a3 uintptr) (r1 uintptr, errno syscall.Errno)

// forkExit starts a process that exits at once, and returns when it has exited. As after vfork(2), the process shares
// the memory of this one, which takes a fraction of the time of fork(2). All signals are blocked meanwhile: a handler
// of the runtime that ran in the new process would change the memory of this one. Nor is the goroutine preempted then,
// so it stays on its thread. size is that of a signal set.
//
//go:noinline
//go:nosplit
//go:norace
//go:nocheckptr
func forkExit(size uintptr) (pid uintptr, errno syscall.Errno) {
	var all, old sigset
	for i := range all {
		all[i] = ^uintptr(0)
	}
	call, first, second := uintptr(unix.SYS_CLONE), uintptr(unix.CLONE_VM|unix.CLONE_VFORK), uintptr(0) // no exit signal
	if runtime.GOARCH == "s390x" {
		first, second = second, first // there the stack comes before the flags
	}
	syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&all)), uintptr(unsafe.Pointer(&old)), size, 0, 0)
	for {
		// Both processes use this stack. The new process overwrites the return addresses below this function, where
		// this process returns afterwards. So the exit is made by the same call: the return addresses are the same.
		pid, errno = rawVforkSyscall(call, first, second, 0)
		if errno != 0 || pid != 0 {
			break
		}
		call, first, second = unix.SYS_EXIT_GROUP, 0, 0
	}
	syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&old)), 0, size, 0, 0)
	return pid, errno
}
