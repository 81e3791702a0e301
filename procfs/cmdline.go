package procfs

import "strings"

// ParseCmdline splits /proc/PID/cmdline (proc_pid_cmdline(5)) into arguments.
// Empty arguments are kept; a title that was written over them without a NUL
// (setproctitle(3)) is a single one; of a file that is empty, as that of a zombie
// or of a kernel thread, the result is nil.
func ParseCmdline(b []byte) []string {
	if len(b) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00")
}

// Cmdline reads the arguments of a process, at most 8 MiB of them.
func (fs *FS) Cmdline(pid int) ([]string, error) {
	b, err := fs.readMemory(pid, "cmdline")
	if err != nil {
		return nil, err
	}
	return ParseCmdline(b), nil
}
