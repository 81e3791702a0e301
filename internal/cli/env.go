package cli

import (
	"io"
	"slices"
	"strings"

	"killbox/internal/signals"
	"killbox/procfs"
)

// Env is the world of one call.
type Env struct {
	Args    []string // with argv[0]
	Environ []string
	PID     int

	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// StdoutTTY and StderrTTY tell whether those are terminals.
	StdoutTTY, StderrTTY bool
	// Screen is standard error without the escaping that Main adds to Stderr. The
	// status line needs it: it is drawn with escape sequences.
	Screen io.Writer

	// Proc is nil where there is no /proc, and ProcErr says why.
	Proc    *procfs.FS
	ProcErr error
	Kernel  Kernel

	// Exec replaces this program; Die ends it by a signal, and returns where
	// that cannot be done. Executable is the path of this program.
	Exec       func(path string, argv, env []string) error
	Die        func(signals.Signal)
	Executable func() (string, error)
}

// Getenv returns the value of an environment variable, "" if it is not set.
func (e *Env) Getenv(name string) string {
	for _, entry := range e.Environ {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value
		}
	}
	return ""
}

// LookupEnv is Getenv that tells "" from nothing.
func (e *Env) LookupEnv(name string) (string, bool) {
	i := slices.IndexFunc(e.Environ, func(entry string) bool { return strings.HasPrefix(entry, name+"=") })
	if i < 0 {
		return "", false
	}
	return e.Environ[i][len(name)+1:], true
}

// LeaveGroup moves this process into a process group of its own, so that it can signal its old one and live. From then on
// it is a background job of its terminal, so it ignores SIGTTOU.
func (e *Env) LeaveGroup() error {
	err := e.Kernel.LeaveGroup()
	if err == nil {
		e.Kernel.IgnoreSignal(signals.TTOU)
	}
	return err
}
