package procfs

import "bytes"

// ParseEnviron splits /proc/PID/environ (proc_pid_environ(5)) into its entries. It drops empty entries, which are there
// if a title was written over the environment. An entry need not contain an equals sign.
func ParseEnviron(b []byte) []string {
	var env []string
	for entry := range bytes.SplitSeq(b, []byte{0}) {
		if len(entry) > 0 {
			env = append(env, string(entry))
		}
	}
	return env
}

// HasEnv reports whether the environment b, as EnvironBytes returns it, has an entry name=value or, with anyValue, any
// entry of that name. If b has several entries of that name, one match is enough.
func HasEnv(b []byte, name, value string, anyValue bool) bool {
	for entry := range bytes.SplitSeq(b, []byte{0}) {
		key, val, ok := bytes.Cut(entry, []byte("="))
		if ok && string(key) == name && (anyValue || string(val) == value) {
			return true
		}
	}
	return false
}

// EnvValues returns the values of all entries of the name in the environment b, as EnvironBytes returns it.
func EnvValues(b []byte, name string) []string {
	var values []string
	for entry := range bytes.SplitSeq(b, []byte{0}) {
		if key, value, ok := bytes.Cut(entry, []byte("=")); ok && string(key) == name {
			values = append(values, string(value))
		}
	}
	return values
}

// Environ returns the environment with which the program of a process was started, at most 8 MiB of it. Later changes,
// as by setenv(3), are not visible. Environ needs PTRACE_MODE_READ access (ptrace(2)). For a zombie or a kernel thread
// it returns nil and no error.
func (fs *FS) Environ(pid int) ([]string, error) {
	b, err := fs.EnvironBytes(pid)
	if err != nil {
		return nil, err
	}
	return ParseEnviron(b), nil
}

// EnvironBytes is like Environ, but returns the entries as the kernel does: each ends with a NUL. The result is valid
// until the next use of fs.
func (fs *FS) EnvironBytes(pid int) ([]byte, error) {
	return fs.readMemory(pid, "environ")
}
