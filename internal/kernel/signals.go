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

// caughtSignals passes caught signals on to the goroutine that waits. Another goroutine receives them from the runtime
// (receive), and makes fd readable (wakeWaiter). The epoll set contains fd.
type caughtSignals struct {
	fd            int // an eventfd
	ch            chan os.Signal
	deferred      atomic.Bool            // by deferSignals: a caught signal does not end this process
	wakeRequested atomic.Bool            // by Wake
	reaper        atomic.Pointer[reaper] // receives the caught signals; nil before StartReaper
	first         atomic.Int32           // first caught signal that no reaper has received, for Interrupted; 0: none

	chosen  []signals.Signal        // given to Catch, and neither ignored nor blocked at the start
	handled map[signals.Signal]bool // those that are caught already
	// deferWhenWaiting: a Wait that lasts longer than deferDelay catches and defers the chosen signals.
	deferWhenWaiting bool
}

// Catch chooses the signals to catch, without those that this program inherited as ignored or blocked. Before
// DeferSignals each of them ends this process at once; afterwards each ends a Wait.
//
// To catch a signal the runtime starts threads, which takes longer than everything else that an applet usually does. So
// Catch does not catch the signals yet, except as PID 1, to which the kernel delivers only caught signals. Catch also
// checks that there is enough memory.
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
		if !k.inheritedIgnored(s) && !k.inherited.mask.has(s) {
			k.caught.chosen = append(k.caught.chosen, s)
		}
	}
	if os.Getpid() == 1 {
		k.catchSignals(k.caught.chosen)
	}
	return nil
}

// catchSignals catches the signals that are not caught yet. It does not catch those of IgnoreSignal.
func (k *Kernel) catchSignals(sigs []signals.Signal) {
	n := k.caught
	if len(n.handled) == 0 {
		go func() {
			for s := range n.ch {
				k.handleCaught(s)
				if s == os.Signal(unix.SIGCONT) && n.reaper.Load() != nil {
					for _, s := range n.afterCont() {
						k.handleCaught(s)
					}
				}
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

// handleCaught handles a value of caughtSignals.ch: a caught signal or a fence.
func (k *Kernel) handleCaught(s os.Signal) {
	if f, ok := s.(fence); ok {
		close(f)
		return
	}
	sig := signals.Signal(s.(syscall.Signal))
	k.caught.receive(sig)
	k.awaitFault(sig)
}

// receive handles a caught signal. Without a reaper, and unless signals are deferred, the signal ends this process.
// Otherwise receive passes it to the reaper or, without a reaper, stores it for Interrupted.
func (n *caughtSignals) receive(sig signals.Signal) {
	if n.reaper.Load() == nil && !n.deferred.Load() {
		Die(sig)
	}
	// Die does not end PID 1, so there may be no reaper even if signals are not deferred. If a reaper starts meanwhile,
	// the call of moveToReaper below or in startReaper passes on the stored signal.
	if n.reaper.Load() == nil {
		n.first.CompareAndSwap(0, int32(sig))
		sig = 0
	}
	n.moveToReaper(sig)
	n.wakeWaiter()
}

// moveToReaper enqueues the signal that was caught before the reaper started, and then sig unless it is 0. Without a
// reaper it does nothing.
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

// wakeWaiter makes the eventfd readable, which wakes the goroutine that waits. The eight bytes are the number 1<<56 + 1
// in either byte order.
func (n *caughtSignals) wakeWaiter() { unix.Write(n.fd, []byte{1, 0, 0, 0, 0, 0, 0, 1}) }

// Wake ends the current Wait or, if there is none, the next one. Any goroutine may call it.
func (k *Kernel) Wake() {
	if k.caught != nil {
		k.caught.wakeRequested.Store(true)
		k.caught.wakeWaiter()
	}
}

// takeWakeRequest reports whether Wake was called since the last takeWakeRequest.
func (k *Kernel) takeWakeRequest() bool {
	if k.caught == nil || !k.caught.wakeRequested.Swap(false) {
		return false
	}
	var b [8]byte
	unix.Read(k.caught.fd, b[:])
	return true
}

// DeferSignals catches all signals that would end this process. From now on a caught signal no longer ends this
// process: Interrupted and Wait report it or, after StartReaper, WaitAndReap returns it as an event. Catching takes
// threads of the runtime. If they cannot be started, DeferSignals fails, and a signal still ends this process at once.
func (k *Kernel) DeferSignals() error {
	if k.caught == nil {
		return nil
	}
	if k.reaper != nil {
		return k.deferSignals(nil) // startReaper has caught the signals
	}
	return k.deferSignals(k.endingSignals())
}

// deferSignals defers all caught signals, and also catches sigs.
func (k *Kernel) deferSignals(sigs []signals.Signal) error {
	k.caught.deferWhenWaiting = false
	if len(k.caught.handled) == 0 {
		if err := k.reserveThreads(0); err != nil {
			return err
		}
	}
	k.caught.deferred.Store(true) // before catchSignals: a signal caught in between would end this process
	k.catchSignals(sigs)
	return nil
}

// defersSignals reports whether caught signals are deferred.
func (k *Kernel) defersSignals() bool { return k.caught != nil && k.caught.deferred.Load() }

// DeferSignalsWhenWaiting makes a Wait that lasts longer than deferDelay defer the signals given to Catch. It is for an
// applet that has nothing to clean up before a signal ends this process.
func (k *Kernel) DeferSignalsWhenWaiting() {
	if k.caught != nil {
		k.caught.deferWhenWaiting = true
	}
}

// IgnoreSignal makes this process ignore sig.
func (k *Kernel) IgnoreSignal(sig signals.Signal) {
	k.ignored[sig] = true
	ignore(sig)
}

// ignore ignores a signal for the rest of this process's life. Ignore of package os/signal panics if it cannot catch
// the signal.
func ignore(sig signals.Signal) {
	if sig.Catchable() {
		signal.Ignore(syscall.Signal(sig))
		return
	}
	act := ignoreDisposition()
	rtSigaction(int(sig), &act, nil)
}

// Interrupted returns a *signals.Interrupt once a caught signal has arrived, or if the other half of a pair is gone.
// After StartReaper it reports no caught signal, because WaitAndReap returns each one as an event.
func (k *Kernel) Interrupted() error {
	if err := k.halfLost(); err != nil {
		return err
	}
	if k.caught == nil {
		return nil
	}
	if s := k.caught.first.Load(); s != 0 {
		return &signals.Interrupt{Signal: signals.Signal(s)}
	}
	return nil
}

// Die calls the function Die, unless sig is PIPE and this program inherited PIPE as ignored. Such a program gets only
// the error of its write.
func (k *Kernel) Die(sig signals.Signal) {
	if sig != signals.PIPE || !k.inheritedIgnored(sig) {
		Die(sig)
	}
}

// Die sends sig to this process with the default disposition, so that the parent sees the signal in the wait status.
// For example, a shell stops a loop if a child died of SIGINT, but not if it exited with status 130. Die returns if the
// signal does not end this process. As PID 1 it does nothing.
func Die(sig signals.Signal) {
	if os.Getpid() == 1 {
		return
	}
	// For some signals the runtime's handler would print a trace.
	rtSigaction(int(sig), &disposition{}, nil)
	unix.Kill(os.Getpid(), unix.Signal(sig))
	// The kernel may deliver the signal to another thread, a moment later.
	sleep(time.Second)
}
