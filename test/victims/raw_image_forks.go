package victims

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// rawStartChild forks the child, sibling or apart. In the new process, the next step is its first word.
//
//go:nosplit
//go:norace
func rawStartChild(s *imageStep) {
	flags := uintptr(0)
	switch s.do {
	case imageSibling:
		flags = unix.CLONE_PARENT
	case imageApart:
		flags = unix.CLONE_NEWPID
	}
	old := rawBlockAll()
	pid := rawCloneTID(flags, s)
	if pid == 0 {
		rawBeginImage(s)
		return
	}
	rawReport(s, pid)
	rawBlock(old)
	image.at = s.next
}

// rawStartOrphan forks the orphan or daemon. When it returns in the process that has called it, the new process is an
// orphan.
//
//go:nosplit
//go:norace
func rawStartOrphan(s *imageStep) {
	old := rawBlockAll()
	between := rawClone(0)
	if between == 0 {
		if s.do == imageDaemon {
			rawSession()
		}
		pid := rawCloneTID(0, s)
		if pid == 0 {
			rawBeginImage(s)
			return
		}
		rawReport(s, pid)
		rawExit(0)
	}
	for ended, _ := rawWait(between, 0); ended == -int(unix.EINTR); {
		ended, _ = rawWait(between, 0)
	}
	rawBlock(old)
	image.at = s.next
}

// rawBlockAll blocks all signals, as fork(2) of C libraries does, and returns those that were blocked.
//
//go:nosplit
//go:norace
func rawBlockAll() uint64 {
	all, old := allSignals, noSignals
	unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_BLOCK, uintptr(unsafe.Pointer(&all)), uintptr(unsafe.Pointer(&old)), sigsetSize, 0, 0)
	return old
}

// rawCloneTID is rawClone with the PID of the step.
//
//go:nosplit
//go:norace
func rawCloneTID(flags uintptr, s *imageStep) int {
	if s.tid[0] == 0 {
		return rawClone(flags)
	}
	args := &image.clone
	args.flags, args.exitSignal = uint64(flags), uint64(sigchld)
	args.setTID, args.setTIDSize = uint64(uintptr(unsafe.Pointer(&s.tid))), 1
	pid, _, errno := unix.RawSyscall(unix.SYS_CLONE3, uintptr(unsafe.Pointer(args)), unsafe.Sizeof(*args), 0)
	if errno != 0 {
		return -int(errno)
	}
	return int(pid)
}

// rawBeginImage sets the dispositions of a new process, and unblocks the signals except TERM if the process waits for
// it.
//
//go:nosplit
//go:norace
func rawBeginImage(s *imageStep) {
	image.raw, image.parent = true, rawParent()
	for sig := uintptr(1); sig <= 64; sig++ {
		rawAction(sig, &raw.deflt)
	}
	if s.catches {
		rawAction(sigterm, &raw.catch)
	}
	rawIgnoreAgain()
	if s.catches {
		rawBlock(onlyTerm)
	} else {
		rawBlock(noSignals)
	}
}

//go:nosplit
//go:norace
func rawIgnoreAgain() {
	for sig := uintptr(1); sig <= 64; sig++ {
		if image.ignored>>(sig-1)&1 != 0 {
			rawAction(sig, &raw.ignore)
		}
	}
}

// rawReport reports the PID of a new process, or the error of clone(2).
//
//go:nosplit
//go:norace
func rawReport(s *imageStep, pid int) {
	if pid < 0 {
		rawFail("clone", pid)
	}
	if s.path == nil {
		return
	}
	if image.report < 0 {
		fd := rawCreate(s.path)
		rawSayNumber(pid)
		rawFlush(fd)
		rawClose(fd)
		return
	}
	rawSay(s.name)
	rawSay("=")
	rawSayNumber(pid)
	rawFlush(image.report)
}
