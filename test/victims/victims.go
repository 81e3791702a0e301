package victims

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

func init() {
	// Bind main to the first thread of the process, because `victim leader-exits` must end that thread.
	runtime.LockOSThread()
}

const lifetime = 60 * time.Second

// Victim is `victim MODE...`. Most modes write a line to descriptor 3 when they are ready. Each process ends by
// itself after four minutes at most.
func Victim() {
	modes := map[string]func([]string){
		"leader-exits": leaderExits,
		"thread-child": threadChild,
		"long-fork":    longFork,
		"trace":        trace,
		"inode":        inode,
		"hop":          hop,
		"churn":        churn,
		"bomb":         bomb,
		"supervisor":   supervisor,
		"many":         many,
		"vfork":        vforked,
		"successor":    successors,
		"generations":  lineage,
		"meanwhile":    meanwhile,
		"new-group":    newGroup,
		"leaver":       leaver,
		"left":         left,
		"stops":        stops,
		"pipeline":     pipeline,
		"within":       within,
		"inherit":      inherit,
		"own-group":    ownGroup,
		"fill-pipe":    fillPipe,
		"queued":       queued,
		"memfd":        memfd,
		"subreaper":    subreaper,
		"reuse":        reuse,
		"regroup":      regroup,
		"lost":         lost,
		"moments":      moments,
		"argv0":        argv0,
		"title":        title,
		"clear-env":    clearEnv,
		"holder":       holder,
		"image":        imageVictim,
		"same-image":   sameImage,
		"orphans-of":   orphansOf,
		"orphan-root":  orphanRoot,
		"blocked-args": blockedArguments,
		"file-caps":    fileCapabilities,
		"fuse":         fuseServer, "closes": closesFile, "dumps-core": dumpsCore, "background": background,
		"thread-blocks": threadBlocks, "ignores-child": ignoresChild,
	}
	if len(os.Args) < 2 || modes[os.Args[1]] == nil {
		die(2, "victim: no such mode: %q", os.Args[1:])
	}
	modes[os.Args[1]](os.Args[2:])
}

// leaderExits ends only the first thread. `/proc/PID/stat` then shows state Z, although the process is alive.
func leaderExits([]string) {
	go func() {
		self := "/proc/self/stat"
		for threadState(self) != "Z" {
			time.Sleep(time.Millisecond)
		}
		ready()
		time.Sleep(lifetime)
		os.Exit(0)
	}()
	// Syscall, not RawSyscall: the runtime must know that this thread no longer runs Go code.
	_, _, _ = unix.Syscall(unix.SYS_EXIT, 0, 0, 0)
}

// threadState returns the state in a stat file of this program, whose name contains no parenthesis.
func threadState(path string) string {
	var pid int
	var comm, state string
	data, _ := os.ReadFile(path)
	_, _ = fmt.Sscan(string(data), &pid, &comm, &state)
	return state
}

// threadChild has a child that was forked by a thread other than the first, and is only in the list of children of
// that thread.
func threadChild([]string) {
	done := make(chan int)
	go func() {
		runtime.LockOSThread()
		sleep, err := exec.LookPath("sleep")
		must("sleep", err)
		pid, err := syscall.ForkExec(sleep, []string{"sleep", "60"}, &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{0, 1, 2}})
		must("fork", err)
		done <- pid
		time.Sleep(lifetime)
	}()
	ready("child=", <-done)
	time.Sleep(lifetime)
}

// longFork is ready when a thread other than the first begins a fork that takes long, because the kernel has to copy
// the page tables of 512 MB. TERM ends the process after the fork.
func longFork([]string) {
	const much = 512 << 20
	memory, err := unix.Mmap(-1, 0, much, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	must("mmap", err)
	_ = unix.Madvise(memory, unix.MADV_NOHUGEPAGE)
	for i := 0; i < much; i += os.Getpagesize() {
		memory[i] = 1
	}
	term := make(chan os.Signal, 1)
	signal.Notify(term, unix.SIGTERM)
	done := make(chan int)
	go func() {
		runtime.LockOSThread()
		ready()
		if rawClone(0) == 0 {
			// The child has only this thread, so it makes only system calls.
			defaults()
			for {
				_, _, _ = unix.RawSyscall6(unix.SYS_PPOLL, 0, 0, 0, 0, 0, 0)
			}
		}
		done <- 0
		time.Sleep(lifetime)
	}()
	<-term
	<-done
	os.Exit(0)
}

// trace keeps a process in a ptrace stop.
func trace(args []string) {
	pid, err := strconv.Atoi(args[0])
	must("trace", err)
	must("attach", unix.PtraceAttach(pid))
	_, err = unix.Wait4(pid, nil, unix.WALL, nil)
	must("wait", err)
	ready()
	time.Sleep(lifetime)
}

// inode prints PID:INODE, and fails if pidfds have no inodes of their own (before Linux 6.9).
func inode(args []string) {
	pid, err := strconv.Atoi(args[0])
	must("inode", err)
	fd, err := unix.PidfdOpen(pid, 0)
	must("pidfd_open", err)
	var fsys unix.Statfs_t
	must("fstatfs", unix.Fstatfs(fd, &fsys))
	if fsys.Type != unix.PID_FS_MAGIC {
		die(1, "inode: no pidfs")
	}
	var st unix.Stat_t
	must("fstat", unix.Fstat(fd, &st))
	fmt.Printf("%d:%d\n", pid, st.Ino)
}

func ready(words ...any) {
	f := os.NewFile(3, "ready")
	_, err := fmt.Fprintln(f, fmt.Sprint(words...))
	must("ready", err)
	must("ready", f.Close())
}

// refusal is a system call that Refuse can refuse. If mask is set, only calls are refused in which the masked bits
// of an argument have a given value.
type refusal struct {
	nr               uint32
	arg, mask, value uint32
}

var refusals = map[string]refusal{
	"clone3":             {nr: unix.SYS_CLONE3},
	"close_range":        {nr: unix.SYS_CLOSE_RANGE},
	"epoll_create1":      {nr: unix.SYS_EPOLL_CREATE1},
	"epoll_ctl":          {nr: unix.SYS_EPOLL_CTL},
	"epoll_pwait":        {nr: unix.SYS_EPOLL_PWAIT},
	"eventfd2":           {nr: unix.SYS_EVENTFD2},
	"fork":               {nr: unix.SYS_CLONE, mask: unix.CLONE_THREAD}, // refuses to make processes, but not threads
	"getdents64":         {nr: unix.SYS_GETDENTS64},
	"getpriority":        {nr: unix.SYS_GETPRIORITY},
	"kcmp":               {nr: unix.SYS_KCMP},
	"kill":               {nr: unix.SYS_KILL},
	"no_new_privs":       {nr: unix.SYS_PRCTL, mask: math.MaxUint32, value: unix.PR_SET_NO_NEW_PRIVS},
	"pidfd_open":         {nr: unix.SYS_PIDFD_OPEN},
	"pidfd_send_signal":  {nr: unix.SYS_PIDFD_SEND_SIGNAL},
	"prlimit64":          {nr: unix.SYS_PRLIMIT64},
	"readlinkat":         {nr: unix.SYS_READLINKAT},
	"sched_getaffinity":  {nr: unix.SYS_SCHED_GETAFFINITY},
	"sched_getattr":      {nr: unix.SYS_SCHED_GETATTR},
	"sched_setaffinity":  {nr: unix.SYS_SCHED_SETAFFINITY},
	"sched_setattr":      {nr: unix.SYS_SCHED_SETATTR},
	"sched_setscheduler": {nr: unix.SYS_SCHED_SETSCHEDULER},
	"setpriority":        {nr: unix.SYS_SETPRIORITY},
	"setsid":             {nr: unix.SYS_SETSID},
	"signalfd4":          {nr: unix.SYS_SIGNALFD4},
	"socketpair":         {nr: unix.SYS_SOCKETPAIR},
	"statx":              {nr: unix.SYS_STATX},
	"subreaper":          {nr: unix.SYS_PRCTL, mask: math.MaxUint32, value: unix.PR_SET_CHILD_SUBREAPER},
	"timerfd_create":     {nr: unix.SYS_TIMERFD_CREATE},
	"wait4":              {nr: unix.SYS_WAIT4},
	"waitid":             {nr: unix.SYS_WAITID},
	"socket":             {nr: unix.SYS_SOCKET},
}

// Refuse is `refuse ERRNO SYSCALL... -- CMD...`: CMD runs under a seccomp filter that makes these calls fail with
// ERRNO, or raise SIGSYS if ERRNO is TRAP.
func Refuse() {
	end := slices.Index(os.Args, "--")
	if end < 3 || end == len(os.Args)-1 {
		die(2, "usage: refuse ERRNO SYSCALL... -- CMD...")
	}
	runtime.LockOSThread()
	must("seccomp", RefuseCalls(os.Args[1], os.Args[2:end]...))
	execve(os.Args[end+1:])
}

// RefuseCalls puts a seccomp filter on this thread, for which its goroutine must be locked to it. The filter makes the
// calls fail with the error, or raise SIGSYS if it is TRAP.
func RefuseCalls(err string, calls ...string) error {
	const errno = unix.SECCOMP_RET_ERRNO
	actions := map[string]uint32{
		"ENOSYS": errno | uint32(unix.ENOSYS), "EPERM": errno | uint32(unix.EPERM), "EINVAL": errno | uint32(unix.EINVAL),
		"EMFILE": errno | uint32(unix.EMFILE), "ENFILE": errno | uint32(unix.ENFILE), "ENOMEM": errno | uint32(unix.ENOMEM),
		"EAGAIN": errno | uint32(unix.EAGAIN), "TRAP": unix.SECCOMP_RET_TRAP,
	}
	action, ok := actions[err]
	if !ok {
		return fmt.Errorf("no such error: %s", err)
	}
	var filter []unix.SockFilter
	for _, name := range calls {
		call, ok := refusals[name]
		if !ok {
			return fmt.Errorf("no such call: %s", name)
		}
		filter = append(filter, call.filter(action)...)
	}
	filter = append(filter, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW})
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	return unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&prog)), 0, 0)
}

// filter returns the instructions that take action for the call; other calls continue after them.
func (r *refusal) filter(action uint32) []unix.SockFilter {
	const numberAt, argsAt = 0, 16 // offsets in struct seccomp_data
	arg := argsAt + 8*r.arg
	if binary.NativeEndian.Uint16([]byte{0, 1}) == 1 {
		arg += 4
	}
	return []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: numberAt},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 4, K: r.nr},
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: arg},
		{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: r.mask},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: r.value},
		{Code: unix.BPF_RET | unix.BPF_K, K: action},
	}
}
