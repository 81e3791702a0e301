// Package kernel is the only one that signals, waits and reaps. Processes are
// held by pidfds (Linux 5.3), so that a number which has been used again is
// never signalled; where there are none, because the kernel is older or
// seccomp refuses the calls, /proc is asked right before every kill(2).
package kernel

import (
	"errors"
	"os"
	"time"

	"killbox/internal/fmt"
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
	ahead   []ahead            // opened before their Open
	fresh   []*process         // opened since the last Wait
	watched map[int32]*process // in the epoll set, by descriptor
	polled  []*process         // what no event will tell of
	groups  map[int]*group
	freed   int // descriptors given back since some ran short
	room    int // in the table of descriptors
	epoll   int // 0 before the first Wait
	ready   []unix.EpollEvent

	probe  probe
	guard  *guardian
	notes  *notes
	cgroup *cgroup // that was opened, if any

	given    *inherited
	keeper   *keeper          // nil without children to look after
	command  int              // whom Launch has started, 0 once it has been reaped
	watchers map[int32]func() // what to do about other descriptors of the epoll set
}

// process is one that Open returned.
type process struct {
	id   procfs.ID
	fd   int // a pidfd, a /proc/PID descriptor, or -1
	kind kind

	gone   bool
	reaped bool
}

type kind uint8

const (
	loose   kind = iota // known by number and start time
	procDir             // pinned by a descriptor of /proc/PID
	pidfd               // pinned by a pidfd
)

// New returns a kernel that reads proc, which is nil where there is no /proc.
func New(proc *procfs.FS, opts Options) *Kernel {
	keepClosed()
	return &Kernel{
		proc: proc, opts: opts, procs: make(map[procfs.ID]*process), watched: make(map[int32]*process),
		given: given(), watchers: make(map[int32]func()),
	}
}

// ThreadError: the number names a thread that does not lead its process.
type ThreadError struct{ TID, PID int }

func (e *ThreadError) Error() string {
	return fmt.Sprintf("is a thread of process %d, not a process", e.PID)
}

// Is makes a thread's number count as naming no process.
func (e *ThreadError) Is(target error) bool { return target == procfs.ErrNoProcess }

// Open pins the process that has the number pid, and only then reads what it
// is; at the end the descriptor is asked whether the process is still there,
// so that what was read belongs to it and not to a successor. Without /proc
// only the number is known, and Start is 0.
func (k *Kernel) Open(pid int) (procfs.Stat, error) {
	p, st := k.takeAhead(pid)
	if p == nil {
		var err error
		if p, st, err = k.open(pid); err != nil {
			return procfs.Stat{}, err
		}
	}
	if old := k.procs[st.ID]; old != nil {
		if old.kind != pidfd || exists(old.fd) == nil {
			p.close()
			return st, nil
		}
		// The same number in the same tick: another process.
		k.Close(st.ID)
	}
	k.procs[st.ID] = p
	k.fresh = append(k.fresh, p)
	return st, nil
}

func (k *Kernel) open(pid int) (*process, procfs.Stat, error) {
	p := &process{fd: -1}
	if err := k.pin(p, pid); err != nil {
		return nil, procfs.Stat{}, err
	}
	st, err := k.read(p, pid)
	if err == nil && p.kind == pidfd {
		err = exists(p.fd)
	}
	if err != nil {
		p.close()
		return nil, procfs.Stat{}, err
	}
	p.id = st.ID
	return p, st, nil
}

// reserve is how many descriptors are kept free for reading /proc, the
// guardian and hooks.
const reserve = 16

// pin gets a descriptor that stays with the process. Without one the process
// is loose, which is no error.
func (k *Kernel) pin(p *process, pid int) error {
	if k.pidfds() {
		fd, err := pidfdOpen(pid)
		switch {
		case err == nil:
			p.fd, p.kind = fd, pidfd
			k.makeRoom(fd, fd)
		case err == unix.ESRCH:
			return procfs.ErrNoProcess
		case err == unix.EINVAL || err == unix.ENOENT:
			// A thread that leads no process, or one that is about to be
			// reaped.
			return k.thread(pid)
		}
	} else if k.proc != nil {
		fd, err := unix.Open(fmt.Sprintf("%s/%d", k.proc.Root(), pid), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err == nil {
			p.fd, p.kind = fd, procDir
		} else if err == unix.ENOENT && unix.Kill(pid, 0) == unix.ESRCH {
			return procfs.ErrNoProcess
		}
		if err := k.thread(pid); err != nil && errors.As(err, new(*ThreadError)) {
			p.close()
			return err
		}
	}
	if p.fd >= k.probe.limit()-reserve {
		// Descriptors are handed out lowest first: the table is nearly full.
		p.close()
	}
	return nil
}

// thread tells a thread's number from that of a process that is going.
func (k *Kernel) thread(pid int) error {
	if k.proc != nil {
		if s, err := k.proc.Status(pid); err == nil && s.TGID != pid {
			return &ThreadError{TID: pid, PID: s.TGID}
		}
	}
	return procfs.ErrNoProcess
}

// read returns what /proc says; where it says nothing of a process that
// exists (hidepid, no /proc) just the number.
func (k *Kernel) read(p *process, pid int) (procfs.Stat, error) {
	if k.proc != nil {
		var st procfs.Stat
		var err error
		if p.kind == procDir {
			st, err = k.proc.StatAt(p.fd)
		} else {
			st, err = k.proc.Stat(pid)
		}
		if err == nil || !errors.Is(err, procfs.ErrNoProcess) {
			return st, err
		}
	}
	err := unix.Kill(pid, 0)
	if p.kind == pidfd {
		err = exists(p.fd)
	}
	if err == unix.ESRCH || errors.Is(err, procfs.ErrNoProcess) {
		return procfs.Stat{}, procfs.ErrNoProcess
	}
	return procfs.Stat{ID: procfs.ID{PID: pid}, State: '?', Threads: 1}, nil
}

// exists asks the descriptor whether its process has been reaped.
func exists(fd int) error {
	if err := pidfdSignal(fd, 0, nil); err == unix.ESRCH {
		return procfs.ErrNoProcess
	}
	return nil
}

func (p *process) close() {
	if p.fd >= 0 {
		closeFD(p.fd)
	}
	p.fd, p.kind = -1, loose
}

// Close forgets a process.
func (k *Kernel) Close(id procfs.ID) {
	p := k.procs[id]
	if p == nil {
		return
	}
	delete(k.watched, int32(p.fd))
	if p.fd >= 0 {
		k.freed++
	}
	p.close()
	p.gone, p.reaped = true, true // for the lists that still hold it
	delete(k.procs, id)
}

// Inode returns the inode number of the process's pidfd, which names it for
// ever (pidfs, Linux 6.9).
func (k *Kernel) Inode(id procfs.ID) (uint64, error) {
	const pidfsMagic = 0x50494446
	p := k.procs[id]
	if p == nil || p.kind != pidfd {
		return 0, errNoInode
	}
	var fs unix.Statfs_t
	if err := unix.Fstatfs(p.fd, &fs); err != nil || uint32(fs.Type) != pidfsMagic {
		return 0, errNoInode
	}
	var st unix.Stat_t
	if err := unix.Fstat(p.fd, &st); err != nil {
		return 0, os.NewSyscallError("fstat", err)
	}
	return st.Ino, nil
}

var errNoInode = errors.New("pidfds have no inodes of their own before Linux 6.9: name it as PID@START")

// Stat reads the process again. The error is procfs.ErrNoProcess when it has
// been reaped.
func (k *Kernel) Stat(id procfs.ID) (procfs.Stat, error) {
	if k.proc == nil {
		return procfs.Stat{}, errors.New("there is no /proc")
	}
	st, err := k.proc.Stat(id.PID)
	if err == nil && st.ID != id {
		err = procfs.ErrNoProcess
	}
	return st, err
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

// Snapshot reads the process table.
func (k *Kernel) Snapshot(s *procfs.Snapshot) error {
	if k.proc == nil {
		return errors.New("cannot read the process table: is /proc mounted?")
	}
	return k.proc.Snapshot(s)
}

// Signal sends sig to the process that id names, and to no other.
func (k *Kernel) Signal(id procfs.ID, sig signals.Signal) error { return k.send(id, sig, nil) }

// send sends sig, with what is in info if that is not nil.
func (k *Kernel) send(id procfs.ID, sig signals.Signal, info *unix.Siginfo) error {
	p := k.procs[id]
	if p == nil {
		return procfs.ErrNoProcess
	}
	switch p.kind {
	case pidfd:
		return sent(pidfdSignal(p.fd, unix.Signal(sig), info))
	case procDir:
		// Reading through the descriptor fails once the process has been
		// reaped, even if its number is in use again within the same tick.
		if _, err := k.proc.StatAt(p.fd); err != nil {
			return err
		}
		return sent(post(id.PID, sig, info))
	}
	if k.pidfds() {
		fd, err := unix.PidfdOpen(id.PID, 0)
		if err == nil {
			defer unix.Close(fd)
			if err := k.verify(id); err != nil {
				return err
			}
			return sent(unix.PidfdSendSignal(fd, unix.Signal(sig), info, 0))
		}
		if err == unix.ESRCH {
			return procfs.ErrNoProcess
		}
	}
	if err := k.verify(id); err != nil {
		return err
	}
	return sent(post(id.PID, sig, info))
}

// verify fails unless the number still names the process.
func (k *Kernel) verify(id procfs.ID) error {
	if id.Start == 0 {
		return nil // no /proc, or it hides the process: nothing to compare with
	}
	_, err := k.Stat(id)
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
func (k *Kernel) Pause(d time.Duration) { time.Sleep(d) }
