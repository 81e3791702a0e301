package victims

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// watched are the system calls at which the swapper stops a tool: those that find, identify, signal or wait for
// processes.
var watched = map[uint64]string{
	unix.SYS_OPENAT:            "openat",
	unix.SYS_READ:              "read",
	unix.SYS_PREAD64:           "pread64",
	unix.SYS_READLINKAT:        "readlinkat",
	unix.SYS_GETDENTS64:        "getdents64",
	unix.SYS_STATX:             "statx",
	unix.SYS_FACCESSAT:         "faccessat",
	unix.SYS_WRITE:             "write",
	unix.SYS_PIDFD_OPEN:        "pidfd_open",
	unix.SYS_PIDFD_SEND_SIGNAL: "pidfd_send_signal",
	unix.SYS_PIDFD_GETFD:       "pidfd_getfd",
	unix.SYS_KILL:              "kill",
	unix.SYS_RT_SIGQUEUEINFO:   "rt_sigqueueinfo",
	unix.SYS_GETPGID:           "getpgid",
	unix.SYS_GETSID:            "getsid",
	unix.SYS_SETPRIORITY:       "setpriority",
	unix.SYS_IOCTL:             "ioctl",
	unix.SYS_FCNTL:             "fcntl",
	unix.SYS_EPOLL_CTL:         "epoll_ctl",
	unix.SYS_EPOLL_PWAIT:       "epoll_pwait",
	unix.SYS_PPOLL:             "ppoll",
	unix.SYS_WAITID:            "waitid",
}

// watch returns the seccomp filter that stops the tool for its tracer at the watched calls.
func watch() []unix.SockFilter { return answer(unix.SECCOMP_RET_TRACE, numbers(watched)) }

func numbers(calls map[uint64]string) []uint32 {
	var list []uint32
	for nr := range calls {
		list = append(list, uint32(nr))
	}
	slices.Sort(list)
	return list
}

// answer returns a seccomp filter that takes action for these calls and allows all others.
func answer(action uint32, calls []uint32) []unix.SockFilter {
	// Load the number of the call, the first word of struct seccomp_data.
	filter := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}}
	for _, nr := range calls {
		filter = append(filter,
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: nr},
			unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: action})
	}
	return append(filter, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW})
}

// syscallInfo is struct ptrace_syscall_info (ptrace(2)) at a seccomp stop.
type syscallInfo struct {
	op   uint8
	_    [3]byte
	arch uint32
	ip   uint64
	sp   uint64
	nr   uint64
	args [6]uint64
	_    [16]byte
}

// call is a system call that a thread of the tool is about to make.
type call struct {
	tid  int
	name string
	args [6]uint64
	path string // of openat, readlinkat and the like
	file string // of the file that the first argument, a descriptor, refers to
}

func callOf(tid int) (call, error) {
	var info syscallInfo
	const getSyscallInfo = 0x420e
	_, _, errno := unix.Syscall6(unix.SYS_PTRACE, getSyscallInfo, uintptr(tid), unsafe.Sizeof(info), uintptr(unsafe.Pointer(&info)), 0, 0)
	if errno != 0 {
		return call{}, errno
	}
	c := call{tid: tid, name: watched[info.nr], args: info.args}
	switch c.name {
	case "openat", "readlinkat", "statx", "faccessat":
		c.path = peekString(tid, uintptr(c.args[1]))
	case "read", "pread64", "getdents64", "pidfd_send_signal", "ioctl", "fcntl", "write":
		c.file, _ = os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", tid, int32(c.args[0])))
	}
	if c.path != "" && c.path[0] != '/' && int32(c.args[0]) != unix.AT_FDCWD {
		dir, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", tid, int32(c.args[0])))
		c.path = dir + "/" + c.path
	}
	return c, nil
}

func peekString(tid int, addr uintptr) string {
	var data [96]byte
	n, _ := unix.PtracePeekData(tid, addr, data[:])
	text, _, _ := bytes.Cut(data[:max(n, 0)], []byte{0})
	return string(text)
}

// ownerOf returns the process group that fcntl(F_SETOWN_EX) is about to set, or 0 for another call.
func (c *call) ownerOf() int {
	const setOwnEx = 15
	if c.name != "fcntl" || c.args[1] != setOwnEx {
		return 0
	}
	var owner struct{ kind, pid int32 }
	_, _ = unix.PtracePeekData(c.tid, uintptr(c.args[2]), (*[8]byte)(unsafe.Pointer(&owner))[:])
	return int(owner.pid)
}

// concerns reports whether the call can see, pin, signal or wait for one of these processes. Between two such calls
// the tool does not access the processes, so it need not be stopped there.
func (c *call) concerns(pids ...int) bool {
	switch c.name {
	case "getdents64":
		return strings.HasPrefix(c.file, "/proc") || strings.Contains(c.file, "cgroup")
	case "epoll_ctl", "epoll_pwait", "ppoll", "waitid", "pidfd_send_signal", "pidfd_getfd":
		return true
	case "write":
		return strings.Contains(c.file, "cgroup")
	case "ioctl":
		return c.file == "anon_inode:[pidfd]" || strings.HasPrefix(c.file, "pidfd:")
	case "fcntl":
		const getOwnEx = 16
		return c.args[1] == getOwnEx || c.ownerOf() != 0
	case "kill", "rt_sigqueueinfo", "pidfd_open", "getpgid", "getsid":
		pid := int(int32(c.args[0]))
		return slices.Contains(pids, pid) || pid < 0 && (pid == -1 || slices.Contains(pids, -pid))
	case "setpriority":
		return slices.Contains(pids, int(int32(c.args[1])))
	}
	for _, pid := range pids {
		if names(c.path, pid) || names(c.file, pid) {
			return true
		}
	}
	return strings.HasSuffix(c.path, "/children") || strings.HasSuffix(c.file, "/cgroup.procs")
}

// names reports whether the PID is a component of the path.
func names(path string, pid int) bool {
	return slices.Contains(strings.Split(path, "/"), strconv.Itoa(pid))
}

// pins reports whether the call pins the process by a descriptor, or makes its group the owner of a descriptor.
func (c *call) pins(pid int) bool {
	const directory = unix.O_DIRECTORY
	switch c.name {
	case "pidfd_open":
		return int(c.args[0]) == pid
	case "openat":
		return names(c.path, pid) && c.args[2]&directory != 0
	}
	return c.ownerOf() == pid
}

// sends returns the name of the signal if the call, kill(2) or rt_sigqueueinfo(2), signals the process by PID or its
// group by PGID, and "" otherwise.
func (c *call) sends(pid int) string {
	target := int(int32(c.args[0]))
	if c.name != "kill" && c.name != "rt_sigqueueinfo" || int32(c.args[1]) == 0 || target != pid && target != -pid {
		return ""
	}
	return unix.SignalName(unix.Signal(c.args[1]))
}

// terminates reports whether the call sends TERM to any process.
func (c *call) terminates() bool {
	switch c.name {
	case "kill", "rt_sigqueueinfo", "pidfd_send_signal":
		return unix.Signal(c.args[1]) == unix.SIGTERM
	}
	return false
}

func (c *call) String() string {
	switch c.name {
	case "openat", "readlinkat", "statx", "faccessat":
		return fmt.Sprintf("%s(%s)", c.name, c.path)
	case "read", "pread64", "getdents64", "ioctl", "write":
		return fmt.Sprintf("%s(%s)", c.name, c.file)
	case "epoll_ctl", "epoll_pwait", "ppoll":
		return c.name
	}
	return fmt.Sprintf("%s(%d, %d)", c.name, int32(c.args[0]), int32(c.args[1]))
}
