package procfs

import "bytes"

// ParseEnviron splits /proc/PID/environ (proc_pid_environ(5)) into its entries.
// Empty ones, left where a title was written over them, are dropped; an entry
// need not hold an equals sign.
func ParseEnviron(b []byte) []string {
	var env []string
	for entry := range bytes.SplitSeq(b, []byte{0}) {
		if len(entry) > 0 {
			env = append(env, string(entry))
		}
	}
	return env
}

// HasEnv reports whether an environment, as EnvironBytes returns it, has an
// entry name=value, or with anyValue one of that name. If a name is there more
// than once, every one counts.
func HasEnv(b []byte, name, value string, anyValue bool) bool {
	for entry := range bytes.SplitSeq(b, []byte{0}) {
		key, val, ok := bytes.Cut(entry, []byte("="))
		if ok && string(key) == name && (anyValue || string(val) == value) {
			return true
		}
	}
	return false
}

// Environ reads the environment that a process was started with, at most 8 MiB
// of it: what it changed since is not seen. It takes PTRACE_MODE_READ access
// (ptrace(2)). Zombies and kernel threads have none, which is no error.
func (fs *FS) Environ(pid int) ([]string, error) {
	b, err := fs.EnvironBytes(pid)
	if err != nil {
		return nil, err
	}
	return ParseEnviron(b), nil
}

// EnvironBytes is Environ without the splitting. The result is good until the
// next use of fs.
func (fs *FS) EnvironBytes(pid int) ([]byte, error) {
	return fs.readMemory(pid, "environ")
}
