package kernel

import (
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"
	"unsafe"

	"killbox/internal/signals"

	"golang.org/x/sys/unix"
)

// The Go runtime installs a handler for almost every signal. If os/signal is not used, the runtime drops SIGALRM,
// SIGUSR1 and others, and answers SIGSEGV, SIGABRT and others with a trace and exit status 2. An applet has to react as
// a C program does. So RestoreDispositions replaces each of these handlers by the disposition that this program
// inherited: SIG_DFL or SIG_IGN. As PID 1 this program then survives a SIGSEGV from another process, because the kernel
// drops a signal with SIG_DFL to PID 1. A signal that arrives earlier, in about the first millisecond while the runtime
// starts, still reaches the runtime's handler.
//
// To catch a signal, catchSignal installs the runtime's handler again.

// wordSize is the size of a machine word in bytes.
const wordSize = unsafe.Sizeof(uintptr(0))

// disposition is the kernel's struct sigaction, whose layout depends on the architecture. All zeros are SIG_DFL. It is
// an array of words, because an array of bytes may be at an odd address, where MIPS cannot read a word.
type disposition [64 / wordSize]uintptr

const sigIgn = 1

// ignoreDisposition returns SIG_IGN.
func ignoreDisposition() (d disposition) {
	d[handlerWord()] = sigIgn
	return d
}

// handler returns the handler: 0 (SIG_DFL), sigIgn or the address of a function.
func (d *disposition) handler() uintptr { return d[handlerWord()] }

// handlerWord returns the index of the handler in the struct sigaction.
func handlerWord() int {
	if mips() {
		return 1 // on MIPS the flags are first
	}
	return 0
}

// keepsRuntimeHandler reports whether RestoreDispositions leaves the signal alone. For most of these signals the
// runtime has no handler. It has one for URG, by which it preempts goroutines, and for CHLD and WINCH; all three are
// ignored by default.
func keepsRuntimeHandler(sig int) bool {
	switch syscall.Signal(sig) {
	case unix.SIGKILL, unix.SIGSTOP, unix.SIGURG, unix.SIGCHLD, unix.SIGCONT, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU, unix.SIGWINCH:
		return true
	}
	return false
}

// RestoreDispositions gives each signal that the runtime handles the disposition that this program inherited. A signal
// that was inherited as blocked is ignored instead, because the runtime unblocks some signals in every thread.
func (k *Kernel) RestoreDispositions() {
	in := k.inherited
	in.filtered = ignoreTraps() && seccompActive()
	ignore := ignoreDisposition()
	for sig := 1; sig <= numSignals; sig++ {
		if keepsRuntimeHandler(sig) {
			continue
		}
		ignored := in.ignored[sig] || in.mask.has(signals.Signal(sig))
		if sig == int(unix.SIGSYS) && in.filtered { // see seccomp.go
			rtSigaction(sig, nil, &k.runtimeHandlers[sig])
			to := reactKill
			if ignored || os.Getpid() == 1 {
				to = reactDrop
			}
			setReaction(unix.SIGSYS, to)
			continue
		}
		act := new(disposition)
		if ignored {
			act = &ignore
		}
		rtSigaction(sig, act, &k.runtimeHandlers[sig])
	}
}

// catchSignal installs the runtime's handler for sig, and makes the runtime send sig to k.caught.ch.
func (k *Kernel) catchSignal(sig signals.Signal) {
	number, act := syscall.Signal(sig), &k.runtimeHandlers[sig]
	wasInstalled := act.handler() > sigIgn
	// Notify makes the runtime unblock the signal in one of its threads, and waits for that thread: 25 µs a signal, of
	// which reapwait catches 50. A signal that was not inherited as blocked needs no unblocking, and Notify leaves out
	// that step for a signal that the handler drops. But Notify must install a handler that the runtime has not.
	before := setReaction(number, reactDrop)
	if !wasInstalled || k.inherited.mask.has(sig) {
		setReaction(number, before)
	}
	// Notify comes before the handler is installed: the handler drops a signal that has no channel.
	signal.Notify(k.caught.ch, number)
	if number == unix.SIGSYS && k.inherited.filtered {
		setReaction(unix.SIGSYS, reactDrop) // the handler passes on a SIGSYS from kill(2), and drops a queued one
	} else {
		setReaction(number, reactNotify)
		k.reactions[sig] = before
	}
	if wasInstalled {
		rtSigaction(int(sig), act, nil)
	}
}

// reaction is what the runtime's handler does with a signal, as flags of runtime.sigtable. By default the handler
// passes SIGSEGV and other fault signals on to os/signal only if kill(2) or tgkill(2) sent them. If they are queued
// (sigqueue(3), timer_create(2)), it ends this process with a trace.
type reaction int32

const (
	reactDrop   reaction = 0  // drop the signal
	reactNotify reaction = 1  // pass it on to os/signal
	reactKill   reaction = 2  // end this process by the signal, without a trace
	reactAll    reaction = 15 // the bits that make up a reaction
)

// awaitFault ends this process if sig, which was caught, was raised by a fault of this process. In that case the
// handler has returned to the faulting instruction, which faults again and again. awaitFault restores the runtime's own
// reaction for a millisecond, so that the next fault ends this process.
func (k *Kernel) awaitFault(sig signals.Signal) {
	if !raisedByFault(syscall.Signal(sig)) || syscall.Signal(sig) == unix.SIGSYS {
		return
	}
	setReaction(syscall.Signal(sig), k.reactions[sig])
	sleep(time.Millisecond)
	setReaction(syscall.Signal(sig), reactNotify)
}

// ignoreUncatchable ignores the signals that are not Catchable, except KILL and STOP, so that none of them ends this
// process before its children.
func ignoreUncatchable() {
	act := ignoreDisposition()
	for sig := signals.Signal(1); sig <= signals.RTMax; sig++ {
		if !sig.Catchable() {
			rtSigaction(int(sig), &act, nil)
		}
	}
}

// endingSignals returns the signals to catch while this process must not end at once: every catchable signal that would
// end it.
func (k *Kernel) endingSignals() []signals.Signal {
	if os.Getpid() == 1 {
		return k.caught.chosen // the kernel drops every signal that PID 1 does not catch
	}
	var list []signals.Signal
	for sig := signals.Signal(1); sig <= signals.RTMax; sig++ {
		if sig.Ends() && sig.Catchable() && !k.inheritedIgnored(sig) && !k.inherited.mask.has(sig) && !k.ignored[sig] {
			list = append(list, sig)
		}
	}
	return list
}

// ignoreAllSignals ignores every signal that can be ignored, except URG and those in except. Under a seccomp filter it
// leaves the runtime's handler for SIGSYS in place and makes the handler drop the signal: with SIG_IGN, a system call
// that the filter traps would end this process (force_sig_info_to_task in kernel/signal.c).
func (k *Kernel) ignoreAllSignals(except ...syscall.Signal) {
	act := ignoreDisposition()
	for sig := 1; sig <= numSignals; sig++ {
		number := syscall.Signal(sig)
		switch {
		case number == unix.SIGURG: // the runtime preempts goroutines by it
		case slices.Contains(except, number):
		case number == unix.SIGSYS && k.inherited.filtered:
			setReaction(unix.SIGSYS, reactDrop)
		default:
			rtSigaction(sig, &act, nil)
		}
	}
}

// rtSigaction is rt_sigaction(2). It installs act and stores the previous disposition in old; each may be nil.
func rtSigaction(sig int, act, old *disposition) {
	unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(act)), uintptr(unsafe.Pointer(old)), sigsetSize(), 0, 0)
}

// sigset is the signal set of rt_sigprocmask(2): an array of machine words.
type sigset [16 / wordSize]uintptr

func (s *sigset) word(sig unix.Signal) (word *uintptr, bit uintptr) {
	i := uintptr(sig - 1)
	return &s[i/(8*wordSize)], 1 << (i % (8 * wordSize))
}

func (s *sigset) add(sig unix.Signal) {
	word, bit := s.word(sig)
	*word |= bit
}

func (s *sigset) remove(sig unix.Signal) {
	word, bit := s.word(sig)
	*word &^= bit
}

func (s *sigset) has(sig signals.Signal) bool {
	word, bit := s.word(unix.Signal(sig))
	return *word&bit != 0
}

// sigmask changes the signal mask of the calling thread, as pthread_sigmask(3) does.
func sigmask(how int, set, old *sigset) {
	unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, uintptr(how), uintptr(unsafe.Pointer(set)), uintptr(unsafe.Pointer(old)), sigsetSize(), 0, 0)
}

// pendingSignals returns the blocked signals that are pending for the calling thread or for this process.
func pendingSignals() (set sigset, err error) {
	if _, _, errno := unix.RawSyscall(unix.SYS_RT_SIGPENDING, uintptr(unsafe.Pointer(&set)), sigsetSize(), 0); errno != 0 {
		return sigset{}, os.NewSyscallError("rt_sigpending", errno)
	}
	return set, nil
}
