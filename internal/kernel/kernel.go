// Package kernel is the only package that signals, waits and reaps. It pins processes by pidfds (Linux 5.3), so it
// never signals a reused PID. Where there are no pidfds, because the kernel is older or a seccomp filter refuses the
// calls, it verifies the process in /proc right before every kill(2).
package kernel

import (
	"errors"
	"time"

	"killbox/internal/signals"
	"killbox/procfs"

	"golang.org/x/sys/unix"
)

// Options of a Kernel.
type Options struct {
	// NoPidfd does without pidfds, as on a kernel before Linux 5.3.
	NoPidfd bool
	// Self is the program to run as the guardian, with GuardianName as its
	// argv[0].
	Self string
}

// Kernel holds the processes that were opened on it. One goroutine may use it at a time, but any may call Wake.
type Kernel struct {
	proc *procfs.FS // nil where there is no /proc
	opts Options

	procs       map[procfs.ID]*process
	hiddenProcs map[procfs.ID]bool // those of procs that /proc does not show
	endedProcs  map[procfs.ID]bool // processes that were opened, and gone when they were closed
	batch       []batchEntry       // what OpenBatch opened
	unwatched   []*process         // opened since the last Wait
	watched     map[int32]*process // in the epoll set, by descriptor
	polled      []*process         // those that no event will report
	groups      map[int]*group

	freedFDs     int   // descriptors closed since Open could pin a process no more
	fdTableSize  int   // of the kernel, for this process
	reserveFDs   []int // reserved descriptors, see retryWithReserve
	reserveInUse bool  // retryWithReserve has closed them for a second attempt

	epoll       int // 0 before the first Wait
	epollEvents []unix.EpollEvent
	fdCallbacks map[int32]func() // what to do for other descriptors of the epoll set

	probe    probe
	guardian *guardian
	caught   *caughtSignals // nil before Catch
	cgroup   *cgroup        // the one that was opened, if any

	threadsReserved bool // reserveThreads has succeeded

	inherited       *inherited
	ignored         map[signals.Signal]bool     // by IgnoreSignal
	runtimeHandlers [numSignals + 1]disposition // what RestoreDispositions replaced
	reactions       [numSignals + 1]reaction    // what catchSignal replaced
	reaper          *reaper                     // nil before StartReaper
	command         int                         // the PID that Launch has started, 0 once that is reaped
}

// process is a process that Open returned.
type process struct {
	id    procfs.ID
	inode uint64 // of its pidfd, unique since boot (pidfs, Linux 6.9); 0 where there is none
	fd    int    // a pidfd, a /proc/PID descriptor, or -1
	kind  pinKind

	gone   bool
	reaped bool
	// childReaped: the process was a child that /proc did not show, and this process has reaped it. If it has no
	// descriptor, nothing else shows that its PID may be reused.
	childReaped bool
}

// pinKind says what ensures that a PID is not taken for another process.
type pinKind uint8

const (
	unpinned pinKind = iota // by PID and start time alone
	procDir                 // by a descriptor of /proc/PID
	pidfd                   // by a pidfd
)

// New returns a Kernel that reads proc, which is nil if there is no /proc.
func New(proc *procfs.FS, opts Options) *Kernel {
	return &Kernel{
		proc: proc, opts: opts, inherited: readInherited(),
		procs: make(map[procfs.ID]*process), hiddenProcs: make(map[procfs.ID]bool), endedProcs: make(map[procfs.ID]bool),
		watched: make(map[int32]*process), fdCallbacks: make(map[int32]func()), ignored: make(map[signals.Signal]bool),
	}
}

// Close unpins a process and forgets it.
func (k *Kernel) Close(id procfs.ID) {
	p := k.procs[id]
	if p == nil {
		return
	}
	if id.Start != 0 && (p.gone || k.Exists(id) != nil) {
		k.endedProcs[id] = true // without a start time a later process may have the same ID
	}
	delete(k.watched, int32(p.fd))
	if p.fd >= 0 {
		k.freedFDs++
	}
	p.unpin()
	p.gone, p.reaped = true, true // unwatched and polled may still contain it
	delete(k.procs, id)
	delete(k.hiddenProcs, id)
}

// Stat reads the process again. The error is procfs.ErrNoProcess when it has been reaped, even if its PID
// has been reused.
func (k *Kernel) Stat(id procfs.ID) (procfs.Stat, error) {
	if k.proc == nil {
		return procfs.Stat{}, errors.New("there is no /proc")
	}
	p := k.procs[id]
	if p == nil {
		if k.endedProcs[id] {
			return procfs.Stat{}, procfs.ErrNoProcess // a process with this ID is another one
		}
		p = &process{id: id, fd: -1}
	}
	var st procfs.Stat
	err := k.retryWithReserve(func() (err error) {
		st, err = k.stat(p)
		return err
	})
	return st, err
}

// stat reads /proc, and then checks that the process still exists: if so, its PID was not reused before the
// read.
func (k *Kernel) stat(p *process) (procfs.Stat, error) {
	if p.kind == procDir {
		return k.proc.StatAt(p.fd)
	}
	st, err := k.proc.Stat(p.id.PID)
	switch {
	case p.kind == pidfd && (err == nil || hiddenByProc(err)):
		if gone := exists(p.fd); gone != nil {
			return procfs.Stat{}, gone
		}
		if err != nil {
			return k.statHidden(p.id.PID), nil
		}
		if p.id.Start == 0 {
			st.ID = p.id // /proc hid the process when it was opened
		}
		if st.ID != p.id {
			return procfs.Stat{}, procfs.ErrNoProcess
		}
	case err == nil && st.ID != p.id:
		return procfs.Stat{}, procfs.ErrNoProcess
	}
	st.Inode = p.inode
	return st, err
}

// Exists fails with procfs.ErrNoProcess when the process has been reaped, and as Stat does when that is
// unknown.
func (k *Kernel) Exists(id procfs.ID) error {
	if p := k.procs[id]; p != nil && p.kind == pidfd {
		return exists(p.fd)
	}
	_, err := k.Stat(id)
	return err
}

// Blocks reports whether the leader of the process has sig blocked, and whether it blocks all signals, as libc does
// around fork(2). ILL and SEGV stand for all: no program blocks them for good.
func (k *Kernel) Blocks(id procfs.ID, sig signals.Signal) (blocked, all bool) {
	if k.proc == nil {
		return false, false
	}
	status, err := k.proc.Status(id.PID)
	if err != nil {
		return false, false
	}
	has := status.Blocked.Has
	return has(int(sig)), has(int(unix.SIGILL)) && has(int(unix.SIGSEGV))
}

// Vforks reports whether the process waits for the child of a vfork(2). The kernel sleeps for nothing else in that
// function, which has had several names; false if /proc does not show the name (wchan).
func (k *Kernel) Vforks(id procfs.ID) bool {
	if k.proc == nil {
		return false
	}
	switch where, _ := k.proc.Wchan(id.PID); where {
	case "kernel_clone", "_do_fork", "do_fork", "wait_for_vfork_done":
		return true
	}
	return false
}

// Halted reports whether all threads of the process have stopped, have exited, or wait for the child of a vfork(2).
// Each thread stops by itself, after it has completed a fork that it is in.
func (k *Kernel) Halted(id procfs.ID) bool {
	tids, err := k.proc.Threads(id.PID)
	for _, tid := range tids {
		st, statErr := k.proc.Stat(tid)
		switch {
		case statErr != nil:
			// It has exited.
		case st.State == 'D':
			if !k.Vforks(st.ID) {
				return false
			}
		case st.State != 'T' && st.State != 't' && st.State != 'Z' && st.State != 'X':
			return false
		}
	}
	return err == nil || errors.Is(err, procfs.ErrNoProcess)
}

// Snapshot scans the process table, and adds what is known of processes that /proc does not list.
func (k *Kernel) Snapshot(s *procfs.Snapshot) error {
	if k.proc == nil {
		return errors.New("cannot read the process table: is /proc mounted?")
	}
	return k.retryWithReserve(func() error {
		err := k.proc.Snapshot(s)
		if err == nil && (len(k.hiddenProcs) > 0 || k.proc.HidesProcesses()) {
			err = k.addHidden(s)
		}
		return err
	})
}

// Signal sends sig to the process with that ID, and to no other. The error is procfs.ErrNoProcess if the process was
// not opened or has been reaped.
func (k *Kernel) Signal(id procfs.ID, sig signals.Signal) error { return k.signalPinned(id, sig, nil) }

// signalPinned sends sig to an opened process, with info unless that is nil (rt_sigqueueinfo(2)).
func (k *Kernel) signalPinned(id procfs.ID, sig signals.Signal, info *unix.Siginfo) error {
	p := k.procs[id]
	if p == nil {
		return procfs.ErrNoProcess
	}
	switch {
	case p.kind == pidfd:
		return killError(pidfdSignal(p.fd, unix.Signal(sig), info))
	case p.childReaped:
		return procfs.ErrNoProcess
	}
	return k.retryWithReserve(func() error { return k.signalUnpinned(p, sig, info) })
}

// signalUnpinned signals a process of which no pidfd is kept open. It opens one for this signal if it can, and
// otherwise signals by PID right after it has verified that the process still has that PID.
func (k *Kernel) signalUnpinned(p *process, sig signals.Signal, info *unix.Siginfo) error {
	if k.pidfds() {
		switch fd, err := pidfdOpen(p.id.PID); {
		case err == nil:
			defer closeFD(fd)
			if err := k.verify(p, fd); err != nil {
				return err
			}
			return killError(pidfdSignal(fd, unix.Signal(sig), info))
		case procfs.Exhausted(err) && len(k.reserveFDs) > 0:
			return err // retryWithReserve calls again
		case err == unix.ESRCH:
			return procfs.ErrNoProcess
		}
	}
	if err := k.verify(p, -1); err != nil {
		return err
	}
	if p.kind == procDir && k.probe.dirSignals {
		// The directory's descriptor signals the process that it was opened for, and no other.
		return killError(pidfdSignal(p.fd, unix.Signal(sig), info))
	}
	return killError(killOrQueue(p.id.PID, sig, info))
}

// verify fails unless the PID still names the process. fd, if not -1, is a pidfd opened by that PID.
func (k *Kernel) verify(p *process, fd int) error {
	if fd >= 0 && p.inode != 0 {
		if k.inode(fd) != p.inode {
			return procfs.ErrNoProcess
		}
		return nil
	}
	if p.id.Start == 0 && p.kind == unpinned {
		return nil // no /proc, or it hides the process: nothing to compare with
	}
	_, err := k.stat(p)
	return err
}

// killError returns the error of kill(2) and its relatives as callers of this package expect it: ESRCH as
// procfs.ErrNoProcess, EPERM as errNotPermitted.
func killError(err error) error {
	switch err {
	case nil:
		return nil
	case unix.ESRCH:
		return procfs.ErrNoProcess
	case unix.EPERM:
		return errNotPermitted
	}
	return err
}

// errNotPermitted is EPERM as an error, made once.
var errNotPermitted error = unix.EPERM

// Pause sleeps for d.
func (k *Kernel) Pause(d time.Duration) { sleep(d) }
