package kernel

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"killbox/internal/child"
	"killbox/internal/signals"
	"killbox/procfs"

	"golang.org/x/sys/unix"
)

// keeper is the state of a kernel that has children to look after. There is one
// reaper for all of them, run by the goroutine that waits; what a goroutine of
// signals has to tell comes through the queue.
type keeper struct {
	mu    sync.Mutex
	queue []signals.Signal

	events   []child.Event
	details  bool // read what /proc tells of a child before it is reaped
	parent   int  // who our parent was, 0 if nobody asked
	polled   bool // and there is no pidfd to tell of its end
	statuses map[procfs.ID]signals.Status
}

// Adopt makes this process the one that gets the orphans of its descendants, and turns
// the signals that it is sent into events. Those that the caller had us ignore
// stay ignored, except CONT. Those that a fault raises are events too, but not for PID 1, to which the kernel
// delivers none that it does not catch.
func (k *Kernel) Adopt(details bool) error {
	if err := becomeSubreaper(); err != nil {
		return err
	}
	pass := relayed
	if os.Getpid() != 1 {
		pass = func(sig syscall.Signal) bool { return relayed(sig) || raisedByFault(sig) }
	}
	ignoreUncatchable()
	return k.tend(details, pass, []signals.Signal{signals.CONT})
}

// Tend is Adopt for who relays some signals only, with nil the same ones: the
// runtime could not give back what it has once taken. Those in heed are relayed even if our caller has
// us ignore them. Without orphans we stay the parent of our own children and
// nobody else's.
func (k *Kernel) Tend(orphans bool, relay, heed []signals.Signal) error {
	if orphans {
		if err := becomeSubreaper(); err != nil {
			return err
		}
	}
	pass := relayed
	if relay == nil {
		ignoreUncatchable()
	} else {
		pass = func(sig syscall.Signal) bool { return slices.Contains(relay, signals.Signal(sig)) }
	}
	return k.tend(false, pass, heed)
}

// becomeSubreaper makes this process the adopter of its orphaned descendants, which PID 1 is already. The error is a
// *child.SubreaperError.
func becomeSubreaper() error {
	if os.Getpid() == 1 {
		return nil
	}
	if err := prctl(unix.PR_SET_CHILD_SUBREAPER, 1); err != nil {
		return &child.SubreaperError{Err: err}
	}
	return nil
}

// Subreaper reports whether orphans among our descendants become our children: the program
// that we were before execve(2) has asked for it (PR_SET_CHILD_SUBREAPER).
func (k *Kernel) Subreaper() bool {
	var set int32 // an int, whatever the width of a pointer
	err := prctl(unix.PR_GET_CHILD_SUBREAPER, uintptr(unsafe.Pointer(&set)))
	return err == nil && set != 0
}

// tend makes events of what children do, and of the signals that relay holds
// for.
func (k *Kernel) tend(details bool, relay func(syscall.Signal) bool, heed []signals.Signal) error {
	if err := k.watch(); err != nil {
		return err
	}
	// This process is no child of its own.
	if _, err := unix.Wait4(os.Getpid(), nil, unix.WNOHANG, nil); err != unix.ECHILD {
		return fmt.Errorf("cannot wait for children: wait4: %w", err)
	}
	q := &keeper{details: details, statuses: make(map[procfs.ID]signals.Status)}
	k.keeper = q
	k.notes.keeper.Store(q) // before one is caught, which would be our end after the launch
	k.watchers[int32(k.notes.fd)] = func() {
		var drain [8]byte
		unix.Read(k.notes.fd, drain[:])
	}
	var relayed []signals.Signal
	for sig := signals.Signal(1); sig <= numSignals; sig++ {
		if !uncatchable(sig) && relay(syscall.Signal(sig)) && (!k.ignores(sig) || slices.Contains(heed, sig)) {
			relayed = append(relayed, sig)
		}
	}
	k.arm(relayed)
	k.notes.handOver(0)
	// A channel of its own: what overflows is told by the next one.
	children := make(chan os.Signal, 1)
	signal.Notify(children, unix.SIGCHLD)
	go func() {
		for range children {
			k.notes.wake()
		}
	}()
	return nil
}

// relayed reports whether a signal is passed on: not those that a fault raises, nor those that mean something
// to this process itself. TTIN and TTOU stop it as they stop any process.
func relayed(sig syscall.Signal) bool {
	switch sig {
	case unix.SIGCHLD, unix.SIGURG, unix.SIGTTIN, unix.SIGTTOU:
		return false
	}
	return !raisedByFault(sig)
}

func raisedByFault(sig syscall.Signal) bool {
	switch sig {
	case unix.SIGSEGV, unix.SIGBUS, unix.SIGFPE, unix.SIGILL, unix.SIGTRAP, unix.SIGSYS, unix.SIGABRT:
		return true
	}
	return false
}

func (q *keeper) put(sig signals.Signal) {
	q.mu.Lock()
	q.queue = append(q.queue, sig)
	q.mu.Unlock()
}

// Next returns what has happened, as soon as something has, or nothing when the
// timeout is over.
func (k *Kernel) Next(timeout time.Duration) ([]child.Event, error) {
	began := time.Now()
	for {
		k.collect()
		left := max(timeout-time.Since(began), 0)
		if events := k.keeper.events; len(events) > 0 || left == 0 {
			k.keeper.events = nil
			return events, nil
		}
		if k.keeper.polled {
			left = min(left, pollLast)
		}
		if _, _, err := k.sleep(left, nil, nil); err != nil {
			return nil, err
		}
	}
}

// collect reaps whom there is to reap, and makes events of that and of the
// signals. It reports whether no child is left.
func (k *Kernel) collect() (alone bool) {
	q := k.keeper
	if q == nil {
		return false
	}
	q.mu.Lock()
	for _, sig := range q.queue {
		q.events = append(q.events, child.Event{Kind: child.Signal, Signal: sig})
	}
	q.queue = q.queue[:0]
	q.mu.Unlock()
	if q.polled && unix.Getppid() != q.parent {
		q.polled = false
		q.events = append(q.events, child.Event{Kind: child.Orphaned})
	}
	for {
		var c child.Child
		if q.details || len(k.procs) > 0 {
			c = k.peek()
		}
		var ws unix.WaitStatus
		var ru unix.Rusage
		who := -1
		if c.PID != 0 {
			who = c.PID // not somebody who has gone since, of whom nothing was read
		}
		pid, err := unix.Wait4(who, &ws, unix.WNOHANG|unix.WUNTRACED|unix.WALL, &ru)
		if err == unix.EINTR {
			continue
		}
		if pid <= 0 || err != nil {
			return err == unix.ECHILD
		}
		if k.guard != nil && pid == k.guard.pid && !ws.Stopped() {
			k.guard.reaped = true
			continue
		}
		if c.PID != pid {
			c = child.Child{Stat: procfs.Stat{ID: procfs.ID{PID: pid}, State: '?'}}
		}
		c.Status = signals.FromWait(uint32(ws))
		if sig, ok := c.Status.Stopped(); ok {
			q.events = append(q.events, child.Event{Kind: child.Stopped, Signal: sig, Child: c})
			continue
		}
		if pid == k.command {
			k.command = 0
		}
		c.CPU = time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
		c.Peak = uint64(ru.Maxrss) << 10
		if p := k.procs[c.ID]; p != nil {
			q.statuses[c.ID] = c.Status
			p.childReaped = c.Start == 0
		}
		q.events = append(q.events, child.Event{Kind: child.Ended, Child: c})
	}
}

// peek reads what the next zombie is, while its number is its own.
func (k *Kernel) peek() (c child.Child) {
	info, err := waitidInfo(unix.P_ALL, 0, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT|unix.WALL)
	if err != nil || info.pid == 0 {
		return c
	}
	var st procfs.Stat
	if k.proc == nil {
		return c
	}
	pid := int(info.pid)
	if st, err = k.proc.Stat(pid); errors.Is(err, procfs.ErrNoProcess) {
		st, err = k.hidden(pid), nil
	}
	if err != nil {
		return c
	}
	c.Stat = st
	if k.keeper.details && st.Start != 0 {
		c.Run, _ = k.proc.Age(st)
	}
	return c
}

// Alone holds when this process has no child left, zombie or not: of a
// subreaper, that proves that nobody at all is left.
func (k *Kernel) Alone() bool { return k.collect() }

// Pass sends sig to whom Launch has started, while it has not been reaped and
// its number is therefore its own: who asks may not have been told yet. With
// group it goes to the process group that it leads or has led: while that has a
// member, the number is handed out to nobody.
func (k *Kernel) Pass(pid int, sig signals.Signal, group bool) error {
	if pid != k.command && (!group || unix.Kill(pid, 0) != unix.ESRCH) {
		return procfs.ErrNoProcess
	}
	if group {
		pid = -pid
	}
	return sent(unix.Kill(pid, unix.Signal(sig)))
}

// Everybody sends sig to all processes of the namespace at one stroke, which
// nobody escapes by forking. It is for PID 1 only.
func (k *Kernel) Everybody(sig signals.Signal) error {
	if os.Getpid() != 1 {
		return errors.New("not PID 1")
	}
	if err := unix.Kill(-1, unix.Signal(sig)); err != unix.ESRCH {
		return err
	}
	return nil
}

// WatchInput makes an event of the end of standard input: of its other end's
// being closed, whether or not what was written before has been read. Nothing
// is read from it.
func (k *Kernel) WatchInput() error {
	event := unix.EpollEvent{Events: unix.EPOLLRDHUP, Fd: 0}
	if err := epollCtl(k.epoll, unix.EPOLL_CTL_ADD, 0, &event); err != nil {
		if err == unix.EPERM {
			return errors.New("standard input is a file, which nobody can hang up")
		}
		return fmt.Errorf("standard input: epoll_ctl: %w", err)
	}
	k.watchers[0] = func() { k.once(0, child.Hangup) }
	return nil
}

func (k *Kernel) once(fd int, kind child.Kind) {
	unix.EpollCtl(k.epoll, unix.EPOLL_CTL_DEL, fd, nil)
	delete(k.watchers, int32(fd))
	k.keeper.events = append(k.keeper.events, child.Event{Kind: kind})
}

// WatchParent makes an event of the end of our parent. Whether it is still the
// same is asked after the watch has begun. A parent that went before this program could ask
// for its number is known by pid alone.
func (k *Kernel) WatchParent(pid int) error {
	parent := k.given.parent
	if pid != 0 && pid != parent {
		return fmt.Errorf("%d is not the parent, or no longer", pid)
	}
	if parent == 0 {
		return errors.New("the parent is outside of this PID namespace, and cannot be watched")
	}
	k.keeper.parent, k.keeper.polled = parent, true
	if !k.pidfds() {
		return nil
	}
	fd, err := unix.PidfdOpen(parent, 0)
	if err != nil {
		return nil // polled: gone already, perhaps
	}
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}
	if epollCtl(k.epoll, unix.EPOLL_CTL_ADD, fd, &event) != nil {
		unix.Close(fd)
		return nil
	}
	k.watchers[int32(fd)] = func() { k.once(fd, child.Orphaned) }
	if unix.Getppid() != parent {
		k.once(fd, child.Orphaned)
	}
	k.keeper.polled = false
	return nil
}
