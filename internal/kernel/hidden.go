package kernel

import (
	"cmp"
	"os"
	"slices"
	"unsafe"

	"killbox/procfs"

	"golang.org/x/sys/unix"
)

// statHidden describes a process that exists and that /proc does not show, by system calls that work despite
// hidepid: getpgid(2), getsid(2), waitid(2) for a child of this process and, since Linux 6.13,
// PIDFD_GET_INFO.
func (k *Kernel) statHidden(pid int) procfs.Stat {
	st := procfs.Stat{ID: procfs.ID{PID: pid}, State: procfs.StateHidden, Threads: 1}
	st.PGID, _ = unix.Getpgid(pid)
	st.SID, _ = unix.Getsid(pid)
	if k.pidfds() {
		st.PPID, _, _ = readPidfdInfo(pid)
	}
	if state, ok := childState(pid); ok {
		st.PPID, st.State = os.Getpid(), cmp.Or(state, st.State)
	}
	return st
}

// childState returns the state of a child of this process, as far as waitid(2) tells: T if it has stopped,
// Z if all its threads have exited, else 0. ok is false if pid is no child.
func childState(pid int) (state byte, ok bool) {
	info, err := waitidInfo(unix.P_PID, pid, unix.WEXITED|unix.WSTOPPED|unix.WNOHANG|unix.WNOWAIT|unix.WALL)
	switch {
	case err != nil:
		return 0, false
	case info.pid == 0:
		return 0, true
	case info.code == cldStopped || info.code == cldTrapped:
		return 'T', true
	}
	return 'Z', true
}

// Values of si_code for SIGCHLD (sigaction(2)).
const (
	cldTrapped = 4
	cldStopped = 5
)

// waitInfo is what is used of the siginfo_t of waitid(2).
type waitInfo struct{ code, pid int32 }

func waitidInfo(kind, id, options int) (waitInfo, error) {
	const pointer = unsafe.Sizeof(uintptr(0))
	var info [128]byte
	_, _, errno := unix.Syscall6(unix.SYS_WAITID, uintptr(kind), uintptr(id), uintptr(unsafe.Pointer(&info)), uintptr(options), 0, 0)
	if errno != 0 {
		return waitInfo{}, errno
	}
	// si_pid comes after three ints, in a union that is aligned to a pointer. The second and third int
	// are si_errno and si_code, on MIPS the other way round.
	const at = (12 + pointer - 1) / pointer * pointer
	code := 8
	if mips() {
		code = 4
	}
	return waitInfo{code: *(*int32)(unsafe.Pointer(&info[code])), pid: *(*int32)(unsafe.Pointer(&info[at]))}, nil
}

// addHidden adds to a snapshot the processes that /proc does not list but that are known to exist: those
// that were opened, and children of listed processes.
func (k *Kernel) addHidden(s *procfs.Snapshot) error {
	var found []procfs.Stat
	add := func(st procfs.Stat) {
		if s.Lookup(st.PID) == nil && !slices.ContainsFunc(found, func(o procfs.Stat) bool { return o.PID == st.PID }) {
			found = append(found, st)
		}
	}
	for id := range k.hiddenProcs {
		if k.Exists(id) == nil {
			add(k.statHidden(id.PID))
		}
	}
	if k.proc.HidesProcesses() {
		if k.command != 0 {
			// A kernel without lists of children (CONFIG_PROC_CHILDREN) shows it nowhere else.
			k.addChild(add, os.Getpid(), k.command)
		}
		for i := range s.Procs {
			parent := s.Procs[i].PID
			children, err := k.proc.Children(parent)
			if procfs.Exhausted(err) {
				return err
			}
			for _, child := range children {
				k.addChild(add, parent, child)
			}
		}
	}
	s.Procs = append(s.Procs, found...)
	for i := range found {
		if found[i].Hidden() && s.Hidden > 0 {
			s.Hidden-- // it is listed, but may not be read (hidepid=1)
		}
	}
	slices.SortFunc(s.Procs, func(a, b procfs.Stat) int { return cmp.Compare(a.PID, b.PID) })
	return nil
}

// addChild calls add for a child that exists, whether or not /proc shows it.
func (k *Kernel) addChild(add func(procfs.Stat), parent, child int) {
	st, err := k.proc.Stat(child) // it may have been forked since the listing
	if hiddenByProc(err) && unix.Kill(child, 0) != unix.ESRCH {
		st, err = k.statHidden(child), nil
		st.PPID = cmp.Or(st.PPID, parent)
	}
	if err == nil {
		add(st)
	}
}
