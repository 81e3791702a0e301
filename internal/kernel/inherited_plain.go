//go:build !exactsignals

package kernel

import (
	"os/signal"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// wasGiven is what a plain go build can know: of the ignored signals HUP and
// INT, of the mask what the runtime has not taken out, and of the limits
// nothing. The Makefile builds the exact one.
func wasGiven() *inherited {
	in := &inherited{}
	for _, sig := range []syscall.Signal{unix.SIGHUP, unix.SIGINT} {
		in.ignored[sig] = signal.Ignored(sig)
	}
	syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_BLOCK, 0, uintptr(unsafe.Pointer(&in.mask)), sigsetSize(), 0, 0)
	return in
}
