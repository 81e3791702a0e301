package kernel

import (
	"os"
	"os/signal"
	"syscall"
	"time"
	"unsafe"

	"killbox/internal/signals"

	"golang.org/x/sys/unix"
)

// The Go runtime handles almost every signal: without os/signal it drops ALRM, USR1 and others, and answers
// SEGV, ABRT and others with a trace and exit status 2. A tool is to behave as a C program does. So
// RestoreDispositions restores the disposition with which the caller started this program, for each signal that
// the runtime handles: SIG_DFL or SIG_IGN. As PID 1 this program then survives a stray SEGV, because the
// kernel drops a signal with SIG_DFL to PID 1. A signal that arrives before (in about the first
// millisecond, while the runtime starts) still meets the runtime's handlers.
//
// catchSignal gives a signal back to the runtime, to be caught.

// disposition is a struct sigaction of the kernel, which every architecture lays out in its own way. All
// zeros are SIG_DFL.
type disposition [64]byte

const sigIgn = 1

// ignoreDisposition returns SIG_IGN.
func ignoreDisposition() (d disposition) {
	*d.handlerWord() = sigIgn
	return d
}

// handler returns 0 (SIG_DFL), sigIgn or the address of a function.
func (d *disposition) handler() uintptr { return *d.handlerWord() }

// handlerWord returns where the kernel's struct sigaction has the handler.
func (d *disposition) handlerWord() *uintptr {
	i := uintptr(0)
	if mips() {
		i = unsafe.Sizeof(i) // after the flags
	}
	return (*uintptr)(unsafe.Pointer(&d[i]))
}

// keepsRuntimeHandler reports whether the runtime has no handler for the signal, or may keep it: it preempts
// goroutines by URG, which is ignored by default, as CHLD is.
func keepsRuntimeHandler(sig int) bool {
	switch syscall.Signal(sig) {
	case unix.SIGKILL, unix.SIGSTOP, unix.SIGURG, unix.SIGCHLD, unix.SIGCONT, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU, unix.SIGWINCH:
		return true
	}
	return false
}

// RestoreDispositions gives each signal the disposition that this program inherited.
func (k *Kernel) RestoreDispositions() {
	in := k.inherited
	in.filtered = ignoreTraps() && seccompActive()
	ignore := ignoreDisposition()
	for sig := 1; sig <= numSignals; sig++ {
		if keepsRuntimeHandler(sig) {
			continue
		}
		ignored := in.ignored[sig] || in.mask.has(signals.Signal(sig)) // the runtime unblocks some in every thread
		if sig == int(unix.SIGSYS) && in.filtered {                    // see seccomp.go
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

// catchSignal makes the runtime send the signal to the channel of caught signals.
func (k *Kernel) catchSignal(sig signals.Signal) {
	signal.Notify(k.caught.ch, syscall.Signal(sig)) // first: the handler drops other signals
	if syscall.Signal(sig) == unix.SIGSYS && k.inherited.filtered {
		setReaction(unix.SIGSYS, reactDrop) // the handler passes on all but queued ones
	} else {
		k.reactions[sig] = setReaction(syscall.Signal(sig), reactNotify)
	}
	if act := &k.runtimeHandlers[sig]; act.handler() > sigIgn {
		rtSigaction(int(sig), act, nil)
	}
}

// reaction is what the runtime's handler does with a signal, in the bits of runtime.sigtable. By itself the
// handler passes on SEGV and others only if they come from kill(2) or tgkill(2), and ends this process with a
// trace if they are queued (sigqueue(3), timer_create(2)).
type reaction int32

const (
	reactDrop   reaction = 0
	reactNotify reaction = 1
	reactKill   reaction = 2
	reactAll    reaction = 15
)

// awaitFault gives the runtime a moment to end this process if sig, which was caught, was raised by a fault of this
// process: the handler has returned to the instruction, which faults again.
func (k *Kernel) awaitFault(sig signals.Signal) {
	if !raisedByFault(syscall.Signal(sig)) || syscall.Signal(sig) == unix.SIGSYS {
		return
	}
	setReaction(syscall.Signal(sig), k.reactions[sig])
	sleep(time.Millisecond)
	setReaction(syscall.Signal(sig), reactNotify)
}

// uncatchable reports whether the runtime's handler passes on no such signal: PROF, and those that C
// libraries use for themselves.
func uncatchable(sig signals.Signal) bool {
	switch syscall.Signal(sig) {
	case unix.SIGKILL, unix.SIGSTOP, unix.SIGPROF, 32, 33, 34:
		return true
	}
	return false
}

// ignoreUncatchable makes this process ignore the uncatchable signals, so that none ends it before its children.
func ignoreUncatchable() {
	act := ignoreDisposition()
	for sig := signals.Signal(1); sig <= numSignals; sig++ {
		if uncatchable(sig) {
			rtSigaction(int(sig), &act, nil)
		}
	}
}

// endingSignals returns the signals to catch while this process must not end at once: all that would end it.
func (k *Kernel) endingSignals() []signals.Signal {
	if os.Getpid() == 1 {
		return k.caught.chosen // the kernel delivers no others to PID 1
	}
	var list []signals.Signal
	for sig := signals.Signal(1); sig <= numSignals; sig++ {
		if sig.Ends() && !uncatchable(sig) && !k.ignores(sig) && !k.inherited.mask.has(sig) && !k.ignored[sig] {
			list = append(list, sig)
		}
	}
	return list
}

// ignoreAllSignals ignores every signal that can be ignored. If SIGSYS were set to SIG_IGN, a system call that a seccomp
// filter traps would end this process (kernel/signal.c, force_sig_info_to_task).
func (k *Kernel) ignoreAllSignals() {
	act := ignoreDisposition()
	for sig := 1; sig <= numSignals; sig++ {
		switch syscall.Signal(sig) {
		case unix.SIGURG: // by which the runtime preempts
		case unix.SIGSYS:
			if k.inherited.filtered {
				setReaction(unix.SIGSYS, reactDrop)
				continue
			}
			fallthrough
		default:
			rtSigaction(sig, &act, nil)
		}
	}
}

// rtSigaction installs the disposition unless act is nil, and stores the former one in old unless that is nil.
func rtSigaction(sig int, act, old *disposition) {
	unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(act)), uintptr(unsafe.Pointer(old)), sigsetSize(), 0, 0)
}

// sigset is a set of signals as rt_sigprocmask(2) has it: words of the machine's size.
type sigset [16]byte

const wordBits = 8 * unsafe.Sizeof(uintptr(0))

func (s *sigset) word(sig unix.Signal) (word *uintptr, bit uintptr) {
	words := (*[16 / unsafe.Sizeof(uintptr(0))]uintptr)(unsafe.Pointer(s))
	i := uintptr(sig - 1)
	return &words[i/wordBits], 1 << (i % wordBits)
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

// sigmask is pthread_sigmask(3): it changes the mask of the calling thread.
func sigmask(how int, set, old *sigset) {
	unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, uintptr(how), uintptr(unsafe.Pointer(set)), uintptr(unsafe.Pointer(old)), sigsetSize(), 0, 0)
}
