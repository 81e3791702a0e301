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

// caughtSignals passes a caught signal on to the goroutine that waits. A goroutine of its own receives signals from
// the runtime (receive); wakeWaiter then makes fd readable, which is in the epoll set.
type caughtSignals struct {
	fd            int // an eventfd
	ch            chan os.Signal
	deferred      atomic.Bool            // a caught signal does not end this process
	wakeRequested atomic.Bool            // by Wake
	reaper        atomic.Pointer[reaper] // gets the caught signals; nil before StartReaper
	first         atomic.Int32           // the first caught signal that the reaper did not get, for Interrupted

	chosen  []signals.Signal        // given to Catch, and not inherited as ignored or blocked
	handled map[signals.Signal]bool // those that are caught by now
	// deferWhenWaiting: a Wait that takes longer than deferDelay catches and defers the chosen signals.
	deferWhenWaiting bool
}

// Catch prepares to catch the given signals, except those that this program inherited ignored or blocked. Until
// DeferSignals each ends this process at once, and after it they end a Wait. As PID 1, to which the kernel delivers
// only signals that are caught, it catches them now.
//
// The runtime starts threads for signals that are caught, which takes longer than all that most calls do. So
// they are caught only when that begins to matter.
func (k *Kernel) Catch(sigs ...signals.Signal) error {
	if err := checkMemory(); err != nil {
		return err
	}
	fd, err := k.openVerified(func() (int, error) { return unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK) })
	if err != nil {
		return os.NewSyscallError("eventfd", err)
	}
	k.caught = &caughtSignals{fd: fd, ch: make(chan os.Signal, 64), handled: make(map[signals.Signal]bool)}
	for _, s := range sigs {
		if !k.ignores(s) && !k.inherited.mask.has(s) {
			k.caught.chosen = append(k.caught.chosen, s)
		}
	}
	if os.Getpid() == 1 {
		k.catchSignals(k.caught.chosen)
	}
	return nil
}

// catchSignals catches those of the signals that are not caught yet.
func (k *Kernel) catchSignals(sigs []signals.Signal) {
	n := k.caught
	if len(n.handled) == 0 {
		go func() {
			for s := range n.ch {
				sig := signals.Signal(s.(syscall.Signal))
				n.receive(sig)
				k.awaitFault(sig)
			}
		}()
	}
	for _, s := range sigs {
		if !n.handled[s] && !k.ignored[s] {
			n.handled[s] = true
			k.catchSignal(s)
		}
	}
}

// receive deals with a caught signal: it ends this process, or tells the reaper or Interrupted.
func (n *caughtSignals) receive(sig signals.Signal) {
	if n.reaper.Load() == nil && !n.deferred.Load() {
		Die(sig)
	}
	// PID 1 may be here without a reaper, since Die does not end it. A reaper that starts meanwhile calls
	// moveToReaper afterwards.
	if n.reaper.Load() == nil {
		n.first.CompareAndSwap(0, int32(sig))
		sig = 0
	}
	n.moveToReaper(sig)
	n.wakeWaiter()
}

// moveToReaper gives the reaper, if there is one, the signal that was caught before it started, and sig, if not 0.
func (n *caughtSignals) moveToReaper(sig signals.Signal) {
	q := n.reaper.Load()
	if q == nil {
		return
	}
	if s := n.first.Swap(0); s != 0 {
		q.enqueue(signals.Signal(s))
	}
	if sig != 0 {
		q.enqueue(sig)
	}
}

// wakeWaiter makes the eventfd readable. In either byte order the number is neither 0 nor the forbidden
// 0xffffffffffffffff (eventfd(2)).
func (n *caughtSignals) wakeWaiter() { unix.Write(n.fd, []byte{1, 0, 0, 0, 0, 0, 0, 1}) }

// Wake ends a Wait, the next one if none is in progress. Any goroutine may call it.
func (k *Kernel) Wake() {
	if k.caught != nil {
		k.caught.wakeRequested.Store(true)
		k.caught.wakeWaiter()
	}
}

// takeWakeRequest reports whether Wake was called since the last time.
func (k *Kernel) takeWakeRequest() bool {
	if k.caught == nil || !k.caught.wakeRequested.Swap(false) {
		return false
	}
	var b [8]byte
	unix.Read(k.caught.fd, b[:])
	return true
}

// DeferSignals: from now on a caught signal no longer ends the process; Interrupted and Wait report it. To catch
// signals takes threads of the runtime. If these cannot be started DeferSignals fails, and a signal still ends the
// process at once.
func (k *Kernel) DeferSignals() error {
	if k.caught == nil {
		return nil
	}
	if k.reaper != nil {
		return k.deferSignals(nil) // startReaper has caught them
	}
	return k.deferSignals(k.endingSignals())
}

// deferSignals defers the caught signals, and catches sigs as well.
func (k *Kernel) deferSignals(sigs []signals.Signal) error {
	k.caught.deferWhenWaiting = false
	if len(k.caught.handled) == 0 {
		if err := k.reserveThreads(); err != nil {
			return err
		}
	}
	k.caught.deferred.Store(true) // first: a signal caught before that would end this process
	k.catchSignals(sigs)
	return nil
}

// defersSignals reports whether caught signals are deferred.
func (k *Kernel) defersSignals() bool { return k.caught != nil && k.caught.deferred.Load() }

// DeferSignalsWhenWaiting defers the signals given to Catch as soon as a Wait takes longer than deferDelay. It is for
// calls that have nothing to put right before a signal ends this process.
func (k *Kernel) DeferSignalsWhenWaiting() {
	if k.caught != nil {
		k.caught.deferWhenWaiting = true
	}
}

// IgnoreSignal makes this process ignore sig.
func (k *Kernel) IgnoreSignal(sig signals.Signal) {
	k.ignored[sig] = true
	signal.Ignore(syscall.Signal(sig))
}

// Interrupted returns a *signals.Interrupt once a caught signal has arrived.
func (k *Kernel) Interrupted() error {
	if k.caught == nil {
		return nil
	}
	if s := k.caught.first.Load(); s != 0 {
		return &signals.Interrupt{Signal: signals.Signal(s)}
	}
	return nil
}

// Die is the function Die, except for a PIPE that this process inherited as ignored: a program then gets the error of
// its write only.
func (k *Kernel) Die(sig signals.Signal) {
	if sig != signals.PIPE || !k.ignores(sig) {
		Die(sig)
	}
}

// Die sends sig to this process with the default disposition, so that its parent sees the reason: a shell stops a loop
// if a child died of SIGINT, but not if it exited with 130. Die returns if the signal does not end the process, as for
// PID 1.
func Die(sig signals.Signal) {
	if os.Getpid() == 1 {
		return
	}
	// Not through the Go runtime, which prints a trace for some signals.
	rtSigaction(int(sig), &disposition{}, nil)
	unix.Kill(os.Getpid(), unix.Signal(sig))
	// Another thread may take the signal, a moment later.
	sleep(time.Second)
}
