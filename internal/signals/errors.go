package signals

import "errors"

// Interrupt is the error of a call that a signal to this process has interrupted.
type Interrupt struct{ Signal Signal }

func (i *Interrupt) Error() string { return "interrupted by " + i.Signal.String() }

// ErrNotReaped: the exit status cannot be read before the parent has reaped the process.
var ErrNotReaped = errors.New("its parent has not reaped it")

// ErrNoStatus: this kernel does not show the exit status of a process that is no child of this process
// (PIDFD_GET_INFO with PIDFD_INFO_EXIT, Linux 6.15).
var ErrNoStatus = errors.New("it is not our child (Linux 6.15 tells of others too, by their pidfds)")
