// Package kernel is the only one that signals, waits and reaps. Processes are
// held by pidfds (Linux 5.3), so that a number which has been used again is
// never signalled; where there are none, because the kernel is older or
// seccomp refuses the calls, /proc is asked right before every kill(2).
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

// Kernel holds the processes that were opened on it. It is used by one
// goroutine; only Hook may be called from several.
type Kernel struct {
	proc *procfs.FS // nil where there is no /proc
	opts Options

	procs   map[procfs.ID]*process
	unseen  map[procfs.ID]bool // those of procs that /proc does not show
	ended   map[procfs.ID]bool // processes that were opened, and gone when they were closed
	ahead   []ahead            // opened before their Open
	fresh   []*process         // opened since the last Wait
	watched map[int32]*process // in the epoll set, by descriptor
	polled  []*process         // what no event will tell of
	groups  map[int]*group
	freed   int   // descriptors given back since some ran short
	room    int   // in the table of descriptors
	spare   []int // reserved descriptors, see withSpare
	lent    bool  // withSpare has closed them for a second attempt
	epoll   int   // 0 before the first Wait
	ready   []unix.EpollEvent

	probe  probe
	guard  *guardian
	notes  *notes
	cgroup *cgroup // that was opened, if any

	reserved bool // reserveThreads has succeeded

	given     *inherited
	ignoring  map[signals.Signal]bool     // by Ignore
	ofRuntime [numSignals + 1]disposition // what StandardSignals replaced
	reactions [numSignals + 1]reaction    // what take replaced
	keeper    *keeper                     // nil without children to look after
	command   int                         // the PID that Launch has started, 0 once that is reaped
	watchers  map[int32]func()            // what to do about other descriptors of the epoll set
}

// process is one that Open returned.
type process struct {
	id    procfs.ID
	inode uint64 // of its pidfd, unique since boot (pidfs, Linux 6.9); 0 where there is none
	fd    int    // a pidfd, a /proc/PID descriptor, or -1
	kind  kind

	gone   bool
	reaped bool
	// childReaped: the process was a child that /proc did not show, and this
	// process has reaped it. Nothing else tells that its PID is free if it has no
	// descriptor.
	childReaped bool
}

type kind uint8

const (
	loose   kind = iota // known by number and start time
	procDir             // pinned by a descriptor of /proc/PID
	pidfd               // pinned by a pidfd
)

// New returns a kernel that reads proc, which is nil where there is no /proc.
func New(proc *procfs.FS, opts Options) *Kernel {
	return &Kernel{
		proc: proc, opts: opts, procs: make(map[procfs.ID]*process), watched: make(map[int32]*process),
		given: given(), watchers: make(map[int32]func()), ignoring: make(map[signals.Signal]bool), unseen: make(map[procfs.ID]bool), ended: make(map[procfs.ID]bool),
	}
}

// Close forgets a process.
func (k *Kernel) Close(id procfs.ID) {
	p := k.procs[id]
	if p == nil {
		return
	}
	if id.Start != 0 && (p.gone || k.Exists(id) != nil) {
		k.ended[id] = true // without a start time a later process may have the same ID
	}
	delete(k.watched, int32(p.fd))
	if p.fd >= 0 {
		k.freed++
	}
	p.close()
	p.gone, p.reaped = true, true // for the lists that still hold it
	delete(k.procs, id)
	delete(k.unseen, id)
}

// Stat reads the process again. The error is procfs.ErrNoProcess when it has been reaped, even if its PID
// has been reused.
func (k *Kernel) Stat(id procfs.ID) (procfs.Stat, error) {
	if k.proc == nil {
		return procfs.Stat{}, errors.New("there is no /proc")
	}
	p := k.procs[id]
	if p == nil {
		if k.ended[id] {
			return procfs.Stat{}, procfs.ErrNoProcess // a process with this ID is another one
		}
		p = &process{id: id, fd: -1}
	}
	var st procfs.Stat
	err := k.withSpare(func() (err error) {
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
	case p.kind == pidfd && (err == nil || unseen(err)):
		if gone := exists(p.fd); gone != nil {
			return procfs.Stat{}, gone
		}
		if err != nil {
			return k.hidden(p.id.PID), nil
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

// Blocks tells whether the process's first thread has sig blocked, and whether
// it blocks all signals: ILL and SEGV stand for those that nobody blocks for
// good.
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

// Vforks tells whether the process waits for the child of a vfork. The kernel
// sleeps for nothing else in that function, under whichever name it has had;
// where names are not shown the answer is no.
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

// Halted tells whether all threads of the process have stopped, have exited,
// or wait for the child of a vfork: each stops by itself, and finishes the fork
// that it is in before.
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

// Snapshot reads the process table, and adds what is known of processes that /proc does not list.
func (k *Kernel) Snapshot(s *procfs.Snapshot) error {
	if k.proc == nil {
		return errors.New("cannot read the process table: is /proc mounted?")
	}
	return k.withSpare(func() error {
		err := k.proc.Snapshot(s)
		if err == nil && (len(k.unseen) > 0 || k.proc.HidesProcesses()) {
			err = k.addHidden(s)
		}
		return err
	})
}

// Signal sends sig to the process that id names, and to no other.
func (k *Kernel) Signal(id procfs.ID, sig signals.Signal) error { return k.send(id, sig, nil) }

// send sends sig, with what is in info if that is not nil.
func (k *Kernel) send(id procfs.ID, sig signals.Signal, info *unix.Siginfo) error {
	p := k.procs[id]
	if p == nil {
		return procfs.ErrNoProcess
	}
	switch {
	case p.kind == pidfd:
		return sent(pidfdSignal(p.fd, unix.Signal(sig), info))
	case p.childReaped:
		return procfs.ErrNoProcess
	}
	return k.withSpare(func() error { return k.sendUnpinned(p, sig, info) })
}

// sendUnpinned signals a process of which no pidfd is kept. It opens one for this signal if it can, and
// otherwise signals by PID right after it verified that the process still has it.
func (k *Kernel) sendUnpinned(p *process, sig signals.Signal, info *unix.Siginfo) error {
	if k.pidfds() {
		switch fd, err := pidfdOpen(p.id.PID); {
		case err == nil:
			defer closeFD(fd)
			if err := k.verify(p, fd); err != nil {
				return err
			}
			return sent(pidfdSignal(fd, unix.Signal(sig), info))
		case procfs.Exhausted(err) && len(k.spare) > 0:
			return err // withSpare calls again
		case err == unix.ESRCH:
			return procfs.ErrNoProcess
		}
	}
	if err := k.verify(p, -1); err != nil {
		return err
	}
	if p.kind == procDir && k.probe.dirSignals {
		// The directory's descriptor signals the process that it was opened for, and no other.
		return sent(pidfdSignal(p.fd, unix.Signal(sig), info))
	}
	return sent(post(p.id.PID, sig, info))
}

// verify fails unless the PID still names the process. fd, if not -1, is a pidfd opened by that PID.
func (k *Kernel) verify(p *process, fd int) error {
	if fd >= 0 && p.inode != 0 {
		if k.inode(fd) != p.inode {
			return procfs.ErrNoProcess
		}
		return nil
	}
	if p.id.Start == 0 && p.kind == loose {
		return nil // no /proc, or it hides the process: nothing to compare with
	}
	_, err := k.stat(p)
	return err
}

func sent(err error) error {
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

// errNotPermitted spells EPERM as errno does, without "kill:" before it.
var errNotPermitted error = unix.EPERM

// Pause gives up the processor for about d.
func (k *Kernel) Pause(d time.Duration) { sleep(d) }
