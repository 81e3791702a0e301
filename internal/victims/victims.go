package victims

import (
	"fmt"
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
	// So that main runs on the first thread of the process, which is the one to leave in `victim leader-exits`.
	runtime.LockOSThread()
}

const lifetime = 60 * time.Second

// Victim is `victim MODE...`. It writes a line to descriptor 3 when it is ready, and ends by itself after 60 s.
func Victim() {
	modes := map[string]func([]string){
		"leader-exits": leaderExits,
		"thread-child": threadChild,
		"long-fork":    longFork,
		"trace":        trace,
		"inode":        inode,
	}
	if len(os.Args) < 2 || modes[os.Args[1]] == nil {
		die(2, "victim: no such mode: %q", os.Args[1:])
	}
	modes[os.Args[1]](os.Args[2:])
}

// leaderExits ends the first thread, and no other. `/proc/PID/stat` then shows a Z for a process that is very much alive.
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
	// Syscall, not RawSyscall: the runtime must see that this thread no longer runs Go code.
	_, _, _ = unix.Syscall(unix.SYS_EXIT, 0, 0, 0)
}

// threadState returns the state in a stat file of this program, whose name has no parenthesis.
func threadState(path string) string {
	var pid int
	var comm, state string
	data, _ := os.ReadFile(path)
	_, _ = fmt.Sscan(string(data), &pid, &comm, &state)
	return state
}

// threadChild has a child that was forked by another thread than the first, so it stands in that thread's list of children only.
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

// longFork begins, when it is ready, a fork that takes its time, for there is much memory to be copied: in another thread
// than the first. TERM ends it when that is over.
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
		pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
		if pid == 0 && errno == 0 {
			// There is no other thread here, so nothing but system calls.
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

// trace holds a process in a ptrace stop.
func trace(args []string) {
	pid, err := strconv.Atoi(args[0])
	must("trace", err)
	must("attach", unix.PtraceAttach(pid))
	_, err = unix.Wait4(pid, nil, unix.WALL, nil)
	must("wait", err)
	ready()
	time.Sleep(lifetime)
}

// inode prints PID:INODE, and fails where pidfds have no inodes of their own (before Linux 6.9).
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

// Refuse is `refuse ERRNO SYSCALL... -- CMD...`: CMD runs under a seccomp filter that answers these calls with ERRNO.
func Refuse() {
	calls := map[string]uint32{
		"pidfd_open":        unix.SYS_PIDFD_OPEN,
		"pidfd_send_signal": unix.SYS_PIDFD_SEND_SIGNAL,
		"setpriority":       unix.SYS_SETPRIORITY,
		"setsid":            unix.SYS_SETSID,
	}
	errnos := map[string]unix.Errno{"ENOSYS": unix.ENOSYS, "EPERM": unix.EPERM, "EINVAL": unix.EINVAL, "EMFILE": unix.EMFILE}
	end := slices.Index(os.Args, "--")
	if end < 3 || errnos[os.Args[1]] == 0 || end == len(os.Args)-1 {
		die(2, "usage: refuse ERRNO SYSCALL... -- CMD...")
	}
	var refused []uint32
	for _, name := range os.Args[2:end] {
		nr, ok := calls[name]
		if !ok {
			die(2, "refuse: no such call: %s", name)
		}
		refused = append(refused, nr)
	}
	filter := answer(unix.SECCOMP_RET_ERRNO|uint32(errnos[os.Args[1]]), refused)
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	runtime.LockOSThread()
	must("no_new_privs", unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
	must("seccomp", unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&prog)), 0, 0))
	execve(os.Args[end+1:])
}
