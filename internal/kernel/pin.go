package kernel

import (
	"errors"
	"fmt"
	"os"

	"killbox/procfs"

	"golang.org/x/sys/unix"
)

// ThreadError says that TID, given as a PID, is a thread of process PID and not its leader.
type ThreadError struct{ TID, PID int }

func (e *ThreadError) Error() string {
	return fmt.Sprintf("is a thread of process %d, not a process", e.PID)
}

// Is makes a ThreadError count as procfs.ErrNoProcess, because no process has this PID.
func (e *ThreadError) Is(target error) bool { return target == procfs.ErrNoProcess }

// Open pins the process that has the PID, reads its stat, and then checks that the process still exists. Only in this
// order does the stat belong to the pinned process, and not to one that has reused the PID. Without /proc only the PID
// is known, and Start is 0. The error is procfs.ErrNoProcess if no process has the PID, and a *ThreadError if pid is
// the TID of a thread that is not a leader.
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
	// If a PID is reused within one clock tick, two processes have the same ID. The ID keeps naming the one that was
	// opened first. The other one cannot be opened.
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

// Identify reads the stat of the process that has the PID now, as Open does, but does not open the process.
func (k *Kernel) Identify(pid int) (st procfs.Stat, err error) {
	err = k.retryWithReserve(func() error {
		p, now, err := k.openProcess(pid)
		if err == nil {
			p.unpin()
			st = now
		}
		return err
	})
	return st, err
}

// isSame reports whether p and other are the same process. Both have the same ID; other was opened a moment ago.
func (p *process) isSame(other *process) bool {
	switch {
	case p.inode != 0 && other.inode != 0:
		return p.inode == other.inode
	case p.kind == pidfd:
		return exists(p.fd) == nil
	}
	return true
}

// openProcess pins a process and reads its stat. It does not add the process to k.procs.
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

// headroom is the number of descriptors that are kept free for reading /proc, for the guardian and for hooks.
const headroom = 16

// pinProcess pins the process that has the PID by a pidfd or a descriptor of /proc/PID. If neither can be opened, the
// process stays unpinned, which is no error. The error is procfs.ErrNoProcess or a *ThreadError.
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
		// There are no pidfds, or pidfd_open(2) refuses this PID: it is that of a thread that is not a leader (ENOENT
		// on Linux 6.18), of a process that is being reaped or, rarely, of a living process.
		if err := k.pinDir(p, pid); err != nil {
			return err
		}
	}
	if p.fd >= k.probe.fdLimit()-headroom {
		// The kernel allocates the lowest free descriptor, so fewer than headroom are free.
		p.unpin()
	}
	return nil
}

// pinDir pins a process by a descriptor of /proc/PID. If /proc/PID cannot be opened although the process exists, the
// process stays unpinned, which is no error. The error is procfs.ErrNoProcess or a *ThreadError.
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

// readStat reads the stat of a process from /proc. If /proc does not show the process (hidepid) or there is no /proc,
// readStat returns that of statHidden.
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
			return st, err // with procDir the process is not hidden: ErrNoProcess means reaped
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

// hiddenByProc reports whether err can mean that /proc hides an existing process: it does not list the process
// (hidepid=2) or permits no reading (hidepid=1).
func hiddenByProc(err error) bool {
	return errors.Is(err, procfs.ErrNoProcess) || errors.Is(err, os.ErrPermission)
}

// exists returns procfs.ErrNoProcess if the process of the pidfd has been reaped, and nil otherwise.
func exists(fd int) error {
	if err := pidfdSignal(fd, 0, nil); err == unix.ESRCH {
		return procfs.ErrNoProcess
	}
	return nil
}

// unpin closes the descriptor of the process and leaves the process unpinned.
func (p *process) unpin() {
	if p.fd >= 0 {
		closeFD(p.fd)
	}
	p.fd, p.kind = -1, unpinned
}
