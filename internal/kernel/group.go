package kernel

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"killbox/internal/signals"
	"killbox/procfs"

	"golang.org/x/sys/unix"
)

// group is a process group that OpenGroup pinned.
//
// A group has no descriptor of its own, but a file can be owned by one: the
// owner (F_SETOWN_EX) is kept as the kernel's own object, not as a number, and
// F_GETOWN_EX tells of none once the group has no member left, zombies
// included (Linux 5.12). Its number can be in use for another group only after
// that. So the file tells for certain, and at any time, whether the number
// still means the group that was opened, though its leader is long gone.
type group struct {
	pgid   int
	owned  int       // an eventfd that the group owns, or -1
	leader int       // a pidfd of the process that leads it, or -1
	dir    int       // without owned: a descriptor of the leader's /proc directory, or -1
	led    procfs.ID // the leader, zero if it had been reaped
}

// ownerEx is struct f_owner_ex of fcntl(2).
type ownerEx struct{ kind, pid int32 }

const ownerGroup = 2 // F_OWNER_PGRP

// signalProcessGroup is PIDFD_SIGNAL_PROCESS_GROUP (Linux 6.9).
const signalProcessGroup = 1 << 2

// OpenGroup pins the process group that has the number now. The error is
// procfs.ErrNoProcess where there is none.
func (k *Kernel) OpenGroup(pgid int) error {
	if pgid <= 1 {
		return fmt.Errorf("%d is no process group to be signalled", pgid)
	}
	if k.groups[pgid] != nil {
		return nil
	}
	g := &group{pgid: pgid, owned: -1, leader: -1, dir: -1}
	if err := k.own(g); err != nil {
		return err
	}
	if err := unix.Kill(-pgid, 0); err == unix.ESRCH {
		g.close()
		return procfs.ErrNoProcess
	}
	if g.owned >= 0 && k.pidfds() {
		// While the group lives, nobody but its leader can have the number.
		if fd, err := unix.PidfdOpen(pgid, 0); err == nil {
			g.leader = fd
		}
	}
	if g.owned < 0 && k.proc != nil {
		if dir, err := k.proc.OpenDir(pgid); err == nil && dir < k.probe.limit()-reserve {
			g.dir = dir
		} else if err == nil {
			closeFD(dir)
		}
		if st, err := k.proc.Stat(pgid); err == nil {
			g.led = st.ID
		}
	}
	if g.owned >= 0 && !g.lives() {
		g.close()
		return procfs.ErrNoProcess
	}
	if k.groups == nil {
		k.groups = make(map[int]*group)
	}
	k.groups[pgid] = g
	return nil
}

// own makes the group the owner of a file. Where that cannot be had (an old
// kernel, no descriptors left) known members vouch for the number.
func (k *Kernel) own(g *group) error {
	if k.opts.NoPidfd || !k.tellsOwner() {
		return nil
	}
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		return nil
	}
	if fd < k.probe.limit()-reserve {
		owner := ownerEx{ownerGroup, int32(g.pgid)}
		switch err := fcntlOwner(fd, unix.F_SETOWN_EX, &owner); {
		case err == 0 && fcntlOwner(fd, unix.F_GETOWN_EX, &owner) == 0: // which a seccomp filter may refuse
			g.owned = fd
			return nil
		case err == unix.ESRCH:
			unix.Close(fd)
			return procfs.ErrNoProcess
		}
	}
	unix.Close(fd)
	return nil
}

// tellsOwner holds where F_GETOWN_EX does not name an owner that is gone.
// Before Linux 5.12 it did, and nothing but the version tells.
func (k *Kernel) tellsOwner() bool {
	var name unix.Utsname
	if unix.Uname(&name) != nil {
		return false
	}
	// Such as 5.10.0-28-amd64, 6.1-rc3, 6.12.
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

func (g *group) lives() bool {
	var owner ownerEx
	return fcntlOwner(g.owned, unix.F_GETOWN_EX, &owner) == 0 && owner.pid != 0
}

func (g *group) close() {
	for _, fd := range [...]int{g.owned, g.leader, g.dir} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
	g.owned, g.leader, g.dir = -1, -1, -1
}

// GroupLives tells whether the group that was opened still has a member,
// zombies included. Once it has none, the number may become another group's,
// and this stays false. known are members that were seen in it.
func (k *Kernel) GroupLives(pgid int, known []procfs.ID) bool {
	g := k.groups[pgid]
	if g == nil {
		return false
	}
	alive := false
	if g.owned >= 0 {
		alive = g.lives()
	} else {
		alive = unix.Kill(-pgid, 0) != unix.ESRCH && k.vouched(g, known)
	}
	if !alive {
		g.close()
		delete(k.groups, pgid)
	}
	return alive
}

// vouched reports whether the number still means the group, by what /proc shows: no
// process has it but the one that led the group when it was opened. The kernel
// allocates no PID that is in use as a PGID, so an unrelated process with it means
// that the group has ended. (A process that got the PID, led a group of that number
// and was reaped, all since the last check, would be missed.)
func (k *Kernel) vouched(g *group, known []procfs.ID) bool {
	if k.proc == nil {
		return false
	}
	if g.dir >= 0 {
		if _, err := k.proc.StatAt(g.dir); err == nil {
			return true // the leader has the number still, be it in another group by now
		}
	}
	st, err := k.proc.Stat(g.pgid)
	if err == nil && (g.dir >= 0 || st.ID != g.led) {
		return false
	}
	for _, id := range known {
		if st, err := k.Stat(id); err == nil && st.PGID == g.pgid {
			return true
		}
	}
	return err == nil || errors.Is(err, procfs.ErrNoProcess)
}

// SignalGroup sends sig to all members of the group that was opened, at one
// stroke: the kernel lets none of them finish a fork meanwhile, so that no
// child is missed. The error is procfs.ErrNoProcess when the group has ended.
func (k *Kernel) SignalGroup(pgid int, known []procfs.ID, sig signals.Signal) error {
	g := k.groups[pgid]
	if g == nil {
		return procfs.ErrNoProcess
	}
	if g.leader >= 0 {
		// The number plays no part in this, even after the leader was reaped.
		err := unix.PidfdSendSignal(g.leader, unix.Signal(sig), nil, signalProcessGroup)
		if err != unix.EINVAL {
			return sent(err)
		}
	}
	if !k.GroupLives(pgid, known) {
		return procfs.ErrNoProcess
	}
	return sent(unix.Kill(-pgid, unix.Signal(sig)))
}

// LeaveGroup moves this process into a process group of its own, so that what
// is sent to the old one does not reach it. A leader cannot leave.
func (k *Kernel) LeaveGroup() error {
	if unix.Getpgrp() == os.Getpid() {
		return errors.New("it leads the group")
	}
	return os.NewSyscallError("setpgid", unix.Setpgid(0, 0))
}

// OwnGroup sends sig to the process group that this process leads, and ignores
// it first, CHLD apart, without which nobody could be waited for.
func (k *Kernel) OwnGroup(sig signals.Signal) error {
	if unix.Getpgrp() != os.Getpid() {
		return errors.New("not the leader of a process group")
	}
	if sig != signals.CHLD {
		signal.Ignore(syscall.Signal(sig))
	}
	return sent(unix.Kill(0, unix.Signal(sig)))
}
