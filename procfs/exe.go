package procfs

import "bytes"

// Exe returns the path of the program that a process runs (proc_pid_exe(5)),
// without the " (deleted)" that the kernel appends when the file has been removed
// or replaced. A file whose name ends like that cannot be told apart. For zombies
// and kernel threads, which run none, the path is empty. It takes
// PTRACE_MODE_READ access (ptrace(2)).
func (fs *FS) Exe(pid int) (string, error) {
	b, err := fs.ExeBytes(pid)
	return string(b), err
}

// ExeBytes is Exe without a string of its own. The result is good until the
// next use of fs.
func (fs *FS) ExeBytes(pid int) ([]byte, error) {
	b, err := fs.wholeLink(pid, "exe")
	if vanished(err) {
		err = fs.throughThread(pid, func(task string) error {
			b, err = fs.wholeLink(pid, task+"exe")
			return err
		})
	}
	switch {
	case err == nil:
		return bytes.TrimSuffix(b, []byte(" (deleted)")), nil
	case err == ErrNoProcess:
		return nil, err
	case vanished(err):
		return nil, nil
	}
	return nil, fs.processError("readlink", processPath(pid, "exe"), err)
}
