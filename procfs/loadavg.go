package procfs

import (
	"bytes"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

var errLoadavg = errors.New("malformed loadavg")

// ParseLoadavg returns the last field of /proc/loadavg (proc_loadavg(5)): the
// PID or TID that was allocated last.
func ParseLoadavg(b []byte) (int, error) {
	b = bytes.TrimSuffix(b, []byte("\n"))
	last := bytes.LastIndexByte(b, ' ')
	f := fields{rest: b[last+1:]}
	pid := f.int()
	if last < 0 || f.bad || len(f.rest) > 0 || pid < 0 {
		return 0, fmt.Errorf("%w: %q", errLoadavg, b)
	}
	return pid, nil
}

// LastPID returns the PID that was allocated last in the PID namespace of the caller, which need not be that of the
// /proc it is read from (fs/proc/loadavg.c). While it does not change, no process was forked in that namespace or in one
// below it, with three exceptions. Threads count too, including those of this program. A fork that fails late may change
// it. A process with CAP_CHECKPOINT_RESTORE can choose a PID: clone3(2) with set_tid (Linux 5.5) does not change it, and
// writing ns_last_pid sets it to any value.
//
// A file that is mounted over /proc/loadavg, as by lxcfs, proves nothing, and is errors.ErrUnsupported. The error is a
// *LastPIDError.
func (fs *FS) LastPID() (int, error) {
	b, err := fs.readSystem("loadavg")
	if err == nil {
		var pid int
		if pid, err = ParseLoadavg(b); err == nil && pid > 0 {
			return pid, nil
		}
	}
	path := fs.root + "/loadavg"
	var errno unix.Errno
	switch {
	case err == nil: // gVisor writes a 0
		return 0, &LastPIDError{path + " does not tell the last PID", nil}
	case errors.Is(err, errors.ErrUnsupported):
		return 0, &LastPIDError{path + " is not the kernel's (a file is mounted over it, as lxcfs does)", err}
	case errors.Is(err, unix.ENOENT):
		return 0, &LastPIDError{path + " cannot be read (subset=pid)", err}
	case errors.As(err, &errno):
		return 0, &LastPIDError{path + " cannot be read (" + errno.Error() + ")", err}
	}
	return 0, &LastPIDError{path + " does not tell the last PID: " + err.Error(), err}
}

// LastPIDError says in words for a user why LastPID has failed.
type LastPIDError struct {
	text string
	err  error
}

func (e *LastPIDError) Error() string { return e.text }

func (e *LastPIDError) Unwrap() error { return e.err }
