// Package child holds the types of started processes and of what becomes of them, which the kernel and the applets
// share, and the Supervisor that reapwait, timeout and tini share.
package child

import (
	"time"

	"killbox/internal/show"
	"killbox/internal/signals"
	"killbox/procfs"
)

// Spec is a program to start. It gets what this program inherited: signal mask and dispositions, descriptors and limits.
type Spec struct {
	Argv, Env []string
	// Path, if set, is the executable; otherwise PATH is searched for Argv[0].
	Path string
	// Group and Session make the program the leader of a process group or session of its own.
	Group, Session bool
	// TerminalFD is a descriptor of the terminal whose foreground the process group of the program gets, NullFD a
	// descriptor that replaces standard input and output, and InheritFD one that the program inherits although it is
	// marked to be closed on exec. -1 is none.
	TerminalFD, NullFD, InheritFD int
	// ResetIgnored are signals that the program does not inherit as ignored, and Unblock signals that it does not
	// inherit as blocked.
	ResetIgnored, Unblock []signals.Signal
	// DeathSignal, if not 0, is sent to the program when this process ends (PR_SET_PDEATHSIG in prctl(2)).
	DeathSignal signals.Signal
}

// NewSpec returns a Spec without descriptors.
func NewSpec(argv, env []string) *Spec {
	return &Spec{Argv: argv, Env: env, TerminalFD: -1, NullFD: -1, InheritFD: -1}
}

// The exit statuses of a program that runs a command, as for env(1) and timeout(1).
const (
	Failed       = 125
	CannotExec   = 126
	NotFound     = 127
	TimeLimit    = 124
	SignalOffset = 128
)

// LaunchError says why a program was not started. Code is the exit status for that.
type LaunchError struct {
	Code int
	Name string
	Err  error
}

func (e *LaunchError) Error() string { return show.Word(e.Name) + ": " + e.Err.Error() }

func (e *LaunchError) Unwrap() error { return e.Err }

// SubreaperError says why this process cannot be made the adopter of its orphaned descendants
// (PR_SET_CHILD_SUBREAPER, Linux 3.4), as in a sandbox that refuses the call.
type SubreaperError struct{ Err error }

func (e *SubreaperError) Error() string {
	return "cannot become the reaper of orphans: prctl: " + e.Err.Error()
}

func (e *SubreaperError) Unwrap() error { return e.Err }

// Kind of an Event.
type Kind int

// The kinds.
const (
	Ended    Kind = iota // a child was reaped
	Stopped              // a child was stopped by Signal
	Signal               // this process was sent Signal
	Hangup               // the other end of standard input is closed
	Orphaned             // the parent of this process is gone
)

// Event is what WaitAndReap returns.
type Event struct {
	Kind   Kind
	Signal signals.Signal
	Child  Child
}

// Child is a process that was reaped, or was stopped.
type Child struct {
	// Stat has only the PID if no details were asked for, or if they cannot be read.
	procfs.Stat
	Status signals.Status
	// Run is how long it ran, if Start is known; CPU and Peak, the largest
	// resident size in bytes, include those of its own children that it reaped.
	Run, CPU time.Duration
	Peak     uint64
}
