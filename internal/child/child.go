// Package family holds the types in which applets and the kernel speak of
// children: what is started, and what becomes of it.
package child

import (
	"time"

	"killbox/internal/show"
	"killbox/internal/signals"
	"killbox/procfs"
)

// Launch is a program to start. It gets exactly what this program was given:
// signal mask and dispositions, descriptors and limits.
type Launch struct {
	Argv, Env []string
	// Path, if set, is the executable; otherwise Argv[0] is looked for.
	Path string
	// Group and Session put it into one of its own.
	Group, Session bool
	// Terminal is a descriptor of the terminal that its group is to have the
	// foreground of, Null a descriptor that takes the place of standard input
	// and output, and Keep one that is inherited though it is marked to be
	// closed. -1 is none.
	Terminal, Null, Keep int
	// Default are signals that it does not get ignored, and Unblock such that
	// it does not get blocked, though this program did.
	Default, Unblock []signals.Signal
	// Death, if set, is sent to it when this program is gone.
	Death signals.Signal
}

// NewLaunch returns a launch without any descriptors.
func NewLaunch(argv, env []string) *Launch {
	return &Launch{Argv: argv, Env: env, Terminal: -1, Null: -1, Keep: -1}
}

// The exit statuses of who runs a command, as for env(1) and timeout(1).
const (
	Failed       = 125
	CannotExec   = 126
	NotFound     = 127
	TimeLimit    = 124
	SignalOffset = 128
)

// LaunchError says why a program was not started, in an exit status too.
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

// Event is something that happened.
type Event struct {
	Kind   Kind
	Signal signals.Signal
	Child  Child
}

// Child is a process that was reaped, or was stopped.
type Child struct {
	// Stat is only the number where nobody asked for reports, or nobody knows.
	procfs.Stat
	Status signals.Status
	// Run is how long it ran, if Start is known; CPU and Peak, the largest
	// resident size in bytes, include those of its own children that it reaped.
	Run, CPU time.Duration
	Peak     uint64
}
