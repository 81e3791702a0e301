package victims

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// imageWord is a word of `victim image`.
type imageWord int

const (
	imageNone imageWord = iota
	imageFirstProcess
	imageChild
	imageOrphan
	imageDaemon
	imageSibling
	imageApart
	imageSession
	imageIgnore
	imageHidden
	imageForge
	imageHold
	imageWatch
	imageTick
	imageFiles
	imageClose
	imageOrphaned
	imageExit

	// The first process carries out the words from here on outside rawPlay.
	imageExec
	imageUser
	imageTerm
	imageAwait
	imageHangup
	imageLeaderless
	imageRest // the end of the words
)

var imageWords = map[string]imageWord{
	"": imageFirstProcess, "child": imageChild, "orphan": imageOrphan, "daemon": imageDaemon, "sibling": imageSibling, "apart": imageApart,
	"setsid": imageSession, "uid": imageUser, "ignore": imageIgnore, "hidden": imageHidden,
	"forge": imageForge, "forge-map": imageForge, "forge-vector": imageForge,
	"hold": imageHold, "watch": imageWatch, "tick": imageTick, "files": imageFiles, "close": imageClose, "orphaned": imageOrphaned, "exit": imageExit,
	"exec": imageExec, "shell": imageExec, "term": imageTerm, "await": imageAwait, "hangup": imageHangup, "leaderless": imageLeaderless,
}

// imageStep is a word with its argument.
type imageStep struct {
	do      imageWord
	next    int      // for a fork: the step after those of the forked process
	name    string   // for a fork: the name of the process
	tid     [1]int32 // for a fork: the PID of the process, 0 for any
	catches bool     // for a fork: the process waits for TERM
	path    *byte    // a file; for a fork: the name
	signal  int
	number  int
	uids    [3]int
	memory  *memoryMap // what the process shows after forging
	program string     // for execve, and its arguments
	args    []string
	argv    **byte
}

// image has the words, complete before the first fork, and the variables of each process.
var image struct {
	steps     []imageStep
	at        int
	raw       bool    // a raw process, not the first process
	report    int     // the pipe to which the process reports, -1 when it is ready
	watched   int     // the FIFO of watch
	parent    int     // the parent that has forked the process
	ignored   uint64  // the signals that it ignores
	memberEnv **byte  // the environment for execve, before the line of readiness has been written
	lateEnv   **byte  // the same, afterwards
	second    uintptr // the address of rawSecondThread
	stack     [1 << 10]uintptr
	clone     cloneArgs
}

// rawPlay carries out the words of a process. In a raw process it does not return. In the first process, it returns
// the word that must be carried out outside.
//
//go:nosplit
//go:norace
func rawPlay() imageWord {
	for {
		s := &image.steps[image.at]
		if !image.raw && s.do >= imageExec {
			return s.do
		}
		image.at++
		switch s.do {
		case imageChild, imageSibling, imageApart:
			rawStartChild(s)
		case imageOrphan, imageDaemon:
			rawStartOrphan(s)
		case imageSession:
			rawSession()
		case imageUser:
			unix.RawSyscall(unix.SYS_SETGROUPS, 0, 0, 0)
			unix.RawSyscall(unix.SYS_SETRESGID, uintptr(s.uids[0]), uintptr(s.uids[0]), uintptr(s.uids[0]))
			unix.RawSyscall(unix.SYS_SETRESUID, uintptr(s.uids[0]), uintptr(s.uids[1]), uintptr(s.uids[2]))
		case imageIgnore:
			image.ignored |= 1 << (s.signal - 1)
			rawAction(uintptr(s.signal), &raw.ignore)
		case imageHidden:
			unix.RawSyscall6(unix.SYS_PRCTL, unix.PR_SET_DUMPABLE, 0, 0, 0, 0, 0)
		case imageForge:
			rawForge(s)
		case imageHold:
			rawOpen(s, unix.O_RDWR|unix.O_CLOEXEC)
		case imageWatch:
			image.watched = rawOpen(s, unix.O_RDONLY|unix.O_NONBLOCK)
		case imageFiles:
			for range s.number {
				unix.RawSyscall(unix.SYS_EVENTFD2, 0, 0, 0)
			}
		case imageClose:
			unix.RawSyscall(unix.SYS_CLOSE_RANGE, readyFD, everyFD, 0)
		case imageOrphaned:
			for rawParent() == image.parent {
				rawSleep(1)
			}
		case imageTick:
			rawAwaitTick()
		case imageExit:
			rawExit(0)
		case imageExec:
			rawExecImage(s)
		case imageTerm:
			rawImageReady()
			rawTermCaught()
			rawTermDefault()
			rawIgnoreAgain()
		case imageAwait:
			rawImageReady()
			rawAwaitFIFO(s)
		case imageHangup:
			rawImageReady()
			rawAwaitHangup()
		case imageLeaderless:
			rawLeaveThread()
		case imageRest:
			rawImageRests()
		}
	}
}

// rawImageReady reports that this process is ready, by closing the pipe.
//
//go:nosplit
//go:norace
func rawImageReady() {
	if image.report >= 0 {
		rawClose(image.report)
		rawClose(readyFD)
		image.report = -1
	}
}

//go:nosplit
//go:norace
func rawImageRests() {
	rawAction(sigchld, &raw.ignore)
	rawImageReady()
	rawSleep(rawLifetime)
	rawExit(0)
}

//go:nosplit
//go:norace
func rawForge(s *imageStep) {
	_, _, errno := unix.RawSyscall6(unix.SYS_PRCTL, unix.PR_SET_MM, unix.PR_SET_MM_MAP, uintptr(unsafe.Pointer(s.memory)), unsafe.Sizeof(*s.memory), 0, 0)
	if errno != 0 {
		rawFail("PR_SET_MM_MAP", -int(errno))
	}
}

// rawOpen opens a file.
//
//go:nosplit
//go:norace
func rawOpen(s *imageStep, flags uintptr) int {
	fd, _, errno := unix.RawSyscall6(unix.SYS_OPENAT, currentDir, uintptr(unsafe.Pointer(s.path)), flags, 0, 0, 0)
	if errno != 0 {
		rawFail("open", -int(errno))
	}
	return int(fd)
}

// rawAwaitFIFO waits until a process has opened the FIFO for writing, and has written to it or closed it.
//
//go:nosplit
//go:norace
func rawAwaitFIFO(s *imageStep) {
	fd := rawOpen(s, unix.O_RDONLY)
	rawAwaitEOF(fd)
	rawClose(fd)
}

// rawAwaitHangup waits until a process has opened the FIFO of watch for writing, and all such processes have ended.
//
//go:nosplit
//go:norace
func rawAwaitHangup() {
	poll := struct {
		fd              int32
		events, revents int16
	}{fd: int32(image.watched)}
	for poll.revents == 0 {
		unix.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&poll)), 1, 0, 0, 0, 0)
	}
}

// rawAwaitTick waits for the beginning of a clock tick, in which start times are counted.
//
//go:nosplit
//go:norace
func rawAwaitTick() {
	for began := rawTick(); rawTick() == began; {
	}
}

//go:nosplit
//go:norace
func rawTick() int {
	var now [2]int
	unix.RawSyscall(unix.SYS_CLOCK_GETTIME, unix.CLOCK_BOOTTIME, uintptr(unsafe.Pointer(&now)), 0)
	return now[1] / int(tick)
}

// rawExecImage calls execve.
//
//go:nosplit
//go:norace
func rawExecImage(s *imageStep) {
	env := image.lateEnv
	if image.report >= 0 {
		env = image.memberEnv
		unix.RawSyscall(unix.SYS_DUP3, uintptr(image.report), readyFD, 0)
	}
	unix.RawSyscall(unix.SYS_CLOSE_RANGE, readyFD+1, everyFD, 0)
	_, _, errno := unix.RawSyscall(unix.SYS_EXECVE, uintptr(unsafe.Pointer(s.path)), uintptr(unsafe.Pointer(s.argv)), uintptr(unsafe.Pointer(env)))
	rawFail("execve", -int(errno))
}

// rawLeaveThread ends the first thread, when it has started a second one. The second thread returns from clone(2) with
// a stack on which each word is the address of rawSecondThread: so the first function that returns continues there.
//
//go:nosplit
//go:norace
func rawLeaveThread() {
	const flags = unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND | unix.CLONE_THREAD | unix.CLONE_SYSVSEM
	for i := range image.stack {
		image.stack[i] = image.second
	}
	middle := uintptr(unsafe.Pointer(&image.stack)) + unsafe.Sizeof(image.stack)/2
	_, _, errno := unix.RawSyscall6(unix.SYS_CLONE, flags, middle&^15, 0, 0, 0, 0)
	if errno != 0 {
		rawFail("thread", -int(errno))
	}
	unix.RawSyscall(unix.SYS_EXIT, 0, 0, 0)
}

//go:nosplit
//go:norace
func rawSecondThread() { rawImageRests() }

// rawFail writes what has failed to standard error, and exits.
//
//go:nosplit
//go:norace
func rawFail(what string, result int) {
	rawSay("image: ")
	rawSay(what)
	rawSay(": ")
	rawSayNumber(result)
	rawFlush(2)
	rawExit(rawFailed)
}
