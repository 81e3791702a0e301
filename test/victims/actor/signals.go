package main

import (
	"os"
	"os/signal"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// blocked returns the signals that this process must block, or nil if there are none.
func blocked(words []string) *unix.Sigset_t {
	set, found := new(unix.Sigset_t), false
	for i := 0; i < len(words); i++ {
		if isChild(words[i]) {
			i = end(words, i)
		} else if name, ok := strings.CutPrefix(words[i], "block="); ok {
			n := uint(number(name)) - 1
			set.Val[n/64] |= 1 << (n % 64)
			found = true
		}
	}
	if !found {
		return nil
	}
	return set
}

// checkMask fails if a signal is not blocked: the Go runtime unblocks signals that end a program, such as TERM.
func (a *actor) checkMask() {
	var now unix.Sigset_t
	must("sigprocmask", unix.PthreadSigmask(unix.SIG_BLOCK, nil, &now))
	for i := range now.Val {
		if a.mask.Val[i]&^now.Val[i] != 0 {
			fail("a process with handlers cannot block these signals")
		}
	}
}

// restoreDefaults gives the default action to all signals that no word mentions. The Go runtime catches them, and
// for example discards ALRM and USR1.
func (a *actor) restoreDefaults() {
	for sig := syscall.Signal(1); sig <= 64; sig++ {
		switch {
		case a.on[sig] != nil, signal.Ignored(sig):
		case sig == syscall.SIGCHLD, sig == syscall.SIGURG: // reap needs CHLD, the runtime URG
		default:
			var sigDfl [64]byte // the kernel's struct sigaction, whose layout depends on the architecture
			const setSize = 8
			_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(&sigDfl)), 0, setSize, 0, 0)
		}
	}
}

// setDefault also undoes an inherited SIG_IGN, which signal.Reset alone keeps.
func setDefault(sig syscall.Signal) {
	signal.Notify(make(chan os.Signal, 1), sig)
	signal.Reset(sig)
}

func number(name string) syscall.Signal {
	if n := unix.SignalNum("SIG" + name); n != 0 {
		return n
	}
	return syscall.Signal(integer(name))
}
