package signals

import "errors"

// Interrupt is the error of a call that a signal to killbox itself cut short.
type Interrupt struct{ Signal Signal }

func (i *Interrupt) Error() string { return "interrupted by " + i.Signal.String() }

// ErrNotReaped: an exit status is not to be had before the parent waits.
var ErrNotReaped = errors.New("its parent has not reaped it")

// ErrNoStatus: this kernel does not tell the exit status of a process that is
// not our child (PIDFD_GET_INFO with PIDFD_INFO_EXIT, Linux 6.15).
var ErrNoStatus = errors.New("it is not our child (Linux 6.15 tells of others too, by their pidfds)")
