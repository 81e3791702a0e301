package kernel

import (
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

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

	sigs   []signals.Signal
	caught map[signals.Signal]bool
	// soon: a Wait that has to sleep catches sigs first.
	soon bool
}

// Catch prepares to catch the given signals, except those that this program inherited ignored or blocked:
// until Hold each ends the process at once, and after it they end a Wait. As PID 1, which the kernel sends
// only what is caught, it catches them now.
//
// The runtime starts threads for signals that are caught, which takes longer
// than all that most calls do. So they are caught when it begins to matter.
func (k *Kernel) Catch(sigs ...signals.Signal) error {
	if err := enoughMemory(); err != nil {
		return err
	}
	fd, err := k.opened(func() (int, error) { return unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK) })
	if err != nil {
		return os.NewSyscallError("eventfd", err)
	}
	k.notes = &notes{fd: fd, ch: make(chan os.Signal, 64), caught: make(map[signals.Signal]bool)}
	for _, s := range sigs {
		if !k.ignores(s) && !k.given.mask.has(s) {
			k.notes.sigs = append(k.notes.sigs, s)
		}
	}
	if os.Getpid() == 1 {
		k.arm(k.notes.sigs)
	}
	return nil
}

// arm begins to catch those of the signals that are not caught yet.
func (k *Kernel) arm(sigs []signals.Signal) {
	n := k.notes
	if len(n.caught) == 0 {
		go func() {
			for s := range n.ch {
				sig := signals.Signal(s.(syscall.Signal))
				n.take(sig)
				k.faultAgain(sig)
			}
		}()
	}
	for _, s := range sigs {
		if !n.caught[s] && !k.ignoring[s] {
			n.caught[s] = true
			k.take(s)
		}
	}
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
	if k.keeper != nil {
		return k.holdBack(nil) // tend has chosen
	}
	return k.holdBack(k.ending())
}

func (k *Kernel) holdBack(sigs []signals.Signal) error {
	k.notes.soon = false
	if len(k.notes.caught) == 0 {
		if err := k.reserveThreads(); err != nil {
			return err
		}
	}
	k.notes.hold.Store(true) // before one is caught, which would be our end a little late
	k.arm(sigs)
	return nil
}

// holds reports whether caught signals are deferred.
func (k *Kernel) holds() bool { return k.notes != nil && k.notes.hold.Load() }

// HoldWhenWaiting defers the signals given to Catch, as soon as a Wait takes longer than a glance: for a call
// that has nothing to put right before a signal ends this process.
func (k *Kernel) HoldWhenWaiting() {
	if k.notes != nil {
		k.notes.soon = true
	}
}

// Ignore makes this process ignore sig.
func (k *Kernel) Ignore(sig signals.Signal) {
	k.ignoring[sig] = true
	signal.Ignore(syscall.Signal(sig))
}

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
	// Without the help of the Go runtime, which prints a trace for some signals.
	rtSigaction(int(sig), &disposition{}, nil)
	unix.Kill(os.Getpid(), unix.Signal(sig))
	// Another thread may be the one to take it, any moment now.
	sleep(time.Second)
}
