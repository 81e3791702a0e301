package kernel

import (
	"errors"
	"fmt"
	"math"
	"time"

	"killbox/procfs"

	"golang.org/x/sys/unix"
)

// pollMin and pollMax are the shortest and the longest time between two polls of a process that the epoll set does not
// report.
const (
	pollMin = time.Millisecond
	pollMax = 50 * time.Millisecond
)

// deferDelay is how long a Wait lasts before it defers the signals that this process receives: see
// DeferSignalsWhenWaiting.
const deferDelay = 2 * time.Millisecond

// Wait waits until an opened process is gone or reaped. gone and reaped are the processes for which that has become
// known since the last call; both are empty after timeout. Wait polls only processes without a pidfd, and zombies until
// they are reaped. With a reaper, Wait reaps all children that have exited; WaitAndReap returns their events. The error
// is a *signals.Interrupt if a deferred signal was caught. Wake ends a Wait.
func (k *Kernel) Wait(timeout time.Duration) (gone, reaped []procfs.ID, err error) {
	began := time.Now()
	delay := pollMin
	for {
		if err := k.addToEpoll(); err != nil {
			return nil, nil, err
		}
		if gone, reaped, err = k.pollProcesses(); err != nil {
			return nil, nil, fmt.Errorf("cannot wait: %w", err)
		}
		remaining := max(timeout-time.Since(began), 0)
		pause := remaining
		if len(k.polled) > 0 {
			pause = min(pause, delay)
			delay = min(2*delay, pollMax)
		}
		if len(gone)+len(reaped) > 0 {
			pause = 0 // do not sleep, but collect what the epoll set reports by now
		}
		deferSoon := k.caught != nil && k.caught.deferWhenWaiting && pause > 0
		if deferSoon {
			pause = min(pause, deferDelay)
		}
		if gone, reaped, err = k.waitEpoll(pause, gone, reaped); err != nil {
			return nil, nil, err
		}
		if deferSoon && len(gone)+len(reaped) == 0 {
			_ = k.deferSignals(k.caught.chosen) // on error a signal ends this process at once, as before
		}
		k.reapChildren(math.MaxInt)
		woken := k.takeWakeRequest()
		if err := k.Interrupted(); err != nil || len(gone)+len(reaped) > 0 || remaining == 0 || woken {
			return gone, reaped, err
		}
	}
}

// PrepareWait creates the epoll set on which Wait sleeps, unless it exists already. If no descriptor is available, or
// if a seccomp filter forbids epoll, the error occurs here, before anything has been signalled or started.
func (k *Kernel) PrepareWait() error {
	if k.epoll != 0 {
		return nil
	}
	fd, err := k.openVerified(func() (int, error) { return unix.EpollCreate1(unix.EPOLL_CLOEXEC) })
	if err != nil {
		return fmt.Errorf("cannot wait: epoll_create1: %w", err)
	}
	k.epollEvents = make([]unix.EpollEvent, 256)
	if k.caught != nil {
		event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(k.caught.fd)}
		if err := epollCtl(fd, unix.EPOLL_CTL_ADD, k.caught.fd, &event); err != nil {
			unix.Close(fd)
			return fmt.Errorf("cannot wait: epoll_ctl: %w", err)
		}
	}
	n, err := unix.EpollWait(fd, k.epollEvents, 0)
	if n > 1 && err == nil {
		err = unix.ENOSYS // a filter traps the call: the epoll set has at most one descriptor
	}
	if err != nil && err != unix.EINTR {
		unix.Close(fd)
		return fmt.Errorf("cannot wait: epoll_wait: %w", err)
	}
	k.epoll = fd
	return nil
}

// addToEpoll adds the pidfds of newly opened processes to the epoll set. A process that cannot be added is polled.
func (k *Kernel) addToEpoll() error {
	if err := k.PrepareWait(); err != nil {
		return err
	}
	for _, p := range k.unwatched {
		if p.reaped {
			continue
		}
		if p.kind == pidfd {
			event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(p.fd)}
			if epollCtl(k.epoll, unix.EPOLL_CTL_ADD, p.fd, &event) == nil {
				k.watched[int32(p.fd)] = p
				continue
			}
			// There is no memory, or the limit of /proc/sys/fs/epoll/max_user_watches is reached. Poll the process.
		}
		k.polled = append(k.polled, p)
	}
	k.unwatched = k.unwatched[:0]
	return nil
}

// pollTimeout converts d, at least 0, to the milliseconds of poll(2) and epoll_wait(2). It rounds up: a wake-up before
// the deadline would only repeat the caller's loop. The result is at most math.MaxInt32 (24.8 days): the kernel takes
// the lower 32 bits, and waits without limit if they are negative.
func pollTimeout(d time.Duration) int {
	return int((min(d, math.MaxInt32*time.Millisecond) + time.Millisecond - 1) / time.Millisecond)
}

// waitEpoll waits up to d for events of the epoll set, or without limit if d is math.MaxInt64. It appends the processes
// that are gone to gone, and those that have been reaped to reaped.
func (k *Kernel) waitEpoll(d time.Duration, gone, reaped []procfs.ID) ([]procfs.ID, []procfs.ID, error) {
	ms := -1
	if d != math.MaxInt64 {
		ms = pollTimeout(d)
	}
	n, err := unix.EpollWait(k.epoll, k.epollEvents, ms)
	if err != nil && err != unix.EINTR {
		return nil, nil, fmt.Errorf("cannot wait: epoll_wait: %w", err)
	}
	for _, event := range k.epollEvents[:max(n, 0)] {
		p := k.watched[event.Fd]
		if p == nil {
			if watcher := k.fdCallbacks[event.Fd]; watcher != nil {
				watcher()
			}
			continue // no callback: the eventfd of caughtSignals, which Wait handles
		}
		// From now on only the reaping is of interest. Since Linux 6.9 EPOLLHUP reports it, but the pidfd of a zombie
		// is always readable and would wake every epoll_wait(2). So the process is polled.
		_ = epollCtl(k.epoll, unix.EPOLL_CTL_DEL, p.fd, nil)
		delete(k.watched, event.Fd)
		p.gone = true
		gone = append(gone, p.id)
		if event.Events&unix.EPOLLHUP != 0 {
			p.reaped = true
			reaped = append(reaped, p.id)
		} else {
			k.polled = append(k.polled, p)
		}
	}
	return gone, reaped, nil
}

// pollProcesses reads the state of the processes that the epoll set does not report. The error means that no descriptor
// or no memory is available.
func (k *Kernel) pollProcesses() (gone, reaped []procfs.ID, err error) {
	rest := k.polled[:0]
	for _, p := range k.polled {
		if p.reaped {
			continue
		}
		isGone, isReaped, failed := k.pollProcess(p)
		if failed != nil {
			err = failed
		}
		if isGone && !p.gone {
			p.gone = true
			gone = append(gone, p.id)
		}
		if isReaped {
			p.reaped = true
			reaped = append(reaped, p.id)
			continue
		}
		if p.kind == unpinned && !p.gone && k.freedFDs > 0 && k.repin(p) {
			continue
		}
		rest = append(rest, p)
	}
	clear(k.polled[len(rest):])
	k.polled = rest
	return gone, reaped, err
}

// pollProcess reports whether the process is gone, and whether it has been reaped. Both are false if the process cannot
// be read. The error means that no descriptor or no memory is available: then the state of the process is unknown.
func (k *Kernel) pollProcess(p *process) (gone, reaped bool, err error) {
	switch {
	case p.childReaped:
		err = procfs.ErrNoProcess
	case p.kind == pidfd && p.gone:
		gone, err = true, exists(p.fd)
	case p.kind == unpinned && (k.proc == nil || p.id.Start == 0):
		err = killError(unix.Kill(p.id.PID, 0))
	case k.proc == nil:
		err = exists(p.fd)
	default:
		var st procfs.Stat
		err = k.retryWithReserve(func() (err error) {
			st, err = k.stat(p)
			return err
		})
		gone = err == nil && st.Gone()
	}
	switch {
	case errors.Is(err, procfs.ErrNoProcess):
		return true, true, nil
	case procfs.Exhausted(err):
		return false, false, err
	}
	return gone, false, nil
}

// repin pins an unpinned process with a descriptor that Close has freed. It reports whether the process now has a
// pidfd, which the epoll set will report.
func (k *Kernel) repin(p *process) bool {
	k.freedFDs--
	inode := p.inode
	if k.pinProcess(p, p.id.PID) != nil || p.kind == unpinned {
		k.freedFDs = 0
		return false
	}
	if inode != 0 && inode != p.inode || k.verify(p, p.fd) != nil {
		p.unpin()
		p.inode = inode
		return false
	}
	if p.kind == pidfd {
		k.unwatched = append(k.unwatched, p)
	}
	return p.kind == pidfd
}
