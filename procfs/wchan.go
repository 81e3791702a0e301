package procfs

// Wchan returns the kernel function in which the first thread of the process, or
// the thread of that number, sleeps (proc_pid_wchan(5)). It returns an empty string
// where the thread does not sleep, or where the caller lacks PTRACE_MODE_READ
// access (ptrace(2)): the kernel prints 0 for both. A
// kernel without CONFIG_KALLSYMS has no such file: errors.ErrUnsupported.
func (fs *FS) Wchan(pid int) (string, error) {
	b, err := fs.readOptional(pid, "wchan", true)
	if err != nil || string(b) == "0" {
		return "", err
	}
	return string(b), nil
}
