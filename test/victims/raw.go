package victims

import (
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A raw process is a copy of this program made by fork, without execve(2). Like a program in C it has one thread:
// the one that called rawFork. The other threads of the Go runtime, and with them the scheduler, exist in the first
// process only.
//
// The functions whose names begin with raw run in raw processes. They may, for these reasons:
//
//   - Each is nosplit, and calls only others of them and RawSyscall (TestRaw). So none grows the stack (which is grown
//     beforehand), notices a preemption that the runtime requested before the fork, or informs the scheduler of a
//     system call.
//   - None allocates memory or stores a pointer, so none waits for a lock that another thread held during the fork, and
//     none runs a write barrier. The garbage collector is off from the first forkRaw on.
//   - No handler of the runtime runs: all signals are blocked around the fork, and rawBegin sets the default actions
//     before it unblocks them. The runtime sends SIGURG, its signal for preemption, to threads of the first process
//     only, and a pending signal is not inherited.
//   - The exception is SIGTERM after catchTerm. The handler of the runtime runs on the alternate signal stack, which
//     fork has copied. It sets a bit for package os/signal, which no goroutine reads, and returns; ppoll(2) then fails
//     with EINTR.

// raw has the arguments of raw processes, complete before the fork, and their variables.
var raw struct {
	run           func()   // the function that single was given
	parent        int      // a pidfd of the process that single ends
	end           int      // second of the monotonic clock at which a process that forks without end exits
	catches       bool     // SIGTERM is caught
	deflt, ignore sigact   // SIG_DFL, SIG_IGN
	catch         sigact   // the handler of the runtime
	line          [96]byte // what rawFlush writes
	length        int
}

// sigact is the kernel's struct sigaction, which begins with the handler.
type sigact [64]byte

const (
	allSignals  = ^uint64(0)
	onlyTerm    = uint64(1) << (unix.SIGTERM - 1)
	noSignals   = uint64(0)
	sigterm     = uintptr(unix.SIGTERM)
	sigchld     = uintptr(unix.SIGCHLD)
	readyFD     = 3
	rawLifetime = 250_000 // milliseconds that a raw process sleeps
)

// single forks a raw process and exits; the raw process then runs rawRun. So the victim is not the process that the
// script has started: its PID is in the line of readiness, and its parent is init or a subreaper.
func single(rawRun func()) {
	var err error
	raw.parent, err = unix.PidfdOpen(os.Getpid(), 0)
	must("pidfd_open", err)
	raw.run = rawRun
	forkRaw(rawSingle)
	os.Exit(0)
}

// forkRaw starts a raw process, which runs rawRun and exits with 0, and returns its PID.
func forkRaw(rawRun func()) int {
	debug.SetGCPercent(-1)
	prepareRaw()
	var all, old unix.Sigset_t
	for i := range all.Val {
		all.Val[i] = ^all.Val[i]
	}
	must("block signals", unix.PthreadSigmask(unix.SIG_SETMASK, &all, &old))
	pid := rawFork()
	if pid == 0 {
		rawBegin()
		rawRun()
		rawExit(0)
	}
	must("unblock signals", unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil))
	if pid < 0 {
		die(125, "fork: %v", unix.Errno(-pid))
	}
	return pid
}

// playRaw runs rawRun in this process, which has called execve, and exits. The other threads of the runtime remain, and
// sleep.
func playRaw(rawRun func()) {
	debug.SetGCPercent(-1)
	prepareRaw()
	rawBegin()
	rawRun()
	os.Exit(0)
}

// prepareRaw sets what all raw processes read, and grows the stack of this goroutine.
func prepareRaw() {
	*(*uintptr)(unsafe.Pointer(&raw.ignore)) = 1
	const seconds = 150 // 60 are not enough: beside a bomb, the start of tkill took a minute
	raw.end = rawClock() + seconds
	growStack()
}

// growStack grows the stack of this goroutine, because the raw functions cannot. Only the garbage collector, which is
// off, would shrink it again.
//
//go:noinline
func growStack() byte {
	var room [32 << 10]byte
	return room[len(os.Args)]
}

// catchTerm makes raw processes that are forked afterwards catch SIGTERM: see rawTermCaught.
func catchTerm() {
	signal.Notify(make(chan os.Signal, 1), unix.SIGTERM)
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, sigterm, 0, uintptr(unsafe.Pointer(&raw.catch)), sigsetSize, 0, 0)
	if errno != 0 {
		die(125, "sigaction: %v", errno)
	}
	raw.catches = true
}

// rawSingle waits until the parent has ended, and calls raw.run.
//
//go:nosplit
//go:norace
func rawSingle() {
	poll := struct {
		fd              int32
		events, revents int16
	}{int32(raw.parent), unix.POLLIN, 0}
	unix.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&poll)), 1, 0, 0, 0, 0)
	rawClose(raw.parent)
	raw.run()
}

// rawBegin gives each signal its default action and unblocks it. After catchTerm, SIGTERM stays blocked.
//
//go:nosplit
//go:norace
func rawBegin() {
	for sig := uintptr(1); sig <= 64; sig++ {
		rawAction(sig, &raw.deflt)
	}
	if raw.catches {
		rawAction(sigterm, &raw.catch)
		rawBlock(onlyTerm)
	} else {
		rawBlock(noSignals)
	}
}

//go:nosplit
//go:norace
func rawAction(sig uintptr, action *sigact) {
	unix.RawSyscall6(unix.SYS_RT_SIGACTION, sig, uintptr(unsafe.Pointer(action)), 0, sigsetSize, 0, 0)
}

// rawBlock blocks these signals and unblocks all others.
//
//go:nosplit
//go:norace
func rawBlock(set uint64) {
	unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&set)), 0, sigsetSize, 0, 0)
}

// rawTermDefault undoes catchTerm in this process.
//
//go:nosplit
//go:norace
func rawTermDefault() {
	rawAction(sigterm, &raw.deflt)
	rawBlock(noSignals)
}

// rawFork is fork(2) as C libraries implement it: all signals are blocked during the call, by which a tool can detect
// that the process is caught mid-fork. On failure rawFork returns the negative error number.
//
//go:nosplit
//go:norace
func rawFork() int {
	all, old := allSignals, noSignals
	unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_BLOCK, uintptr(unsafe.Pointer(&all)), uintptr(unsafe.Pointer(&old)), sigsetSize, 0, 0)
	pid := rawClone(0)
	rawBlock(old)
	return pid
}

// rawClone is clone(2) with SIGCHLD, these flags, and a copy of the stack.
//
//go:nosplit
//go:norace
func rawClone(flags uintptr) int {
	first, second := sigchld|flags, uintptr(0)
	if runtime.GOARCH == "s390x" {
		first, second = second, first // there the stack comes before the flags
	}
	pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, first, second, 0, 0, 0, 0)
	if errno != 0 {
		return -int(errno)
	}
	return int(pid)
}

//go:nosplit
//go:norace
func rawExit(code int) {
	for {
		unix.RawSyscall(unix.SYS_EXIT_GROUP, uintptr(code), 0, 0)
	}
}

// rawSleep sleeps for that many milliseconds, with the signal mask unchanged.
//
//go:nosplit
//go:norace
func rawSleep(milliseconds int) {
	left := [2]int{milliseconds / 1000, milliseconds % 1000 * 1_000_000} // struct timespec
	unix.RawSyscall6(unix.SYS_PPOLL, 0, 0, uintptr(unsafe.Pointer(&left)), 0, 0, 0)
}

// rawTermCaught returns when SIGTERM arrives, which is blocked at all other times. If none arrives within rawLifetime,
// the process exits.
//
//go:nosplit
//go:norace
func rawTermCaught() {
	left := [2]int{rawLifetime / 1000, 0}
	none := noSignals
	_, _, errno := unix.RawSyscall6(unix.SYS_PPOLL, 0, 0, uintptr(unsafe.Pointer(&left)), uintptr(unsafe.Pointer(&none)), sigsetSize, 0)
	if errno != unix.EINTR {
		rawExit(0)
	}
}

// rawClock returns the seconds of the monotonic clock.
//
//go:nosplit
//go:norace
func rawClock() int {
	var now [2]int
	unix.RawSyscall(unix.SYS_CLOCK_GETTIME, unix.CLOCK_MONOTONIC, uintptr(unsafe.Pointer(&now)), 0)
	return now[0]
}

//go:nosplit
//go:norace
func rawPID() int {
	pid, _, _ := unix.RawSyscall(unix.SYS_GETPID, 0, 0, 0)
	return int(pid)
}

//go:nosplit
//go:norace
func rawParent() int {
	pid, _, _ := unix.RawSyscall(unix.SYS_GETPPID, 0, 0, 0)
	return int(pid)
}

// rawSession makes the process the leader of a new session, and of a process group there.
//
//go:nosplit
//go:norace
func rawSession() { unix.RawSyscall(unix.SYS_SETSID, 0, 0, 0) }

// rawGroup makes the process the leader of a new process group.
//
//go:nosplit
//go:norace
func rawGroup() { rawJoin(0) }

// rawJoin makes the process a member of a process group.
//
//go:nosplit
//go:norace
func rawJoin(group int) { unix.RawSyscall(unix.SYS_SETPGID, 0, uintptr(group), 0) }

//go:nosplit
//go:norace
func rawClose(fd int) { unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0) }

// currentDir is AT_FDCWD, a negative number, for RawSyscall.
var currentDir = uintptr(unix.AT_FDCWD & (1<<32 - 1))

// rawCreate makes or truncates a file, and returns its descriptor.
//
//go:nosplit
//go:norace
func rawCreate(path *byte) int {
	const flags = unix.O_CREAT | unix.O_WRONLY | unix.O_TRUNC
	fd, _, _ := unix.RawSyscall6(unix.SYS_OPENAT, currentDir, uintptr(unsafe.Pointer(path)), flags, 0o644, 0, 0)
	return int(fd)
}

// rawRename changes the name of the process, to at most 15 letters.
//
//go:nosplit
//go:norace
func rawRename(name *[16]byte) {
	unix.RawSyscall6(unix.SYS_PRCTL, unix.PR_SET_NAME, uintptr(unsafe.Pointer(name)), 0, 0, 0, 0)
}

// rawAwaitEOF reads until all writing ends of the pipe are closed.
//
//go:nosplit
//go:norace
func rawAwaitEOF(fd int) {
	var nothing byte
	unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&nothing)), 1)
}

// rawWait waits for a child (any child if pid is -1), and returns its PID and wait status.
//
//go:nosplit
//go:norace
func rawWait(pid, options int) (int, unix.WaitStatus) {
	var status uint32
	got, _, errno := unix.RawSyscall6(unix.SYS_WAIT4, uintptr(pid), uintptr(unsafe.Pointer(&status)), uintptr(options), 0, 0, 0)
	if errno != 0 {
		return -int(errno), 0
	}
	return int(got), unix.WaitStatus(status)
}

// rawSay appends a word to raw.line.
//
//go:nosplit
//go:norace
func rawSay(word string) {
	for i := range len(word) {
		raw.line[raw.length] = word[i]
		raw.length++
	}
}

// rawSayNumber appends a number to raw.line.
//
//go:nosplit
//go:norace
func rawSayNumber(n int) {
	if n < 0 {
		rawSay("-")
		n = -n
	}
	unit := 1
	for n/unit >= 10 {
		unit *= 10
	}
	for ; unit > 0; unit /= 10 {
		raw.line[raw.length] = byte('0' + n/unit%10)
		raw.length++
	}
}

// rawFlush writes raw.line and a newline, and empties it.
//
//go:nosplit
//go:norace
func rawFlush(fd int) {
	rawSay("\n")
	unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&raw.line)), uintptr(raw.length))
	raw.length = 0
}

// rawReady writes the line of readiness, with the PID of this process as root.
//
//go:nosplit
//go:norace
func rawReady() {
	rawSay("root=")
	rawSayNumber(rawPID())
	rawFlush(readyFD)
	rawClose(readyFD)
}
