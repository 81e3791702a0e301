package signals

import "errors"

// Interrupt is the error of a call that was interrupted by a signal to this process.
type Interrupt struct{ Signal Signal }

func (i *Interrupt) Error() string { return "interrupted by " + i.Signal.String() }

// ErrNotReaped means that the process is a zombie whose exit status this process may not read (field 52 of
// /proc/PID/stat, see proc(5)). When the parent has reaped the zombie, the pidfd of the zombie shows the exit status
// (Linux 6.15).
var ErrNotReaped = errors.New("its parent has not reaped it")

// ErrNoStatus means that the exit status of the process cannot be read. The kernel shows the status of a reaped process
// that was no child of this process only by its pidfd (PIDFD_GET_INFO with PIDFD_INFO_EXIT, Linux 6.15).
var ErrNoStatus = errors.New("it was not a child of this process, and no pidfd shows its exit status (Linux 6.15)")
