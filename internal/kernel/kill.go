package kernel

import (
	"os"
	"time"
	"unsafe"

	"killbox/internal/signals"
	"killbox/procfs"

	"golang.org/x/sys/unix"
)

// Kill is kill(2), for who was given a number to signal and has not looked
// behind it: 0 is our own group, -1 everybody, and below that a group. If this
// process is among them it fares as a program in C would: the Go runtime has
// handlers of its own, which print traces and do nothing at all for others.
func (k *Kernel) Kill(pid int, sig signals.Signal) error {
	return k.asInC(pid, sig, func() error { return unix.Kill(pid, unix.Signal(sig)) })
}

func (k *Kernel) asInC(pid int, sig signals.Signal, kill func() error) error {
	self := os.Getpid()
	own := pid == 0 || pid == self || pid < 0 && -pid == unix.Getpgrp()
	if own {
		var act disposition // SIG_DFL
		if k.ignores(sig) {
			act = ignoring()
		}
		rtSigaction(int(sig), &act, nil)
	}
	err := kill()
	if own && err == nil && sig.Ends() && !k.ignores(sig) && self != 1 {
		// Another thread may be the one to take it, any moment now.
		sleep(time.Second)
	}
	return sent(err)
}

// ignores tells whether our caller had us ignore the signal.
func (k *Kernel) ignores(sig signals.Signal) bool {
	return sig > 0 && int(sig) < len(k.given.ignored) && k.given.ignored[sig]
}

// KillQueue is Kill with a value, to one process (sigqueue(3)).
func (k *Kernel) KillQueue(pid int, sig signals.Signal, value int32) error {
	info := queued(sig, value)
	return k.asInC(pid, sig, func() error { return post(pid, sig, &info.Siginfo) })
}

// Queue is Signal with a value.
func (k *Kernel) Queue(id procfs.ID, sig signals.Signal, value int32) error {
	info := queued(sig, value)
	return k.send(id, sig, &info.Siginfo)
}

// post sends to a number.
func post(pid int, sig signals.Signal, info *unix.Siginfo) error {
	if info == nil {
		return unix.Kill(pid, unix.Signal(sig))
	}
	_, _, errno := unix.Syscall(unix.SYS_RT_SIGQUEUEINFO, uintptr(pid), uintptr(sig), uintptr(unsafe.Pointer(info)))
	if errno != 0 {
		return errno
	}
	return nil
}

// queuedInfo is a siginfo_t with the members of sigqueue(3). They begin at an
// address fit for a pointer, which the value may be.
type queuedInfo struct {
	unix.Siginfo
}

type queuedMembers struct {
	pid, uid int32
	value    int32
	_        [0]uintptr
}

func queued(sig signals.Signal, value int32) queuedInfo {
	const siQueue = -1
	var info queuedInfo
	info.Signo, info.Code = int32(sig), siQueue
	word := unsafe.Sizeof(uintptr(0))
	at := (3*unsafe.Sizeof(int32(0)) + word - 1) / word * word
	m := (*queuedMembers)(unsafe.Add(unsafe.Pointer(&info), at))
	m.pid, m.uid, m.value = int32(unix.Getpid()), int32(unix.Getuid()), value
	return info
}
