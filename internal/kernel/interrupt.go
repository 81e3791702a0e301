package kernel

import (
	"os"
	"os/signal"
	"slices"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"killbox/internal/signals"

	"golang.org/x/sys/unix"
)

// notes passes a signal on to the goroutine that waits.
type notes struct {
	fd    int // an eventfd
	ch    chan os.Signal
	hold  atomic.Bool
	woken atomic.Bool
	// keeper, if set, takes what comes.
	keeper atomic.Pointer[keeper]
	got    atomic.Int32

	sigs  []signals.Signal
	armed bool
	// soon: a Wait that has to wait calls Hold.
	soon bool
	// quit is the runtime's handler of QUIT where ours is not yet in place.
	quit *[64]byte
}

// Catch takes the given signals from the Go runtime, those apart that the
// caller had us ignore: until Hold each ends the process at once, as if it had
// not been caught, and after it they end a Wait.
//
// The runtime starts threads for signals that are caught, which takes longer
// than all that most calls do. So they are caught when it begins to matter.
func (k *Kernel) Catch(sigs ...signals.Signal) error {
	if err := enoughMemory(); err != nil {
		return err
	}
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return os.NewSyscallError("eventfd", err)
	}
	n := &notes{fd: fd, ch: make(chan os.Signal, 64)}
	k.notes = n
	for _, s := range sigs {
		if k.ignores(s) || signal.Ignored(syscall.Signal(s)) {
			signal.Ignore(syscall.Signal(s)) // the runtime has put its handler there
		} else {
			n.sigs = append(n.sigs, s)
		}
	}
	if os.Getpid() == 1 {
		n.arm() // only what is caught reaches PID 1
	} else if slices.Contains(n.sigs, signals.QUIT) {
		// Of the four it is the one for which the runtime has an answer of
		// its own, a trace.
		n.quit = new([64]byte)
		var zero [64]byte
		rtSigaction(int(signals.QUIT), &zero, n.quit)
	}
	return nil
}

// arm begins to catch the signals.
func (n *notes) arm() {
	if n.armed {
		return
	}
	n.armed = true
	for _, s := range n.sigs {
		if !signal.Ignored(syscall.Signal(s)) { // by Ignore, since
			signal.Notify(n.ch, syscall.Signal(s))
		}
	}
	if n.quit != nil {
		rtSigaction(int(signals.QUIT), n.quit, nil)
	}
	go func() {
		for s := range n.ch {
			n.take(signals.Signal(s.(syscall.Signal)))
		}
	}()
}

// take deals with a signal that has come.
func (n *notes) take(sig signals.Signal) {
	if n.keeper.Load() == nil && !n.hold.Load() {
		Die(sig)
	}
	// Of PID 1 it may be that neither death nor a keeper took it yet; the
	// keeper may have come since, and asks for it after it has.
	if n.keeper.Load() == nil {
		n.got.CompareAndSwap(0, int32(sig))
		sig = 0
	}
	n.handOver(sig)
	n.wake()
}

// handOver gives the keeper, if there is one, what has come before it and sig,
// if any.
func (n *notes) handOver(sig signals.Signal) {
	q := n.keeper.Load()
	if q == nil {
		return
	}
	if s := n.got.Swap(0); s != 0 {
		q.put(signals.Signal(s))
	}
	if sig != 0 {
		q.put(sig)
	}
}

// wake makes the descriptor readable. The number is not 0 and not the
// forbidden one in either byte order.
func (n *notes) wake() { unix.Write(n.fd, []byte{1, 0, 0, 0, 0, 0, 0, 1}) }

// Wake ends a Wait, the next one if there is none now.
func (k *Kernel) Wake() {
	if k.notes != nil {
		k.notes.woken.Store(true)
		k.notes.wake()
	}
}

// woken tells, once, of a Wake.
func (k *Kernel) woken() bool {
	if k.notes == nil || !k.notes.woken.Swap(false) {
		return false
	}
	var b [8]byte
	unix.Read(k.notes.fd, b[:])
	return true
}

// Hold defers the caught signals: from now on they do not end this process, and Interrupted and Wait report
// them. Catching takes threads of the runtime. If these cannot be started Hold fails, and a signal still
// ends the process at once.
func (k *Kernel) Hold() error {
	if k.notes == nil {
		return nil
	}
	k.notes.soon = false
	if !k.notes.armed {
		if err := k.reserveThreads(); err != nil {
			return err
		}
	}
	k.notes.hold.Store(true) // before one is caught, which would be our end a little late
	k.notes.arm()
	return nil
}

// HoldWhenWaiting is Hold as soon as a Wait takes longer than a glance: for
// whoever has nothing to put right before a signal may end this process.
func (k *Kernel) HoldWhenWaiting() {
	if k.notes != nil {
		k.notes.soon = true
	}
}

// Ignore makes this process ignore sig.
func (k *Kernel) Ignore(sig signals.Signal) { signal.Ignore(syscall.Signal(sig)) }

// Interrupted returns a *signals.Interrupt once a caught signal has arrived.
func (k *Kernel) Interrupted() error {
	if k.notes == nil {
		return nil
	}
	if s := k.notes.got.Load(); s != 0 {
		return &signals.Interrupt{Signal: signals.Signal(s)}
	}
	return nil
}

// Die is the function of that name, but for the PIPE that our caller has us
// ignore: then a program gets the error of its write, and nothing else.
func (k *Kernel) Die(sig signals.Signal) {
	if sig != signals.PIPE || !k.ignores(sig) {
		Die(sig)
	}
}

// Die ends this process by sig itself, so that whoever waits for it sees why:
// a shell stops its loop on a child that died of SIGINT, not on one that
// exited with 130. It returns where a signal cannot end us, as for PID 1.
func Die(sig signals.Signal) {
	if os.Getpid() == 1 {
		return
	}
	// The Go runtime's own handler is taken off without its help, since it
	// prints a trace for some signals. A structure of zeros is SIG_DFL in
	// every architecture's layout.
	var zero [64]byte
	rtSigaction(int(sig), &zero, nil)
	unix.Kill(os.Getpid(), unix.Signal(sig))
	// Another thread may be the one to take it, any moment now.
	sleep(time.Second)
}

// rtSigaction installs the disposition, and stores the former one in old unless
// that is nil.
func rtSigaction(sig int, act, old *[64]byte) {
	unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(act)), uintptr(unsafe.Pointer(old)), sigsetSize(), 0, 0)
}
