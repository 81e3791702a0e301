//go:build !exactsignals

package kernel

import (
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// ignoreTraps would take the runtime's unexported state: a system call that a seccomp filter traps ends the
// plain build by SIGSYS.
func ignoreTraps() bool { return false }

// setReaction would take it as well: a queued SEGV ends the plain build with a trace while it is caught.
func setReaction(syscall.Signal, reaction) reaction { return 0 }

// runtimeInherited returns what a plain go build can know: whether HUP and INT were ignored, the signals of the mask
// that the runtime has not unblocked, and no limit. The Makefile builds the exact variant.
func runtimeInherited() *inherited {
	in := &inherited{}
	for _, sig := range []syscall.Signal{unix.SIGHUP, unix.SIGINT} {
		in.ignored[sig] = signal.Ignored(sig)
	}
	sigmask(unix.SIG_BLOCK, nil, &in.mask)
	return in
}
