package procfs

// Namespace returns what names the namespace of that type ("pid", "net") that
// a process is in, as in "pid:[4026531836]" (namespaces(7)). It takes
// PTRACE_MODE_READ access (ptrace(2)). The error is that of a process which is
// not there where the kernel has no such type.
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

// Threads returns the numbers of a process's threads, in ascending order. Stat
// takes them as well.
func (fs *FS) Threads(pid int) ([]int, error) {
	path := processPath(pid, "task")
	tids, err := fs.numbers(path, nil)
	if err != nil {
		return nil, fs.processError("read", path, err)
	}
	return tids, nil
}
