package kernel

import (
	"os"
	"time"
	"unsafe"

	"killbox/internal/signals"
	"killbox/procfs"

	"golang.org/x/sys/unix"
)

// Kill is kill(2), for a PID that the user gave and that was not opened. 0 is the process group of this process, -1 is
// every process, and a number below -1 is a group. If sig also reaches this process, its effect is that on a C program
// (see dispositions.go).
func (k *Kernel) Kill(pid int, sig signals.Signal) error {
	return k.killAsC(pid, sig, func() error { return unix.Kill(pid, unix.Signal(sig)) })
}

// killAsC calls kill, which signals pid. If this process is certainly among the targets, killAsC first gives sig the
// disposition that a C program would have, and afterwards waits a second in which sig can end this process.
func (k *Kernel) killAsC(pid int, sig signals.Signal, kill func() error) error {
	self := os.Getpid()
	signalsSelf := pid == 0 || pid == self || pid < 0 && -pid == unix.Getpgrp()
	if signalsSelf {
		var act disposition // SIG_DFL
		if k.inheritedIgnored(sig) {
			act = ignoreDisposition()
		}
		rtSigaction(int(sig), &act, nil)
	}
	err := kill()
	if signalsSelf && err == nil && sig.Ends() && !k.inheritedIgnored(sig) && self != 1 {
		// The kernel may deliver the signal to another thread, a moment later.
		sleep(time.Second)
	}
	return killError(err)
}

// inheritedIgnored reports whether this program inherited the signal as ignored.
func (k *Kernel) inheritedIgnored(sig signals.Signal) bool {
	return sig > 0 && int(sig) < len(k.inherited.ignored) && k.inherited.ignored[sig]
}

// KillWithValue is sigqueue(3): it is Kill with a value, and pid must be a single process.
func (k *Kernel) KillWithValue(pid int, sig signals.Signal, value int32) error {
	info := newQueuedInfo(sig, value)
	return k.killAsC(pid, sig, func() error { return killOrQueue(pid, sig, &info.Siginfo) })
}

// SignalWithValue is Signal with a value, as in sigqueue(3).
func (k *Kernel) SignalWithValue(id procfs.ID, sig signals.Signal, value int32) error {
	info := newQueuedInfo(sig, value)
	return k.signalOpened(id, sig, &info.Siginfo)
}

// killOrQueue signals by PID, with kill(2) or, if info is not nil, with rt_sigqueueinfo(2).
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

// queuedInfo is the siginfo_t of a signal from sigqueue(3).
type queuedInfo struct {
	unix.Siginfo
}

// queuedMembers are the fields that sigqueue(3) fills in besides Signo and Code. They are aligned to a pointer, because
// value is in a union with a pointer.
type queuedMembers struct {
	pid, uid int32
	value    int32
	_        [0]uintptr
}

// newQueuedInfo returns a siginfo_t with all fields that sigqueue(3) fills in.
func newQueuedInfo(sig signals.Signal, value int32) queuedInfo {
	const siQueue = -1
	var info queuedInfo
	info.Signo, info.Code = int32(sig), siQueue
	const at = (3*unsafe.Sizeof(int32(0)) + wordSize - 1) / wordSize * wordSize
	m := (*queuedMembers)(unsafe.Add(unsafe.Pointer(&info), at))
	m.pid, m.uid, m.value = int32(unix.Getpid()), int32(unix.Getuid()), value
	return info
}
