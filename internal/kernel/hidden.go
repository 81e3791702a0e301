package kernel

import (
	"cmp"
	"os"
	"slices"
	"unsafe"

	"killbox/procfs"

	"golang.org/x/sys/unix"
)

// statHidden describes a process that exists but that /proc does not show (hidepid). It uses system calls that hidepid
// does not restrict: getpgid(2), getsid(2), waitid(2) for a child of this process, and PIDFD_GET_INFO for the PPID
// (Linux 6.13).
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

// childState returns the state of a child of this process, as far as waitid(2) shows it: T if the child has stopped, Z
// if all its threads have exited, otherwise 0. ok reports whether pid is a child of this process.
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

// waitInfo contains si_code, si_pid and si_status of the siginfo_t that waitid(2) fills in.
type waitInfo struct{ code, pid, status int32 }

func waitidInfo(kind, id, options int) (waitInfo, error) {
	var info [128 / 4]int32
	_, _, errno := unix.Syscall6(unix.SYS_WAITID, uintptr(kind), uintptr(id), uintptr(unsafe.Pointer(&info)), uintptr(options), 0, 0)
	if errno != 0 {
		return waitInfo{}, errno
	}
	// si_pid, si_uid and si_status follow three ints, in a union that is aligned to a pointer. The second and third int
	// are si_errno and si_code, on MIPS in reverse order.
	const at = (12 + wordSize - 1) / wordSize * wordSize
	code := 2
	if mips() {
		code = 1
	}
	return waitInfo{code: info[code], pid: info[at/4], status: info[at/4+2]}, nil
}

// addHidden adds to a snapshot the processes that are known to exist although /proc hides them: opened processes, and
// children of listed processes.
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
		if k.commandPID != 0 {
			// Without CONFIG_PROC_CHILDREN the kernel has no lists of children, so addHidden adds the child that Launch
			// started.
			k.addChild(add, os.Getpid(), k.commandPID)
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
			s.Hidden-- // the scan has counted this process as listed but unreadable (hidepid=1)
		}
	}
	procfs.SortByPID(s.Procs)
	return nil
}

// addChild calls add for a child of parent that still exists, whether or not /proc shows the child.
func (k *Kernel) addChild(add func(procfs.Stat), parent, child int) {
	st, err := k.proc.Stat(child) // succeeds if the child is not hidden: forked after the scan of /proc
	if hiddenByProc(err) && unix.Kill(child, 0) != unix.ESRCH {
		st, err = k.statHidden(child), nil
		st.PPID = cmp.Or(st.PPID, parent)
	}
	if err == nil {
		add(st)
	}
}
