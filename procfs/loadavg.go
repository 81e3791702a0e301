package procfs

import (
	"bytes"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

var errLoadavg = errors.New("malformed loadavg")

// ParseLoadavg returns the last field of /proc/loadavg (proc_loadavg(5)): the PID or TID that was allocated last.
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

// LastPID returns the PID that was allocated last in the PID namespace of the caller, even if /proc belongs to another
// PID namespace (fs/proc/loadavg.c). If two calls return the same PID, no process was forked in between, in the PID
// namespace of the caller or in one below it. There is one exception: a process with CAP_CHECKPOINT_RESTORE can choose
// the PID of its child by clone3(2) with set_tid (Linux 5.5), which does not change the result, or set the result to
// any value by writing to /proc/sys/kernel/ns_last_pid. If two calls return different PIDs, a process need not have
// been forked: the TIDs of new threads count as well, including threads of this program, and so may a fork that has
// failed.
//
// The error is a *LastPIDError. It wraps errors.ErrUnsupported if another file is mounted over /proc/loadavg, as by
// lxcfs.
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
	case err == nil: // the last field is 0, as in gVisor
		return 0, &LastPIDError{path + " does not show the last PID", nil}
	case errors.Is(err, errors.ErrUnsupported):
		return 0, &LastPIDError{path + " is not the kernel's (a file is mounted over it, as lxcfs does)", err}
	case errors.Is(err, unix.ENOENT):
		return 0, &LastPIDError{path + " cannot be read (subset=pid)", err}
	case errors.As(err, &errno):
		return 0, &LastPIDError{path + " cannot be read (" + errno.Error() + ")", err}
	}
	return 0, &LastPIDError{path + " does not show the last PID: " + err.Error(), err}
}

// LastPIDError is the error of LastPID. Its text is a reason that can be shown to a user.
type LastPIDError struct {
	text string
	err  error
}

func (e *LastPIDError) Error() string { return e.text }

func (e *LastPIDError) Unwrap() error { return e.err }
