package kernel

import (
	"errors"
	"fmt"
	"math"
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

// reaper is the state of a Kernel that reaps children. The goroutine that waits reaps the children and turns queue into
// events. The goroutine that receives caught signals adds them to queue.
type reaper struct {
	mu    sync.Mutex // for queue
	queue []signals.Signal

	events      []child.Event
	readDetails bool                         // read a child from /proc before reaping it
	parent      int                          // the PPID; 0 without WatchParent
	pollParent  bool                         // there is no pidfd of the parent: compare the PPID
	statuses    map[procfs.ID]signals.Status // of opened children that were reaped
}

// StartReaper makes this process a subreaper and its Kernel a reaper. From now on WaitAndReap reaps all children,
// including adopted orphans, and returns events for them and for the signals that this process receives. Signals
// inherited as ignored stay ignored, except CONT. Fault signals such as SEGV become events as well, but not if this
// process is PID 1: it does not catch fault signals, so the kernel drops those that other processes send. With details,
// the event of a child contains what /proc shows of the child. The error is a *child.SubreaperError if this process
// cannot become a subreaper.
func (k *Kernel) StartReaper(details bool) error {
	if err := becomeSubreaper(); err != nil {
		return err
	}
	forwards := forwardable
	if os.Getpid() != 1 {
		forwards = func(sig syscall.Signal) bool { return forwardable(sig) || raisedByFault(sig) }
	}
	ignoreUncatchable()
	return k.startReaper(details, forwards, []signals.Signal{signals.CONT})
}

// StartReaperFor is StartReaper with a chosen set of signals to forward (nil: the default set). Signals in
// evenIfIgnored are forwarded even if inherited as ignored. If orphans is false, this process does not become a
// subreaper. The set cannot be changed later, because the runtime cannot undo the catching of a signal.
func (k *Kernel) StartReaperFor(orphans bool, forward, evenIfIgnored []signals.Signal) error {
	if orphans {
		if err := becomeSubreaper(); err != nil {
			return err
		}
	}
	forwards := forwardable
	if forward == nil {
		ignoreUncatchable()
	} else {
		forwards = func(sig syscall.Signal) bool { return slices.Contains(forward, signals.Signal(sig)) }
	}
	return k.startReaper(false, forwards, evenIfIgnored)
}

// becomeSubreaper makes this process the adopter of its orphaned descendants (PR_SET_CHILD_SUBREAPER in prctl(2)). PID
// 1 is their adopter anyway. The error is a *child.SubreaperError.
func becomeSubreaper() error {
	if os.Getpid() == 1 {
		return nil
	}
	if err := prctl(unix.PR_SET_CHILD_SUBREAPER, 1); err != nil {
		return &child.SubreaperError{Err: err}
	}
	return nil
}

// Subreaper reports whether this process is a subreaper already. The attribute survives execve(2), so an earlier
// program in this process can have set it.
func (k *Kernel) Subreaper() bool {
	var set int32 // an int, whatever the width of a pointer
	err := prctl(unix.PR_GET_CHILD_SUBREAPER, uintptr(unsafe.Pointer(&set)))
	return err == nil && set != 0
}

// startReaper starts the reaping. From then on there are events for children that end or stop, and for the signals for
// which forwards returns true.
func (k *Kernel) startReaper(details bool, forwards func(syscall.Signal) bool, evenIfIgnored []signals.Signal) error {
	if err := k.addToEpoll(); err != nil {
		return err
	}
	// This process is not its own child, so wait4(2) must return ECHILD. Another result means that a seccomp filter
	// refuses wait4(2).
	if _, err := unix.Wait4(os.Getpid(), nil, unix.WNOHANG, nil); err != unix.ECHILD {
		return fmt.Errorf("cannot wait for children: wait4: %w", err)
	}
	q := &reaper{readDetails: details, statuses: make(map[procfs.ID]signals.Status)}
	k.reaper = q
	k.caught.reaper.Store(q) // before catchSignals: without a reaper, a caught signal ends this process
	k.fdCallbacks[int32(k.caught.fd)] = func() {
		var drain [8]byte
		unix.Read(k.caught.fd, drain[:])
	}
	var list []signals.Signal
	for sig := signals.Signal(1); sig <= signals.RTMax; sig++ {
		if sig.Catchable() && forwards(syscall.Signal(sig)) && (!k.inheritedIgnored(sig) || slices.Contains(evenIfIgnored, sig)) {
			list = append(list, sig)
		}
	}
	k.wakeForChildren() // before catchSignals: see awaitRuntime
	k.catchSignals(list)
	k.caught.moveToReaper(0)
	return nil
}

// wakeForChildren makes SIGCHLD wake the goroutine that waits, which reaps all children.
func (k *Kernel) wakeForChildren() {
	children := make(chan os.Signal, 1) // one element is enough
	signal.Notify(children, unix.SIGCHLD)
	go func() {
		for range children {
			k.caught.wakeWaiter()
		}
	}()
}

// forwardable reports whether a signal is forwarded by default. Not forwarded are fault signals, CHLD, URG (which the
// runtime uses), and TTIN and TTOU, which stop this process as they stop any other.
func forwardable(sig syscall.Signal) bool {
	switch sig {
	case unix.SIGCHLD, unix.SIGURG, unix.SIGTTIN, unix.SIGTTOU:
		return false
	}
	return !raisedByFault(sig)
}

// raisedByFault reports whether a signal is a fault signal: one that the kernel sends to a thread for its own fault, or
// that abort(3) raises.
func raisedByFault(sig syscall.Signal) bool {
	switch sig {
	case unix.SIGSEGV, unix.SIGBUS, unix.SIGFPE, unix.SIGILL, unix.SIGTRAP, unix.SIGSYS, unix.SIGABRT:
		return true
	}
	return false
}

// maxReaped is the largest number of children that one call of WaitAndReap reaps, so that a burst of thousands of
// orphans neither delays other events nor makes large slices of events.
const maxReaped = 64

// WaitAndReap reaps up to maxReaped children, and returns the events as soon as there is one. It returns none after
// timeout. The events are stored in the memory of into, if that is large enough, so a process that reaps orphans for
// days makes no garbage. After the first garbage collection the runtime would keep megabytes and two descriptors, and
// collect garbage every two minutes.
func (k *Kernel) WaitAndReap(timeout time.Duration, into []child.Event) ([]child.Event, error) {
	began := time.Now()
	for {
		k.reapChildren(maxReaped)
		remaining := max(timeout-time.Since(began), 0)
		q := k.reaper
		if len(q.events) > 0 || remaining == 0 {
			if timeout > 0 {
				// If children exit all the time, this is the only poll of the other half, of standard input and of the
				// parent. With timeout 0, opened processes may be in the epoll set, whose ends Wait must report.
				if _, _, err := k.waitEpoll(0, nil, nil); err != nil {
					return nil, err
				}
			}
			into = append(into[:0], q.events...)
			q.events = q.events[:0]
			return into, nil
		}
		if q.pollParent {
			remaining = min(remaining, pollMax)
		}
		if _, _, err := k.waitEpoll(remaining, nil, nil); err != nil {
			return nil, err
		}
	}
}

// reapChildren reaps up to n children that have exited, without waiting, and adds events for them and for the queued
// signals. It reports whether no child remains.
func (k *Kernel) reapChildren(n int) (none bool) {
	q := k.reaper
	if q == nil {
		return false
	}
	q.addQueued()
	if q.pollParent && unix.Getppid() != q.parent {
		q.pollParent = false
		q.add(&child.Event{Kind: child.Orphaned})
	}
	for range n {
		var c child.Child
		if q.readDetails || len(k.procs) > 0 {
			c = k.peekZombie()
		}
		var ws unix.WaitStatus
		var ru unix.Rusage
		waitPID := -1
		if c.PID != 0 {
			waitPID = c.PID // reap the zombie that peekZombie has read, and no other
		}
		pid, err := unix.Wait4(waitPID, &ws, unix.WNOHANG|unix.WUNTRACED|unix.WALL, &ru)
		if err == unix.EINTR {
			continue
		}
		if pid <= 0 || err != nil {
			return err == unix.ECHILD
		}
		if k.guardian != nil && pid == k.guardian.pid && !ws.Stopped() {
			k.guardian.reaped = true
			continue
		}
		if c.PID != pid {
			c = child.Child{Stat: procfs.Stat{ID: procfs.ID{PID: pid}, State: '?'}}
		}
		c.Status = signals.FromWait(uint32(ws))
		if sig, ok := c.Status.Stopped(); ok {
			q.add(&child.Event{Kind: child.Stopped, Signal: sig, Child: c})
			continue
		}
		k.forgetReaped(pid)
		c.CPU = time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
		c.Peak = uint64(ru.Maxrss) << 10
		if p := k.procs[c.ID]; p != nil {
			q.statuses[c.ID] = c.Status
			p.childReaped = c.Start == 0
		}
		q.add(&child.Event{Kind: child.Ended, Child: c})
	}
	return false
}

// forgetReaped is called when a child was reaped.
func (k *Kernel) forgetReaped(pid int) {
	if pid == k.commandPID {
		k.commandPID = 0
	}
	if k.half != nil && pid == k.half.inner {
		k.readHalf() // read its last messages before the event of its end is added
	}
}

// peekZombie reads a zombie child from /proc before the child is reaped, because its PID may be reused afterwards. The
// PID in c is 0 if there is no zombie or if it cannot be read.
func (k *Kernel) peekZombie() (c child.Child) {
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
		st, err = k.statHidden(pid), nil
	}
	if err != nil {
		return c
	}
	c.Stat = st
	if k.reaper.readDetails {
		c.Inode = k.inodeOfPID(pid)
		if st.Start != 0 {
			c.Run, _ = k.proc.Age(st)
		}
	}
	return c
}

// ReapExited reaps all children that have exited, and reports whether no child remains. If this process is a subreaper,
// no descendant remains either.
func (k *Kernel) ReapExited() bool { return k.reapChildren(math.MaxInt) }

// SignalChild sends sig to the child that Launch started. It signals by PID, which cannot be reused before the child is
// reaped. The error is procfs.ErrNoProcess if the child has been reaped, even if WaitAndReap has not yet returned the
// event of its end. With group, SignalChild signals the process group whose leader is the child, even after the child
// was reaped. The kernel does not allocate the PGID as a PID while the group has a member. So if the child has been
// reaped and a process has that PID, the group has ended, and the error is procfs.ErrNoProcess as well.
func (k *Kernel) SignalChild(pid int, sig signals.Signal, group bool) error {
	if pid != k.commandPID && (!group || unix.Kill(pid, 0) != unix.ESRCH) {
		return procfs.ErrNoProcess
	}
	if group {
		pid = -pid
	}
	return killError(unix.Kill(pid, unix.Signal(sig)))
}

// Children returns the PIDs of the children of this process that are alive, without /proc: waitid(2) tells whether a PID
// is that of a child. To try all 4,194,304 PIDs (PID_MAX_LIMIT) takes about a second, so they are divided into
// child.ChildBlocks blocks; block 0 begins at the PID of this process. The error means that waitid(2) is refused.
func (k *Kernel) Children(block int) (pids []int, err error) {
	const pidLimit = 1 << 22
	self, size := os.Getpid(), pidLimit/child.ChildBlocks
	if _, err := waitidInfo(unix.P_PID, self, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT); err != unix.ECHILD {
		return nil, fmt.Errorf("waitid: %v", err) // %v: a sandbox can answer with success
	}
	for i := range size {
		pid := (self + block*size + i) % pidLimit
		if state, ok := childState(pid); ok && state != 'Z' && (k.guardian == nil || pid != k.guardian.pid) {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// SignalFound sends sig to a child that Children has returned. No other process gets its PID before the child is reaped.
func (k *Kernel) SignalFound(pid int, sig signals.Signal) error {
	return killError(unix.Kill(pid, unix.Signal(sig)))
}

// SignalAll sends sig to all other processes of the PID namespace with one kill(2), so that none evades the signal by
// forking. It fails unless this process is PID 1.
func (k *Kernel) SignalAll(sig signals.Signal) error {
	if os.Getpid() != 1 {
		return errors.New("not PID 1")
	}
	if err := unix.Kill(-1, unix.Signal(sig)); err != unix.ESRCH {
		return err
	}
	return nil
}

// WatchInput makes WaitAndReap return a child.Hangup event when the other end of standard input is closed, even if data
// that was written before has not been read. It reads nothing itself. closed reports that it is closed already.
func (k *Kernel) WatchInput() (closed bool, err error) {
	event := unix.EpollEvent{Events: unix.EPOLLRDHUP, Fd: 0}
	if err := epollCtl(k.epoll, unix.EPOLL_CTL_ADD, 0, &event); err != nil {
		if err == unix.EPERM {
			return false, fmt.Errorf("standard input is %s and cannot hang up", kindOfInput())
		}
		return false, fmt.Errorf("standard input: epoll_ctl: %w", err)
	}
	k.fdCallbacks[0] = func() { k.eventOnce(0, child.Hangup) }
	poll := []unix.PollFd{{Fd: 0, Events: unix.POLLRDHUP}}
	n, err := unix.Poll(poll, 0)
	return n > 0 && err == nil, nil // after an error, epoll still tells of the end
}

// kindOfInput returns what standard input is if epoll does not support it.
func kindOfInput() string {
	var st unix.Stat_t
	if err := unix.Fstat(0, &st); err == nil && st.Mode&unix.S_IFMT == unix.S_IFCHR {
		return "a device, such as /dev/null,"
	}
	return "a file"
}

// eventOnce adds an event of the kind, and removes fd from the epoll set so that the event is not repeated.
func (k *Kernel) eventOnce(fd int, kind child.Kind) {
	unix.EpollCtl(k.epoll, unix.EPOLL_CTL_DEL, fd, nil)
	delete(k.fdCallbacks, int32(fd))
	k.reaper.add(&child.Event{Kind: kind})
}
