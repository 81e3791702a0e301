package procfs

// Wchan returns the kernel function in which a thread sleeps (proc_pid_wchan(5)). pid is a TID, or a PID for the leader
// of the process. The result is empty if the thread does not sleep or the caller lacks PTRACE_MODE_READ access
// (ptrace(2)): the kernel prints 0 for both. On a kernel without CONFIG_KALLSYMS the error is errors.ErrUnsupported.
func (fs *FS) Wchan(pid int) (string, error) {
	b, err := fs.readOptional(pid, "wchan", true)
	if err != nil || string(b) == "0" {
		return "", err
	}
	return string(b), nil
}
