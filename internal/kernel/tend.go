package kernel

import (
	"errors"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"syscall"
	"unsafe"

	"killbox/internal/signals"

	"golang.org/x/sys/unix"
)

// Tend is Adopt for who relays some signals only, with nil the same ones: the
// runtime could not give back what it has once taken. Those in heed are relayed even if our caller has
// us ignore them. Without orphans we stay the parent of our own children and
// nobody else's.
func (k *Kernel) Tend(orphans bool, relay, heed []signals.Signal) error {
	if orphans && os.Getpid() != 1 {
		if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
			return os.NewSyscallError("prctl", err)
		}
	}
	pass := relayed
	if relay != nil {
		pass = func(sig syscall.Signal) bool { return slices.Contains(relay, signals.Signal(sig)) }
	}
	return k.tend(false, pass, heed)
}

// OwnGroup sends sig to the process group that this process leads, and ignores
// it first, CHLD apart, without which nobody could be waited for.
func (k *Kernel) OwnGroup(sig signals.Signal) error {
	if unix.Getpgrp() != os.Getpid() {
		return errors.New("not the leader of a process group")
	}
	if sig != signals.CHLD {
		signal.Ignore(syscall.Signal(sig))
	}
	return sent(unix.Kill(0, unix.Signal(sig)))
}

// Subreaper reports whether orphans among our descendants become our children: the program
// that we were before execve(2) has asked for it (PR_SET_CHILD_SUBREAPER).
func (k *Kernel) Subreaper() bool {
	var set int32 // an int, whatever the width of a pointer
	err := unix.Prctl(unix.PR_GET_CHILD_SUBREAPER, uintptr(unsafe.Pointer(&set)), 0, 0, 0)
	return err == nil && set != 0
}

// DieWithParent has the kernel send us sig when our parent is gone, which it
// may have been before we asked.
func (k *Kernel) DieWithParent(sig signals.Signal) error {
	// The wish is that of a thread, and goes with it. This one stays.
	runtime.LockOSThread()
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(sig), 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl", err)
	}
	if unix.Getppid() != k.given.parent {
		return sent(unix.Kill(os.Getpid(), unix.Signal(sig)))
	}
	return nil
}

// NoCore makes sure that the end of this process leaves no core dump.
func (k *Kernel) NoCore() error {
	return os.NewSyscallError("prctl", unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0))
}

// unblock takes sig out of a mask as rt_sigprocmask has it: words of the
// machine's size.
func unblock(mask *[16]byte, sig syscall.Signal) {
	const bits = 8 * unsafe.Sizeof(uintptr(0))
	words := (*[16 / unsafe.Sizeof(uintptr(0))]uintptr)(unsafe.Pointer(mask))
	bit := uintptr(sig - 1)
	words[bit/bits] &^= 1 << (bit % bits)
}
