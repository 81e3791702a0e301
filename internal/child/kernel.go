package child

import (
	"time"

	"killbox/internal/escalate"
	"killbox/internal/signals"
	"killbox/procfs"
)

// Launcher starts programs.
type Launcher interface {
	// Launch starts a program. The error is a *LaunchError.
	Launch(*Spec) (pid int, err error)
}

// Reaper reaps children.
type Reaper interface {
	// WaitAndReap reaps children and returns the events, as soon as there is one; none after the timeout.
	WaitAndReap(timeout time.Duration) ([]Event, error)
	// ReapExited reaps the children that have exited, and reports whether no child is left.
	ReapExited() bool
}

// Signaller signals children, which /proc need not show.
type Signaller interface {
	// SignalChild signals a child that has not been reaped, or the process group that it leads.
	SignalChild(pid int, sig signals.Signal, group bool) error
	// SignalAll signals all other processes of the PID namespace whose PID 1 this process is.
	SignalAll(signals.Signal) error
}

// Terminal is job control.
type Terminal interface {
	// Terminal returns the controlling terminal if this process may give its foreground away.
	Terminal() (fd int, ok bool)
	// InForeground reports whether this process is in the foreground of the terminal.
	InForeground(fd int) bool
	// SetForeground puts a process group into the foreground; 0 is that of this process.
	SetForeground(fd, group int) error
	// StopSelf stops this process as SIGTSTP does, and reports whether the kernel did that.
	StopSelf() bool
}

// Kernel is what a Supervisor needs of the system beyond /proc.
type Kernel interface {
	escalate.Kernel
	Launcher
	Reaper
	Signaller
	Terminal
}

// Reporter prints what a Supervisor reports.
type Reporter interface {
	escalate.Observer
	// Reaped reports a process that was reaped.
	Reaped(*Child)
	// Refused reports a process that may not be signalled, and names its user.
	Refused(proc *procfs.FS, res *escalate.Result, err error)
	// ExplainSurvivor reports a process that remains, and why; last is the signal that it was sent last.
	ExplainSurvivor(proc *procfs.FS, res *escalate.Result, last signals.Signal)
	// Note reports what concerns no process.
	Note(string)
	// Close ends the status line.
	Close()
}
