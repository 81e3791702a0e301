package victims

import (
	"runtime"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// forkSpec describes a process for fork.
type forkSpec struct {
	pid     int      // the PID of the process; 0: any
	argv    []string // the program, found in PATH; without one the child blocks every signal and sleeps
	rawRun  func()   // runs in a raw process, instead of a program
	env     []string
	stdio   [3]int // descriptors; 0: /dev/null
	uid     int
	session bool // leads a session of its own
	group   bool // leads a process group of its own
	ignores bool // ignores SIGTERM
	traced  bool
	filters [][]unix.SockFilter
	cgroup  int // a descriptor; 0: none
}

// cloneArgs is struct clone_args of clone3(2).
type cloneArgs struct {
	flags, pidfd, childTID, parentTID, exitSignal, stack, stackSize, tls, setTID, setTIDSize, cgroup uint64
}

const (
	cloneIntoCgroup = 1 << 33
	everyFD         = 1<<32 - 1
)

// childArgs are the arguments of childMain. They are complete before the fork, because the child must not allocate
// memory.
type childArgs struct {
	path       *byte
	argv, envp **byte
	name       *byte
	programs   [4]unix.SockFprog
	spec       *forkSpec
	all, none  unix.Sigset_t
	ignore     [64]byte
	tid        int32
	stdio      [3]int
	failed     int // a pipe to which an error of execve is written; execve closes it
}

// fork makes a process with clone3(2), the only call that can choose the PID. It returns when the process has called
// execve, if a program is given.
func fork(b *forkSpec) (int, error) {
	c, err := prepare(b)
	if err != nil {
		return 0, err
	}
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return 0, err
	}
	defer unix.Close(pipe[0])
	c.failed = pipe[1]
	args := &cloneArgs{exitSignal: uint64(unix.SIGCHLD)}
	if b.pid != 0 {
		c.tid = int32(b.pid)
		args.setTID, args.setTIDSize = uint64(uintptr(unsafe.Pointer(&c.tid))), 1
	}
	if b.cgroup != 0 {
		args.flags, args.cgroup = cloneIntoCgroup, uint64(b.cgroup)
	}
	pid, errno := cloneChild(args, c)
	runtime.KeepAlive(c)
	unix.Close(pipe[1])
	if errno != 0 {
		return 0, errno
	}
	var answer [1]byte
	if b.argv != nil && !b.traced {
		if n, _ := unix.Read(pipe[0], answer[:]); n > 0 {
			return 0, unix.Errno(answer[0])
		}
	}
	return pid, nil
}

func prepare(b *forkSpec) (*childArgs, error) {
	c := &childArgs{spec: b, stdio: b.stdio}
	for i := range c.all.Val {
		c.all.Val[i] = ^c.all.Val[i]
	}
	*(*uintptr)(unsafe.Pointer(&c.ignore)) = 1 // SIG_IGN
	for i, filter := range b.filters {
		c.programs[i] = unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	}
	var err error
	if c.name, err = unix.BytePtrFromString("newcomer"); err != nil || b.argv == nil {
		return c, err
	}
	path, err := lookPath(b.argv[0], b.env)
	if err != nil {
		return nil, err
	}
	if c.path, err = unix.BytePtrFromString(path); err != nil {
		return nil, err
	}
	c.argv, c.envp = pointers(b.argv), pointers(b.env)
	return c, nil
}

// lookPath finds a program as execvp(3) does.
func lookPath(name string, env []string) (string, error) {
	for _, v := range env {
		list, ok := strings.CutPrefix(v, "PATH=")
		if !ok {
			continue
		}
		for dir := range strings.SplitSeq(list, ":") {
			if unix.Access(dir+"/"+name, unix.X_OK) == nil {
				return dir + "/" + name, nil
			}
		}
	}
	return name, unix.Access(name, unix.X_OK)
}

func pointers(words []string) **byte {
	list := make([]*byte, 0, len(words)+1)
	for _, w := range words {
		p, err := unix.BytePtrFromString(w)
		must("argument", err)
		list = append(list, p)
	}
	list = append(list, nil)
	return &list[0]
}

// cloneChild blocks the signals of this thread during the call, so that no handler of this program runs in the
// child.
func cloneChild(args *cloneArgs, c *childArgs) (int, unix.Errno) {
	var old unix.Sigset_t
	must("block signals", unix.PthreadSigmask(unix.SIG_SETMASK, &c.all, &old))
	pid, _, errno := unix.RawSyscall(unix.SYS_CLONE3, uintptr(unsafe.Pointer(args)), unsafe.Sizeof(*args), 0)
	if pid == 0 && errno == 0 {
		childMain(c)
	}
	must("unblock signals", unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil))
	return int(pid), errno
}

// childMain runs in the child, which has no other thread: it may only make system calls.
//
//go:nosplit
//go:norace
func childMain(c *childArgs) {
	b := c.spec
	if b.session {
		unix.RawSyscall(unix.SYS_SETSID, 0, 0, 0)
	}
	if b.group {
		unix.RawSyscall(unix.SYS_SETPGID, 0, 0, 0)
	}
	if c.path == nil && b.rawRun == nil {
		unix.RawSyscall6(unix.SYS_PRCTL, unix.PR_SET_NAME, uintptr(unsafe.Pointer(c.name)), 0, 0, 0, 0)
		unix.RawSyscall(unix.SYS_CLOSE_RANGE, 0, everyFD, 0)
		for {
			unix.RawSyscall6(unix.SYS_PPOLL, 0, 0, 0, 0, 0, 0)
		}
	}
	for i := range c.stdio {
		if c.stdio[i] != 0 {
			unix.RawSyscall(unix.SYS_DUP3, uintptr(c.stdio[i]), uintptr(i), 0)
		}
	}
	if b.rawRun != nil {
		rawBegin()
		b.rawRun()
		rawExit(0)
	}
	if b.ignores {
		unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(unix.SIGTERM), uintptr(unsafe.Pointer(&c.ignore)), 0, sigsetSize, 0, 0)
	}
	if b.uid != 0 {
		unix.RawSyscall(unix.SYS_SETRESGID, uintptr(b.uid), uintptr(b.uid), uintptr(b.uid))
		unix.RawSyscall(unix.SYS_SETRESUID, uintptr(b.uid), uintptr(b.uid), uintptr(b.uid))
	}
	if b.traced {
		unix.RawSyscall6(unix.SYS_PTRACE, unix.PTRACE_TRACEME, 0, 0, 0, 0, 0)
	}
	// The filters come last, because they may refuse the calls above.
	for i := range b.filters {
		unix.RawSyscall6(unix.SYS_PRCTL, unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&c.programs[i])), 0, 0, 0)
	}
	unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&c.none)), 0, sigsetSize, 0, 0)
	_, _, errno := unix.RawSyscall(unix.SYS_EXECVE, uintptr(unsafe.Pointer(c.path)), uintptr(unsafe.Pointer(c.argv)), uintptr(unsafe.Pointer(c.envp)))
	answer := byte(errno)
	unix.RawSyscall(unix.SYS_WRITE, uintptr(c.failed), uintptr(unsafe.Pointer(&answer)), 1)
	for {
		unix.RawSyscall(unix.SYS_EXIT_GROUP, 127, 0, 0)
	}
}

// devNull opens /dev/null for the standard descriptors of victims.
func devNull() int {
	// Not os.OpenFile: the garbage collector closes an os.File that is not used any more.
	fd, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	must("open", err)
	return fd
}
