package procfs

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

// Threads returns the TIDs of the threads of a process, in ascending order. Stat accepts a TID as well.
func (fs *FS) Threads(pid int) ([]int, error) {
	path := processPath(pid, "task")
	tids, err := fs.numbers(path, nil)
	if err != nil {
		return nil, fs.processError("read", path, err)
	}
	return tids, nil
}
