package cli

import (
	"io"
	"slices"
	"strings"

	"killbox/internal/signals"
	"killbox/internal/target"
	"killbox/procfs"
)

// Env is all that one call of an applet gets from outside: arguments, environment, standard streams, /proc and the
// kernel. A test replaces any of them.
type Env struct {
	Args    []string // with argv[0]
	Environ []string
	PID     int

	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// StdoutTTY and StderrTTY say whether standard output and standard error are terminals.
	StdoutTTY, StderrTTY bool
	// Columns returns the width of the terminal that a descriptor refers to, and 0 if that is not known. It may be nil.
	Columns func(fd int) int
	// Screen is standard error without the escaping that WrapOutput adds to Stderr. The status line is drawn with
	// escape sequences.
	Screen io.Writer

	// help, if set, is given each help text instead of the writer: see Applet.HelpText.
	help func(text string)

	// Proc is nil if /proc cannot be used; ProcErr is the reason.
	Proc    *procfs.FS
	ProcErr error
	Kernel  Kernel

	// Exec replaces this program by another (execve(2)). It returns only on failure.
	Exec func(path string, argv, env []string) error
	// Die ends this process by the signal. It returns if the signal does not end the process, as for PID 1.
	Die func(signals.Signal)
	// NameService looks up users and groups of sources other than files.
	NameService target.NameService
	// Executable returns the path of this program.
	Executable func() (string, error)
}

// Getenv returns the value of an environment variable, or "" if it is not set.
func (e *Env) Getenv(name string) string {
	for _, entry := range e.Environ {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value
		}
	}
	return ""
}

// LookupEnv returns the value of an environment variable, and reports whether it is set.
func (e *Env) LookupEnv(name string) (string, bool) {
	i := slices.IndexFunc(e.Environ, func(entry string) bool { return strings.HasPrefix(entry, name+"=") })
	if i < 0 {
		return "", false
	}
	return e.Environ[i][len(name)+1:], true
}

// LeaveGroup moves this process into a process group of its own, so that a signal to the old group does not reach this
// process. The new group is in the background of the terminal, so LeaveGroup also makes this process ignore SIGTTOU,
// which could stop this process when it writes to the terminal.
func (e *Env) LeaveGroup() error {
	err := e.Kernel.LeaveGroup()
	if err == nil {
		e.Kernel.IgnoreSignal(signals.TTOU)
	}
	return err
}
