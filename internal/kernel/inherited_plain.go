//go:build !exactsignals

package kernel

import (
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// ignoreTraps returns false: a build without the tag exactsignals does not change unexported variables of the runtime.
// A system call that a seccomp filter traps ends such a build by SIGSYS.
func ignoreTraps() bool { return false }

// setReaction does nothing in a build without the tag exactsignals. While SEGV is caught, a queued SEGV ends such a
// build with a trace.
func setReaction(syscall.Signal, reaction) reaction { return 0 }

// runtimeInherited returns what a build without the tag exactsignals can find out: whether HUP and INT were inherited
// as ignored, and which of the signals inherited as blocked are still blocked. It does not know the limit of open
// files. The Makefile builds with the tag.
func runtimeInherited() *inherited {
	in := &inherited{}
	for _, sig := range []syscall.Signal{unix.SIGHUP, unix.SIGINT} {
		in.ignored[sig] = signal.Ignored(sig)
	}
	sigmask(unix.SIG_BLOCK, nil, &in.mask)
	return in
}

// forkExit starts a process that exits at once. The new process may make only raw system calls. A signal that arrives
// before its exit does no harm.
//
//go:noinline
//go:norace
//go:nocheckptr
func forkExit(uintptr) (uintptr, syscall.Errno) {
	pid, _, errno := syscall.RawSyscall6(unix.SYS_CLONE, 0, 0, 0, 0, 0, 0)
	for errno == 0 && pid == 0 {
		syscall.RawSyscall6(unix.SYS_EXIT_GROUP, 0, 0, 0, 0, 0, 0)
	}
	return pid, errno
}
