package procfs

import "strings"

// ParseCmdline splits /proc/PID/cmdline (proc_pid_cmdline(5)) into arguments, and keeps empty arguments. A title
// without a NUL, which setproctitle(3) has written over the arguments, is one argument. For an empty file, as of a
// zombie or a kernel thread, the result is nil.
func ParseCmdline(b []byte) []string {
	if len(b) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00")
}

// Cmdline returns the arguments of a process, at most 8 MiB of them. For a zombie or a kernel thread it returns nil.
func (fs *FS) Cmdline(pid int) ([]string, error) {
	b, err := fs.readMemory(pid, "cmdline")
	if err != nil {
		return nil, err
	}
	return ParseCmdline(b), nil
}
