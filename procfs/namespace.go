package procfs

import (
	"fmt"
	"strconv"
	"strings"
)

// Namespace returns the name of a namespace of a process, such as "pid:[4026531836]" (namespaces(7)). kind is its type,
// such as "pid" or "net". Namespace needs PTRACE_MODE_READ access (ptrace(2)). If the kernel has no namespaces of this
// type, the error is ErrNoProcess.
func (fs *FS) Namespace(pid int, kind string) (string, error) {
	b, err := fs.readLink(pid, "ns/"+kind)
	if vanished(err) {
		err = fs.throughThread(pid, func(task string) error {
			b, err = fs.readLink(pid, task+"ns/"+kind)
			return err
		})
	}
	if err != nil && err != ErrNoProcess {
		err = fs.processError("readlink", processPath(pid, "ns/"+kind), err)
	}
	return string(b), err
}

// ParseNamespace returns the inode number in the name of a namespace, such as 4026531836 in "pid:[4026531836]". kind is
// the type of the namespace.
func ParseNamespace(name, kind string) (inode uint64, err error) {
	number, ok := strings.CutPrefix(name, kind+":[")
	if ok {
		number, ok = strings.CutSuffix(number, "]")
	}
	if inode, err = strconv.ParseUint(number, 10, 64); !ok || err != nil || inode == 0 {
		return 0, fmt.Errorf("malformed name of a namespace: %q", name)
	}
	return inode, nil
}

// OwnNamespace returns the inode number of a namespace of this process. kind is as for Namespace. If the kernel has no
// namespaces of this type, the error is ErrNoProcess.
func (fs *FS) OwnNamespace(kind string) (inode uint64, err error) {
	pid, err := fs.Self()
	if err != nil {
		return 0, err
	}
	name, err := fs.Namespace(pid, kind)
	if err != nil {
		return 0, err
	}
	return ParseNamespace(name, kind)
}

// InitialUserNamespace is the name of the user namespace that is an ancestor of all others (PROC_USER_INIT_INO in
// include/linux/proc_ns.h).
const InitialUserNamespace = "user:[4026531837]"

// initialTime is the inode number of the time namespace in which the system was booted (PROC_TIME_INIT_INO in
// include/linux/proc_ns.h, since Linux 5.6).
const initialTime = 0xEFFFFFFA

// ShiftsStart reports whether the start times that this process reads may include an offset (time_namespaces(7)), so
// that processes of other time namespaces read other ones.
func (fs *FS) ShiftsStart() bool {
	inode, err := fs.OwnNamespace("time")
	return err != ErrNoProcess && (err != nil || inode != initialTime)
}

// SharesNamespace reports whether a process is in the PID namespace of /proc, and not in one below it. The kernel shows
// that since Linux 4.1. Before, the caller needs PTRACE_MODE_READ access (ptrace(2)).
func (fs *FS) SharesNamespace(pid int) (bool, error) {
	status, err := fs.Status(pid)
	if err != nil || len(status.NSPID) > 0 {
		return len(status.NSPID) == 1, err
	}
	own, err := fs.OwnNamespace("pid")
	if err != nil {
		return false, err
	}
	name, err := fs.Namespace(pid, "pid")
	if err != nil {
		return false, err
	}
	inode, err := ParseNamespace(name, "pid")
	return inode == own, err
}

// Threads returns the TIDs of the threads of a process, in ascending order. Stat accepts a TID as well.
func (fs *FS) Threads(pid int) ([]int, error) {
	path := processPath(pid, "task")
	tids, err := fs.numbers(path, nil)
	if err != nil {
		return nil, fs.processError("read", path, err)
	}
	return tids, nil
}
