package kernel

import (
	"os"
	"time"
	"unsafe"

	"killbox/internal/signals"
	"killbox/procfs"

	"golang.org/x/sys/unix"
)

// Kill is kill(2), for a number that the user gave and that no process was opened for: 0 is the process group of
// this process, -1 all processes, and a number below that a group. If this process is signalled too, the effect is
// that on a C program (see dispositions.go).
func (k *Kernel) Kill(pid int, sig signals.Signal) error {
	return k.killAsC(pid, sig, func() error { return unix.Kill(pid, unix.Signal(sig)) })
}

// killAsC calls kill, which signals pid. Before, it sets the disposition of sig to that of a C program if this
// process is signalled for certain, and afterwards it gives sig time to end this process.
func (k *Kernel) killAsC(pid int, sig signals.Signal, kill func() error) error {
	self := os.Getpid()
	own := pid == 0 || pid == self || pid < 0 && -pid == unix.Getpgrp()
	if own {
		var act disposition // SIG_DFL
		if k.ignores(sig) {
			act = ignoreDisposition()
		}
		rtSigaction(int(sig), &act, nil)
	}
	err := kill()
	if own && err == nil && sig.Ends() && !k.ignores(sig) && self != 1 {
		// Another thread may take the signal, a moment later.
		sleep(time.Second)
	}
	return killError(err)
}

// ignores reports whether this process inherited the signal as ignored.
func (k *Kernel) ignores(sig signals.Signal) bool {
	return sig > 0 && int(sig) < len(k.inherited.ignored) && k.inherited.ignored[sig]
}

// KillWithValue is sigqueue(3): Kill with a value, for one process.
func (k *Kernel) KillWithValue(pid int, sig signals.Signal, value int32) error {
	info := newQueuedInfo(sig, value)
	return k.killAsC(pid, sig, func() error { return killOrQueue(pid, sig, &info.Siginfo) })
}

// SignalWithValue is Signal with a value (sigqueue(3)).
func (k *Kernel) SignalWithValue(id procfs.ID, sig signals.Signal, value int32) error {
	info := newQueuedInfo(sig, value)
	return k.signalPinned(id, sig, &info.Siginfo)
}

// killOrQueue signals by PID: kill(2), or rt_sigqueueinfo(2) if info is not nil.
func killOrQueue(pid int, sig signals.Signal, info *unix.Siginfo) error {
	if info == nil {
		return unix.Kill(pid, unix.Signal(sig))
	}
	_, _, errno := unix.Syscall(unix.SYS_RT_SIGQUEUEINFO, uintptr(pid), uintptr(sig), uintptr(unsafe.Pointer(info)))
	if errno != 0 {
		return errno
	}
	return nil
}

// queuedInfo is a siginfo_t with the members of sigqueue(3). They are aligned to a pointer, because the value is a
// union with one.
type queuedInfo struct {
	unix.Siginfo
}

type queuedMembers struct {
	pid, uid int32
	value    int32
	_        [0]uintptr
}

// newQueuedInfo returns the siginfo_t that sigqueue(3) fills in.
func newQueuedInfo(sig signals.Signal, value int32) queuedInfo {
	const siQueue = -1
	var info queuedInfo
	info.Signo, info.Code = int32(sig), siQueue
	word := unsafe.Sizeof(uintptr(0))
	at := (3*unsafe.Sizeof(int32(0)) + word - 1) / word * word
	m := (*queuedMembers)(unsafe.Add(unsafe.Pointer(&info), at))
	m.pid, m.uid, m.value = int32(unix.Getpid()), int32(unix.Getuid()), value
	return info
}
