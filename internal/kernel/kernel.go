// Package kernel signals, waits for and reaps processes; no other package does. It pins a process by a pidfd (Linux
// 5.3), so that a signal never reaches a process that has reused the PID. Without pidfds, because the kernel is older
// or a seccomp filter refuses the calls, the package verifies the process in /proc right before every kill(2).
//
// In the comments, this process is the one that runs killbox, this program is killbox, and the runtime is the Go
// runtime.
package kernel

import (
	"errors"
	"time"

	"killbox/internal/signals"
	"killbox/procfs"

	"golang.org/x/sys/unix"
)

// Options are the options of a Kernel.
type Options struct {
	// NoPidfd makes the Kernel use no pidfds, as on a kernel before Linux 5.3.
	NoPidfd bool
	// Self is the path of this program, for StartGuardian and StartBackground.
	Self string
}

// Kernel pins processes, signals them and waits for them. Only one goroutine may use it at a time, except for Wake,
// which any goroutine may call.
type Kernel struct {
	proc *procfs.FS // nil where there is no /proc
	opts Options

	procs       map[procfs.ID]*process
	hiddenProcs map[procfs.ID]bool // those of procs that /proc did not show to Open
	endedProcs  map[procfs.ID]bool // opened processes that were gone when they were closed
	batch       []batchEntry       // opened by OpenBatch, and not taken by Open yet
	unwatched   []*process         // opened since the last Wait; neither watched nor polled
	watched     map[int32]*process // those whose pidfd is in the epoll set, by descriptor
	polled      []*process         // those whose end the epoll set does not report
	groups      map[int]*group

	freedFDs     int   // number of descriptors that Close has closed, for repin
	fdTableSize  int   // size of the descriptor table as growFDTable knows it
	reserveFDs   []int // reserved descriptors: see retryWithReserve
	reserveInUse bool  // retryWithReserve has closed reserveFDs for a second attempt

	epoll       int // the epoll set; 0 before PrepareWait
	epollEvents []unix.EpollEvent
	fdCallbacks map[int32]func() // called when a descriptor that is not in watched is ready

	probe    probe
	guardian *guardian
	half     *half          // nil unless this process is one half of a pair
	caught   *caughtSignals // nil before Catch
	cgroup   *cgroup        // nil before OpenCgroup

	threadsReserved bool // reserveThreads has succeeded

	inherited       *inherited
	ignored         map[signals.Signal]bool     // by IgnoreSignal
	runtimeHandlers [numSignals + 1]disposition // the handlers that RestoreDispositions replaced
	reactions       [numSignals + 1]reaction    // the reactions that catchSignal replaced
	reaper          *reaper                     // nil before StartReaper
	commandPID      int                         // PID of the child that Launch started; 0 after it was reaped
}

// process is an opened process: Open has returned it, and Close has not been called.
type process struct {
	id    procfs.ID
	inode uint64 // of its pidfd, unique since boot (pidfs, Linux 6.9); 0 if unknown
	fd    int    // a pidfd, a /proc/PID descriptor, or -1
	kind  pinKind

	gone   bool
	reaped bool
	// childReaped: the process was a child that /proc did not show, and this process has reaped it. Without a
	// descriptor, nothing else shows that the PID may have been reused.
	childReaped bool
}

// pinKind is the means by which an opened process is distinguished from a process that has reused its PID.
type pinKind uint8

const (
	unpinned pinKind = iota // only by its PID and start time
	procDir                 // by a descriptor of /proc/PID, opened while the process existed
	pidfd                   // by a pidfd
)

// New returns a Kernel that reads processes from proc. proc is nil if there is no /proc.
func New(proc *procfs.FS, opts Options) *Kernel {
	return &Kernel{
		proc: proc, opts: opts, inherited: readInherited(),
		procs: make(map[procfs.ID]*process), hiddenProcs: make(map[procfs.ID]bool), endedProcs: make(map[procfs.ID]bool),
		watched: make(map[int32]*process), fdCallbacks: make(map[int32]func()), ignored: make(map[signals.Signal]bool),
	}
}

// Close closes the descriptor of an opened process and forgets the process.
func (k *Kernel) Close(id procfs.ID) {
	p := k.procs[id]
	if p == nil {
		return
	}
	if id.Start != 0 && (p.gone || errors.Is(k.Exists(id), procfs.ErrNoProcess)) {
		k.endedProcs[id] = true // not with Start 0: a process that reuses the PID has the same ID
	}
	delete(k.watched, int32(p.fd))
	if p.fd >= 0 {
		k.freedFDs++
	}
	p.unpin()
	p.gone, p.reaped = true, true // p may still be in unwatched or polled
	delete(k.procs, id)
	delete(k.hiddenProcs, id)
}

// Stat reads the process again. The error is procfs.ErrNoProcess if the process has been reaped, even if its PID has
// been reused.
func (k *Kernel) Stat(id procfs.ID) (procfs.Stat, error) {
	if k.proc == nil {
		return procfs.Stat{}, errors.New("there is no /proc")
	}
	p := k.procs[id]
	if p == nil {
		if k.endedProcs[id] {
			return procfs.Stat{}, procfs.ErrNoProcess // a process that has this ID now is another one
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

// stat reads the process from /proc, and then checks that the process still exists. If so, the PID was not reused
// before the read.
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
			st.ID = p.id // /proc did not show the process to Open
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

// Exists returns nil if the process exists, and procfs.ErrNoProcess if it has been reaped. If it has no pidfd, Exists
// returns the errors of Stat as well.
func (k *Kernel) Exists(id procfs.ID) error {
	if p := k.procs[id]; p != nil && p.kind == pidfd {
		return exists(p.fd)
	}
	_, err := k.Stat(id)
	return err
}

// Blocks reports whether the leader of the process has sig blocked, and whether it has all signals blocked, as libc
// does around fork(2). all is true if ILL and SEGV are blocked, because programs block these two only together with all
// others.
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

// Vforks reports whether the process waits for the child of a vfork(2). It compares the kernel function in which the
// process sleeps (wchan in proc(5)) with the names that this function has had in different kernels. A process sleeps in
// this function for no other reason. Vforks is false if /proc does not show the name.
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

// Halted reports whether every thread of the process has stopped, has exited, or waits for the child of a vfork(2).
// SIGSTOP stops each thread separately; a thread that executes fork(2) completes it before it stops.
func (k *Kernel) Halted(id procfs.ID) bool {
	tids, err := k.proc.Threads(id.PID)
	for _, tid := range tids {
		st, statErr := k.proc.Stat(tid)
		switch {
		case statErr != nil:
			// The thread has exited.
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

// Snapshot scans the process table, and adds processes that are known to exist although /proc does not list them.
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

// ScanNew scans the processes that were forked since the scan s began. See procfs.FS.ScanNew. If /proc hides processes,
// ok is false.
func (k *Kernel) ScanNew(s *procfs.Snapshot) (fresh *procfs.Snapshot, ok bool, err error) {
	if k.proc == nil || len(k.hiddenProcs) > 0 || k.proc.HidesProcesses() {
		return nil, false, nil
	}
	err = k.retryWithReserve(func() error {
		fresh, ok, err = k.proc.ScanNew(s)
		return err
	})
	return fresh, ok, err
}

// Image reads the image of the process that has the PID now. See procfs.FS.Image.
func (k *Kernel) Image(pid int) (img procfs.Image, err error) {
	if k.proc == nil {
		return img, procfs.ErrNoImage
	}
	err = k.retryWithReserve(func() error {
		img, err = k.proc.Image(pid)
		return err
	})
	return img, err
}

// Signal sends sig to the opened process, and not to a process that has reused its PID (signalUnpinned describes a race
// without pidfds). The error is procfs.ErrNoProcess if the process was not opened or has been reaped.
func (k *Kernel) Signal(id procfs.ID, sig signals.Signal) error { return k.signalOpened(id, sig, nil) }

// signalOpened sends sig to an opened process. If info is not nil, the signal carries it (rt_sigqueueinfo(2)).
func (k *Kernel) signalOpened(id procfs.ID, sig signals.Signal, info *unix.Siginfo) error {
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

// signalUnpinned signals an opened process that has no open pidfd. If possible it opens a pidfd for this one signal.
// Otherwise it verifies the process and then signals it by PID at once. A reuse of the PID between these two steps is a
// race that only pidfds close.
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
			return err // retryWithReserve repeats the call
		case err == unix.ESRCH:
			return procfs.ErrNoProcess
		}
	}
	if err := k.verify(p, -1); err != nil {
		return err
	}
	if p.kind == procDir && k.probe.dirSignals {
		// A descriptor of /proc/PID signals only the process for which it was opened.
		return killError(pidfdSignal(p.fd, unix.Signal(sig), info))
	}
	return killError(killOrQueue(p.id.PID, sig, info))
}

// verify returns an error unless the PID still belongs to the process. fd is a pidfd that was just opened by the PID,
// or -1.
func (k *Kernel) verify(p *process, fd int) error {
	if fd >= 0 && p.inode != 0 {
		if k.inode(fd) != p.inode {
			return procfs.ErrNoProcess
		}
		return nil
	}
	if p.id.Start == 0 && p.kind == unpinned {
		return nil // /proc is missing or hides the process, so there is nothing to compare
	}
	_, err := k.stat(p)
	return err
}

// killError translates the errors of kill(2) and similar system calls: ESRCH to procfs.ErrNoProcess, EPERM to
// errNotPermitted.
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

// errNotPermitted is EPERM as an error.
var errNotPermitted error = unix.EPERM

// Pause sleeps for d, without a timer of the runtime (see sleep).
func (k *Kernel) Pause(d time.Duration) { sleep(d) }
