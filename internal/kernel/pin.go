package kernel

import (
	"errors"
	"fmt"
	"os"

	"killbox/procfs"

	"golang.org/x/sys/unix"
)

// ThreadError: the number names a thread that does not lead its process.
type ThreadError struct{ TID, PID int }

func (e *ThreadError) Error() string {
	return fmt.Sprintf("is a thread of process %d, not a process", e.PID)
}

// Is makes a thread's number count as naming no process.
func (e *ThreadError) Is(target error) bool { return target == procfs.ErrNoProcess }

// Open pins the process with the PID, and only then reads what it is. At the end it checks that the process still
// exists, so what was read belongs to it and not to a process that reused the PID. Without /proc only the PID is
// known, and Start is 0. The error is procfs.ErrNoProcess if there is none, a *ThreadError for the TID of another
// thread than the leader.
func (k *Kernel) Open(pid int) (procfs.Stat, error) {
	p, st := k.takeFromBatch(pid)
	if p == nil {
		err := k.retryWithReserve(func() (err error) {
			p, st, err = k.openProcess(pid)
			return err
		})
		if err != nil {
			return procfs.Stat{}, err
		}
	}
	// A PID can be reused within one clock tick. The ID then keeps naming the process that was opened
	// first, and no ID names the other.
	old := k.procs[st.ID]
	if old != nil && !old.isSame(p) || k.endedProcs[st.ID] && !st.Gone() {
		p.unpin()
		return procfs.Stat{}, procfs.ErrNoProcess
	}
	if old != nil {
		p.unpin()
		return st, nil
	}
	k.procs[st.ID] = p
	if st.Start == 0 && k.proc != nil {
		k.hiddenProcs[st.ID] = true
	}
	k.unwatched = append(k.unwatched, p)
	return st, nil
}

// isSame reports whether now, opened a moment ago, is the process that was opened before with the same ID.
func (p *process) isSame(now *process) bool {
	switch {
	case p.inode != 0 && now.inode != 0:
		return p.inode == now.inode
	case p.kind == pidfd:
		return exists(p.fd) == nil
	}
	return true
}

// openProcess pins a process and reads what it is, without recording it.
func (k *Kernel) openProcess(pid int) (*process, procfs.Stat, error) {
	p := &process{fd: -1}
	if err := k.pinProcess(p, pid); err != nil {
		return nil, procfs.Stat{}, err
	}
	st, err := k.readStat(p, pid)
	if err == nil && p.kind == pidfd {
		err = exists(p.fd)
	}
	if err != nil {
		p.unpin()
		return nil, procfs.Stat{}, err
	}
	p.id, st.Inode = st.ID, p.inode
	if k.reserveInUse {
		p.unpin()
	}
	return p, st, nil
}

// headroom is how many descriptors are kept free for reading /proc, the guardian and hooks.
const headroom = 16

// pinProcess opens a descriptor that keeps naming the process. Without one the process stays unpinned, which is no
// error.
func (k *Kernel) pinProcess(p *process, pid int) error {
	err := error(unix.ENOSYS)
	if k.pidfds() {
		p.fd, err = pidfdOpen(pid)
	}
	switch err {
	case nil:
		p.kind = pidfd
		p.inode = k.inode(p.fd)
		k.growFDTable(p.fd, p.fd)
	case unix.ESRCH:
		return procfs.ErrNoProcess
	case unix.ENOSYS, unix.EINVAL, unix.ENOENT:
		// There are no pidfds, or none for this PID: it is a thread that leads no process (ENOENT since
		// Linux 6.9), a process that is being reaped or, rarely, a living process.
		if err := k.pinDir(p, pid); err != nil {
			return err
		}
	}
	if p.fd >= k.probe.fdLimit()-headroom {
		// The kernel allocates the lowest descriptor: the table is nearly full.
		p.unpin()
	}
	return nil
}

// pinDir opens the directory of the process in /proc. If that fails for a living process, the process stays
// unpinned, which is no error.
func (k *Kernel) pinDir(p *process, pid int) error {
	p.fd = -1
	if k.proc == nil {
		return nil
	}
	fd, err := k.proc.OpenDir(pid)
	switch {
	case err == nil:
		p.fd, p.kind = fd, procDir
		p.inode = k.inodeOfPID(pid)
	case errors.Is(err, procfs.ErrNoProcess) && unix.Kill(pid, 0) == unix.ESRCH:
		return procfs.ErrNoProcess
	}
	if s, err := k.proc.Status(pid); err == nil && s.TGID != pid {
		p.unpin()
		return &ThreadError{TID: pid, PID: s.TGID}
	}
	return nil
}

// readStat returns what /proc shows of the process or, for one that exists and that /proc does not show (hidepid=2, no
// /proc), what system calls tell.
func (k *Kernel) readStat(p *process, pid int) (procfs.Stat, error) {
	if k.proc != nil {
		var st procfs.Stat
		var err error
		if p.kind == procDir {
			st, err = k.proc.StatAt(p.fd)
		} else {
			st, err = k.proc.Stat(pid)
		}
		if err == nil || !hiddenByProc(err) || p.kind == procDir {
			return st, err // the directory's descriptor shows any process that has not been reaped
		}
	}
	err := unix.Kill(pid, 0)
	if p.kind == pidfd {
		err = exists(p.fd)
	}
	if err == unix.ESRCH || errors.Is(err, procfs.ErrNoProcess) {
		return procfs.Stat{}, procfs.ErrNoProcess
	}
	return k.statHidden(pid), nil
}

// hiddenByProc reports whether the error is that /proc does not show a process, which may exist nonetheless:
// it is not listed (hidepid=2), or may not be read (hidepid=1).
func hiddenByProc(err error) bool {
	return errors.Is(err, procfs.ErrNoProcess) || errors.Is(err, os.ErrPermission)
}

// exists returns procfs.ErrNoProcess if the process of a pidfd has been reaped.
func exists(fd int) error {
	if err := pidfdSignal(fd, 0, nil); err == unix.ESRCH {
		return procfs.ErrNoProcess
	}
	return nil
}

// unpin closes the descriptor of the process.
func (p *process) unpin() {
	if p.fd >= 0 {
		closeFD(p.fd)
	}
	p.fd, p.kind = -1, unpinned
}
