package kernel

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"unsafe"

	"killbox/internal/signals"
	"killbox/procfs"

	"golang.org/x/sys/unix"
)

// group is a process group that OpenGroup pinned.
//
// A process group has no descriptor, but it can own a file (F_SETOWN_EX in fcntl(2)). The kernel keeps the owner as a
// reference to its struct pid, not as a number. Since Linux 5.12, F_GETOWN_EX returns no owner when the group has no
// member left, not even a zombie. The PGID cannot be reused earlier. So the owned file shows whether the PGID still
// means the pinned group, even after the leader was reaped.
type group struct {
	pgid        int
	ownedFD     int       // eventfd that the group owns, or -1
	leaderFD    int       // pidfd of the group leader, or -1
	leaderDirFD int       // without ownedFD: descriptor of the leader's /proc/PID, or -1
	leaderID    procfs.ID // the leader at the time of OpenGroup; zero if it had been reaped
}

// ownerEx is struct f_owner_ex of fcntl(2).
type ownerEx struct{ kind, pid int32 }

const ownerGroup = 2 // F_OWNER_PGRP

// signalProcessGroup is PIDFD_SIGNAL_PROCESS_GROUP (Linux 6.9).
const signalProcessGroup = 1 << 2

// OpenGroup pins the process group that has the PGID now. The error is procfs.ErrNoProcess if there is no such group.
func (k *Kernel) OpenGroup(pgid int) error {
	if pgid <= 1 {
		return fmt.Errorf("process group %d cannot be signalled", pgid)
	}
	if k.groups[pgid] != nil {
		return nil
	}
	g := &group{pgid: pgid, ownedFD: -1, leaderFD: -1, leaderDirFD: -1}
	if err := k.setOwner(g); err != nil {
		return err
	}
	if err := unix.Kill(-pgid, 0); err == unix.ESRCH {
		g.close()
		return procfs.ErrNoProcess
	}
	if g.ownedFD >= 0 && k.pidfds() {
		// While the group has a member, only the leader of the group can have this PID.
		if fd, err := unix.PidfdOpen(pgid, 0); err == nil {
			g.leaderFD = fd
		}
	}
	if g.ownedFD < 0 && k.proc != nil {
		if dir, err := k.proc.OpenDir(pgid); err == nil && dir < k.probe.fdLimit()-headroom {
			g.leaderDirFD = dir
		} else if err == nil {
			closeFD(dir)
		}
		if st, err := k.proc.Stat(pgid); err == nil {
			g.leaderID = st.ID
		}
	}
	if g.ownedFD >= 0 && !g.hasMembers() {
		g.close()
		return procfs.ErrNoProcess
	}
	if k.groups == nil {
		k.groups = make(map[int]*group)
	}
	k.groups[pgid] = g
	return nil
}

// setOwner makes the group the owner of an eventfd. Where that fails (Linux before 5.12, no descriptors left, a seccomp
// filter), ownedFD stays -1, and sameGroupByProc decides whether the PGID still means the group. The error is
// procfs.ErrNoProcess if the group has no member.
func (k *Kernel) setOwner(g *group) error {
	if k.opts.NoPidfd || !k.clearsDeadOwner() {
		return nil
	}
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		return nil
	}
	if fd < k.probe.fdLimit()-headroom {
		owner := ownerEx{ownerGroup, int32(g.pgid)}
		switch err := fcntlOwner(fd, unix.F_SETOWN_EX, &owner); {
		case err == 0 && fcntlOwner(fd, unix.F_GETOWN_EX, &owner) == 0: // a seccomp filter may refuse F_GETOWN_EX
			g.ownedFD = fd
			return nil
		case err == unix.ESRCH:
			unix.Close(fd)
			return procfs.ErrNoProcess
		}
	}
	unix.Close(fd)
	return nil
}

// clearsDeadOwner reports whether F_GETOWN_EX returns no owner after the group has ended. Before Linux 5.12 it returns
// the old PGID. No system call shows the difference, so the version of the kernel decides.
func (k *Kernel) clearsDeadOwner() bool {
	var name unix.Utsname
	if unix.Uname(&name) != nil {
		return false
	}
	// The release is, for example, 5.10.0-28-amd64, 6.1-rc3 or 6.12.
	number := func(s string) int {
		n, _ := strconv.Atoi(s[:len(s)-len(strings.TrimLeft(s, "0123456789"))])
		return n
	}
	first, rest, _ := strings.Cut(unix.ByteSliceToString(name.Release[:]), ".")
	major, minor := number(first), number(rest)
	return major > 5 || major == 5 && minor >= 12
}

func fcntlOwner(fd, cmd int, owner *ownerEx) unix.Errno {
	_, _, errno := unix.Syscall(unix.SYS_FCNTL, uintptr(fd), uintptr(cmd), uintptr(unsafe.Pointer(owner)))
	return errno
}

// hasMembers reports whether the group, which owns ownedFD, still has a member. A zombie is a member.
func (g *group) hasMembers() bool {
	var owner ownerEx
	return fcntlOwner(g.ownedFD, unix.F_GETOWN_EX, &owner) == 0 && owner.pid != 0
}

func (g *group) close() {
	for _, fd := range [...]int{g.ownedFD, g.leaderFD, g.leaderDirFD} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
	g.ownedFD, g.leaderFD, g.leaderDirFD = -1, -1, -1
}

// GroupLives reports whether the pinned group still has a member. A zombie is a member. When the last member is reaped,
// GroupLives becomes false and stays so, even if the PGID is reused. known are processes that were seen in the group.
func (k *Kernel) GroupLives(pgid int, known []procfs.ID) bool {
	g := k.groups[pgid]
	if g == nil {
		return false
	}
	alive := false
	if g.ownedFD >= 0 {
		alive = g.hasMembers()
	} else {
		alive = unix.Kill(-pgid, 0) != unix.ESRCH && k.sameGroupByProc(g, known)
	}
	if !alive {
		g.close()
		delete(k.groups, pgid)
	}
	return alive
}

// sameGroupByProc reports whether the PGID still means the pinned group, as far as /proc shows. The kernel allocates no
// PID that is in use as a PGID. So if a process other than the leader of the pinned group has the number as its PID,
// the group has ended. One case is missed: a process got the PID, led a new group, and was reaped, all since the last
// check.
func (k *Kernel) sameGroupByProc(g *group, known []procfs.ID) bool {
	if k.proc == nil {
		return false
	}
	if g.leaderDirFD >= 0 {
		if _, err := k.proc.StatAt(g.leaderDirFD); err == nil {
			return true // the leader still has the PID, even if it has changed group
		}
	}
	st, err := k.proc.Stat(g.pgid)
	if err == nil && (g.leaderDirFD >= 0 || st.ID != g.leaderID) {
		return false
	}
	for _, id := range known {
		if st, err := k.Stat(id); err == nil && st.PGID == g.pgid {
			return true
		}
	}
	return err == nil || errors.Is(err, procfs.ErrNoProcess)
}

// SignalGroup sends sig atomically to all members of the pinned group: meanwhile the kernel completes no fork(2) of a
// member, so no child is missed. The error is procfs.ErrNoProcess if the group has ended.
func (k *Kernel) SignalGroup(pgid int, known []procfs.ID, sig signals.Signal) error {
	g := k.groups[pgid]
	if g == nil {
		return procfs.ErrNoProcess
	}
	if g.leaderFD >= 0 {
		// The pidfd of the leader names the group, even after the leader was reaped.
		err := unix.PidfdSendSignal(g.leaderFD, unix.Signal(sig), nil, signalProcessGroup)
		if err != unix.EINVAL {
			return killError(err)
		}
	}
	if !k.GroupLives(pgid, known) {
		return procfs.ErrNoProcess
	}
	return killError(unix.Kill(-pgid, unix.Signal(sig)))
}

// LeaveGroup moves this process into a process group of its own, so that a signal to the old group does not reach this
// process. It fails if this process leads the old group, because a new group would have the same PGID.
func (k *Kernel) LeaveGroup() error {
	if unix.Getpgrp() == os.Getpid() {
		return errors.New("this process leads its process group")
	}
	return os.NewSyscallError("setpgid", unix.Setpgid(0, 0))
}

// SignalOwnGroup sends sig to the process group that this process leads. Before, it makes this process ignore sig, so
// that only KILL and STOP affect this process. CHLD is not ignored, because a process that ignores CHLD cannot wait for
// its children (wait(2)).
func (k *Kernel) SignalOwnGroup(sig signals.Signal) error {
	if unix.Getpgrp() != os.Getpid() {
		return errors.New("not the leader of a process group")
	}
	if sig != signals.CHLD {
		ignore(sig)
	}
	return killError(unix.Kill(0, unix.Signal(sig)))
}
