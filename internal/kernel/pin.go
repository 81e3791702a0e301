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

// Open pins the process that has the number pid, and only then reads what it
// is; at the end the descriptor is asked whether the process is still there,
// so that what was read belongs to it and not to a successor. Without /proc
// only the number is known, and Start is 0.
func (k *Kernel) Open(pid int) (procfs.Stat, error) {
	p, st := k.takeAhead(pid)
	if p == nil {
		err := k.withSpare(func() (err error) {
			p, st, err = k.open(pid)
			return err
		})
		if err != nil {
			return procfs.Stat{}, err
		}
	}
	// A PID can be reused within one clock tick. The ID then keeps naming the process that was opened
	// first, and no ID names the other.
	old := k.procs[st.ID]
	if old != nil && !old.is(p) || k.ended[st.ID] && !st.Gone() {
		p.close()
		return procfs.Stat{}, procfs.ErrNoProcess
	}
	if old != nil {
		p.close()
		return st, nil
	}
	k.procs[st.ID] = p
	if st.Start == 0 && k.proc != nil {
		k.unseen[st.ID] = true
	}
	k.fresh = append(k.fresh, p)
	return st, nil
}

// is reports whether now, opened a moment ago, is the process that was opened before with the same ID.
func (p *process) is(now *process) bool {
	switch {
	case p.inode != 0 && now.inode != 0:
		return p.inode == now.inode
	case p.kind == pidfd:
		return exists(p.fd) == nil
	}
	return true
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
	p.id, st.Inode = st.ID, p.inode
	if k.lent {
		p.close()
	}
	return p, st, nil
}

// reserve is how many descriptors are kept free for reading /proc, the
// guardian and hooks.
const reserve = 16

// pin gets a descriptor that stays with the process. Without one the process
// is loose, which is no error.
func (k *Kernel) pin(p *process, pid int) error {
	err := error(unix.ENOSYS)
	if k.pidfds() {
		p.fd, err = pidfdOpen(pid)
	}
	switch err {
	case nil:
		p.kind = pidfd
		p.inode = k.inode(p.fd)
		k.makeRoom(p.fd, p.fd)
	case unix.ESRCH:
		return procfs.ErrNoProcess
	case unix.ENOSYS, unix.EINVAL, unix.ENOENT:
		// There are no pidfds, or none for this PID: it is a thread that leads no process (ENOENT since
		// Linux 6.9), a process that is being reaped or, rarely, a living process.
		if err := k.pinDir(p, pid); err != nil {
			return err
		}
	}
	if p.fd >= k.probe.limit()-reserve {
		// Descriptors are handed out lowest first: the table is nearly full.
		p.close()
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
		p.inode = k.inodeOf(pid)
	case errors.Is(err, procfs.ErrNoProcess) && unix.Kill(pid, 0) == unix.ESRCH:
		return procfs.ErrNoProcess
	}
	if s, err := k.proc.Status(pid); err == nil && s.TGID != pid {
		p.close()
		return &ThreadError{TID: pid, PID: s.TGID}
	}
	return nil
}

// read returns what /proc says of the process; where /proc is silent about one that exists
// (hidepid=2, no /proc), what system calls tell.
func (k *Kernel) read(p *process, pid int) (procfs.Stat, error) {
	if k.proc != nil {
		var st procfs.Stat
		var err error
		if p.kind == procDir {
			st, err = k.proc.StatAt(p.fd)
		} else {
			st, err = k.proc.Stat(pid)
		}
		if err == nil || !unseen(err) || p.kind == procDir {
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
	return k.hidden(pid), nil
}

// unseen reports whether the error is that /proc does not show a process, which may exist nonetheless:
// it is not listed (hidepid=2), or may not be looked at (hidepid=1).
func unseen(err error) bool {
	return errors.Is(err, procfs.ErrNoProcess) || errors.Is(err, os.ErrPermission)
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
