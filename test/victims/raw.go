package victims

import (
	"os"
	"os/signal"
	"runtime/debug"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A raw process is a copy of this program that fork makes, without execve(2). It has one thread, like a program in C: the one
// that has called rawFork. The other threads of the Go runtime, and with them the scheduler, exist in the first process only.
//
// The code of raw processes is the functions whose names begin with raw. These are the reasons why it may run there:
//
//   - Each is nosplit, and calls others of them and RawSyscall only (TestRaw). So none asks for more stack, finds a request for
//     preemption that the runtime made before the fork, or tells the scheduler of a system call. The stack is grown beforehand.
//   - None allocates or stores a pointer, so none waits for a lock that another thread held during the fork. Without stores
//     of pointers the write barrier of the garbage collector, which is off from the first forkRaw on, has no effect either.
//   - No handler of the runtime runs: all signals are blocked around the fork, and rawBegin sets the default actions before it
//     unblocks them. The runtime sends SIGURG, its signal for preemption, to threads of the first process only, and a pending
//     signal is not inherited.
//   - The exception is SIGTERM after catchTerm. Its handler runs on the alternate signal stack, which is copied too, sets a bit
//     for package os/signal, and returns. No goroutine reads that bit: ppoll(2) fails with EINTR.

// raw has the arguments of raw processes, complete before the fork, and their variables.
var raw struct {
	run           func()   // what single has been given
	parent        int      // a pidfd of the process that single ends
	end           int      // when a process that forks without end ends, on the monotonic clock in seconds
	catches       bool     // SIGTERM has the action catch
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

// single goes on in a raw process: it forks one, which runs rawRun as soon as this process has exited. The PID of the victim is
// in the line of readiness, and its parent is init or a subreaper.
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

// prepareRaw sets what all raw processes read, and grows the stack of this goroutine.
func prepareRaw() {
	*(*uintptr)(unsafe.Pointer(&raw.ignore)) = 1
	raw.end = rawClock() + int(lifetime/time.Second)
	growStack()
}

// growStack makes room on the stack of this goroutine. Only the garbage collector takes it back.
//
//go:noinline
func growStack() byte {
	var room [32 << 10]byte
	return room[len(os.Args)]
}

// catchTerm makes SIGTERM a caught signal in the raw processes that are forked afterwards: see rawTermCaught.
func catchTerm() {
	signal.Notify(make(chan os.Signal, 1), unix.SIGTERM)
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, sigterm, 0, uintptr(unsafe.Pointer(&raw.catch)), sigsetSize, 0, 0)
	if errno != 0 {
		die(125, "sigaction: %v", errno)
	}
	raw.catches = true
}

// rawSingle waits for the end of the parent.
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

// rawBegin gives each signal its default action, and unblocks it. A SIGTERM that is to be caught stays blocked.
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

// rawTermDefault ends what catchTerm has begun.
//
//go:nosplit
//go:norace
func rawTermDefault() {
	rawAction(sigterm, &raw.deflt)
	rawBlock(noSignals)
}

// rawFork is fork(2) as C libraries have it: all signals are blocked meanwhile, which is what a scan of the process sees. Where
// it fails it returns the negative number of the error.
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
	pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, sigchld|flags, 0, 0, 0, 0, 0)
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

// rawSleep sleeps for that many milliseconds, with the signals blocked that are.
//
//go:nosplit
//go:norace
func rawSleep(milliseconds int) {
	left := [2]int{milliseconds / 1000, milliseconds % 1000 * 1_000_000} // struct timespec
	unix.RawSyscall6(unix.SYS_PPOLL, 0, 0, uintptr(unsafe.Pointer(&left)), 0, 0, 0)
}

// rawTermCaught waits for a SIGTERM, which it alone unblocks. When rawLifetime is over it exits.
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

// rawAwaitEOF reads until all processes that can write to the pipe have closed it.
//
//go:nosplit
//go:norace
func rawAwaitEOF(fd int) {
	var nothing byte
	unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&nothing)), 1)
}

// rawWait waits for a child, any one if pid is -1, and returns its PID and wait status.
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

// rawSay adds a word to the line.
//
//go:nosplit
//go:norace
func rawSay(word string) {
	for i := range len(word) {
		raw.line[raw.length] = word[i]
		raw.length++
	}
}

// rawSayNumber adds a number to the line.
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

// rawFlush writes the line.
//
//go:nosplit
//go:norace
func rawFlush(fd int) {
	rawSay("\n")
	unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&raw.line)), uintptr(raw.length))
	raw.length = 0
}

// rawReady tells the script that the victim is ready, and its PID as root.
//
//go:nosplit
//go:norace
func rawReady() {
	rawSay("root=")
	rawSayNumber(rawPID())
	rawFlush(readyFD)
	rawClose(readyFD)
}
