package kernel

import (
	"errors"
	"fmt"
	"math"
	"time"

	"killbox/procfs"

	"golang.org/x/sys/unix"
)

// The shortest and the longest delay of polling, for processes without a pidfd.
const (
	pollMin = time.Millisecond
	pollMax = 50 * time.Millisecond
)

// deferDelay is how long a Wait waits before it defers signals: see DeferSignalsWhenWaiting.
const deferDelay = 2 * time.Millisecond

// Wait waits until an opened process is gone, and returns all that are gone since the last call; none after the
// timeout. reaped are those that have been reaped. It does not poll as long as every process has a pidfd. The error is
// a *signals.Interrupt if a deferred signal was caught.
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
			pause = 0 // only add what the epoll set reports already
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
		k.reapChildren()
		woken := k.takeWakeRequest()
		if err := k.Interrupted(); err != nil || len(gone)+len(reaped) > 0 || remaining == 0 || woken {
			return gone, reaped, err
		}
	}
}

// PrepareWait makes the epoll set that Wait sleeps on, if there is none yet. A limit of descriptors or a seccomp
// filter that forbids waiting is an error here, before anything has been signalled or started.
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
		err = unix.ENOSYS // trapped: at most one descriptor is ready
	}
	if err != nil && err != unix.EINTR {
		unix.Close(fd)
		return fmt.Errorf("cannot wait: epoll_wait: %w", err)
	}
	k.epoll = fd
	return nil
}

// addToEpoll adds the new descriptors to the epoll set. A process that cannot be added is polled.
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
			// No memory, or the limit of /proc/sys/fs/epoll/max_user_watches.
		}
		k.polled = append(k.polled, p)
	}
	k.unwatched = k.unwatched[:0]
	return nil
}

// waitEpoll waits for the epoll set, for d at most, and appends the processes that it reports to gone and reaped.
func (k *Kernel) waitEpoll(d time.Duration, gone, reaped []procfs.ID) ([]procfs.ID, []procfs.ID, error) {
	ms := -1
	if d != math.MaxInt64 {
		// Rounded up: waking before the time would only spin.
		ms = int((min(d, math.MaxInt32*time.Millisecond) + time.Millisecond - 1) / time.Millisecond)
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
			continue // or a signal, which Interrupted tells of
		}
		// From now on only its being reaped matters. EPOLLHUP reports that, since Linux 6.9. But the pidfd of
		// a zombie is always readable, so the process is polled.
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

// pollProcesses reads the state of the processes that epoll does not report. The error is want of descriptors or
// memory.
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

// pollProcess reports whether the process is gone, and whether it has been reaped. A process that may not be read
// is neither. Want of descriptors or memory is an error, because it says nothing about the process.
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

// repin pins an unpinned process with a descriptor that another process no longer needs. It reports whether the epoll
// set will report the process from now on.
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
