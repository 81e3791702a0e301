package kernel

import (
	"errors"
	"fmt"
	"math"
	"time"

	"killbox/procfs"

	"golang.org/x/sys/unix"
)

// The delays of polling, for what no pidfd tells.
const (
	pollFirst = time.Millisecond
	pollLast  = 50 * time.Millisecond
)

// A glance is how long a Wait waits before it has the signals caught.
const glance = 2 * time.Millisecond

// Wait returns the opened processes that went, as soon as there is one, or
// nothing when the timeout is over; reaped holds those whose parents have
// waited for them. Nothing ticks meanwhile as long as every process has a
// pidfd. The error is a *signals.Interrupt when a signal came in.
func (k *Kernel) Wait(timeout time.Duration) (gone, reaped []procfs.ID, err error) {
	began := time.Now()
	delay := pollFirst
	for {
		if err := k.watch(); err != nil {
			return nil, nil, err
		}
		if gone, reaped, err = k.poll(); err != nil {
			return nil, nil, fmt.Errorf("cannot wait: %w", err)
		}
		left := max(timeout-time.Since(began), 0)
		nap := left
		if len(k.polled) > 0 {
			nap = min(nap, delay)
			delay = min(2*delay, pollLast)
		}
		if len(gone)+len(reaped) > 0 {
			nap = 0 // who else went is told in the same breath
		}
		soon := k.notes != nil && k.notes.soon && nap > 0
		if soon {
			nap = min(nap, glance)
		}
		if gone, reaped, err = k.sleep(nap, gone, reaped); err != nil {
			return nil, nil, err
		}
		if soon && len(gone)+len(reaped) == 0 {
			_ = k.holdBack(k.notes.sigs) // on error a signal ends this process at once, as before
		}
		k.collect()
		woken := k.woken()
		if err := k.Interrupted(); err != nil || len(gone)+len(reaped) > 0 || left == 0 || woken {
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
	fd, err := k.opened(func() (int, error) { return unix.EpollCreate1(unix.EPOLL_CLOEXEC) })
	if err != nil {
		return fmt.Errorf("cannot wait: epoll_create1: %w", err)
	}
	k.ready = make([]unix.EpollEvent, 256)
	if k.notes != nil {
		event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(k.notes.fd)}
		if err := epollCtl(fd, unix.EPOLL_CTL_ADD, k.notes.fd, &event); err != nil {
			unix.Close(fd)
			return fmt.Errorf("cannot wait: epoll_ctl: %w", err)
		}
	}
	n, err := unix.EpollWait(fd, k.ready, 0)
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

// watch puts the descriptors that are new into the epoll set.
func (k *Kernel) watch() error {
	if err := k.PrepareWait(); err != nil {
		return err
	}
	for _, p := range k.fresh {
		if p.reaped {
			continue
		}
		if p.kind == pidfd {
			event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(p.fd)}
			if epollCtl(k.epoll, unix.EPOLL_CTL_ADD, p.fd, &event) == nil {
				k.watched[int32(p.fd)] = p
				continue
			}
			// No memory, or more than the user may watch
			// (/proc/sys/fs/epoll/max_user_watches).
		}
		k.polled = append(k.polled, p)
	}
	k.fresh = k.fresh[:0]
	return nil
}

// sleep waits for the epoll set and adds to gone and reaped what it tells.
func (k *Kernel) sleep(d time.Duration, gone, reaped []procfs.ID) ([]procfs.ID, []procfs.ID, error) {
	ms := -1
	if d != math.MaxInt64 {
		// Rounded up: waking before the time would only spin.
		ms = int((min(d, math.MaxInt32*time.Millisecond) + time.Millisecond - 1) / time.Millisecond)
	}
	n, err := unix.EpollWait(k.epoll, k.ready, ms)
	if err != nil && err != unix.EINTR {
		return nil, nil, fmt.Errorf("cannot wait: epoll_wait: %w", err)
	}
	for _, event := range k.ready[:max(n, 0)] {
		p := k.watched[event.Fd]
		if p == nil {
			if watcher := k.watchers[event.Fd]; watcher != nil {
				watcher()
			}
			continue // or a signal, which Interrupted tells of
		}
		// From here on its reaping is of interest. EPOLLHUP tells of that
		// only since Linux 6.9, and a zombie is readable all the time, so
		// that it is polled.
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

// poll reads the state of the processes that epoll does not report. The error is want of descriptors or
// memory.
func (k *Kernel) poll() (gone, reaped []procfs.ID, err error) {
	rest := k.polled[:0]
	for _, p := range k.polled {
		if p.reaped {
			continue
		}
		isGone, isReaped, failed := k.look(p)
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
		if p.kind == loose && !p.gone && k.freed > 0 && k.promote(p) {
			continue
		}
		rest = append(rest, p)
	}
	clear(k.polled[len(rest):])
	k.polled = rest
	return gone, reaped, err
}

// look reports whether the process is gone, and whether it has been reaped. A process that may not be read
// is neither. Want of descriptors or memory is an error, because it says nothing about the process.
func (k *Kernel) look(p *process) (gone, reaped bool, err error) {
	switch {
	case p.childReaped:
		err = procfs.ErrNoProcess
	case p.kind == pidfd && p.gone:
		gone, err = true, exists(p.fd)
	case p.kind == loose && (k.proc == nil || p.id.Start == 0):
		err = sent(unix.Kill(p.id.PID, 0))
	case k.proc == nil:
		err = exists(p.fd)
	default:
		var st procfs.Stat
		err = k.withSpare(func() (err error) {
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

// promote gives a loose process one of the descriptors that others have left,
// and returns true when an event will tell of it from now on.
func (k *Kernel) promote(p *process) bool {
	k.freed--
	inode := p.inode
	if k.pin(p, p.id.PID) != nil || p.kind == loose {
		k.freed = 0
		return false
	}
	if inode != 0 && inode != p.inode || k.verify(p, p.fd) != nil {
		p.close()
		p.inode = inode
		return false
	}
	if p.kind == pidfd {
		k.fresh = append(k.fresh, p)
	}
	return p.kind == pidfd
}
