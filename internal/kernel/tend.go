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
	if orphans {
		if err := becomeSubreaper(); err != nil {
			return err
		}
	}
	pass := relayed
	if relay == nil {
		ignoreUncatchable()
	} else {
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
	err := prctl(unix.PR_GET_CHILD_SUBREAPER, uintptr(unsafe.Pointer(&set)))
	return err == nil && set != 0
}

// DieWithParent has the kernel send us sig when our parent is gone, which it
// may have been before we asked.
func (k *Kernel) DieWithParent(sig signals.Signal) error {
	// The wish is that of a thread, and goes with it. This one stays.
	runtime.LockOSThread()
	if err := prctl(unix.PR_SET_PDEATHSIG, uintptr(sig)); err != nil {
		return os.NewSyscallError("prctl", err)
	}
	if unix.Getppid() != k.given.parent {
		return sent(unix.Kill(os.Getpid(), unix.Signal(sig)))
	}
	return nil
}

// NoCore makes sure that the end of this process leaves no core dump.
func (k *Kernel) NoCore() error {
	return os.NewSyscallError("prctl", prctl(unix.PR_SET_DUMPABLE, 0))
}
