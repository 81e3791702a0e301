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
	// ReserveThreads makes the Go runtime start its threads now, if a limit of processes is low. The program may use
	// up the limit, and the runtime ends this process with a trace if it cannot start a thread. Without room for the
	// threads ReserveThreads does nothing.
	ReserveThreads()
}

// Reaper reaps children.
type Reaper interface {
	// WaitAndReap waits until there is an event, reaps children that have exited, and returns the events. Children that
	// remain zombies are reaped by the next call. After the timeout WaitAndReap returns no event. It may store the
	// events in the memory of into, and so overwrite those of an earlier call.
	WaitAndReap(timeout time.Duration, into []Event) ([]Event, error)
	// ReapExited reaps the children that have exited, without waiting. It reports whether no child remains.
	ReapExited() bool
}

// Signaller signals without /proc.
type Signaller interface {
	// SignalChild signals a child. With group, it signals the process group that the child leads, or led before it was
	// reaped. Without group, the error is procfs.ErrNoProcess if the child has been reaped.
	SignalChild(pid int, sig signals.Signal, group bool) error
	// SignalAll signals all other processes of the PID namespace, atomically. This process must be its PID 1.
	SignalAll(signals.Signal) error
	// Children returns the PIDs of the children that are alive in one block of all PIDs; block is less than ChildBlocks.
	Children(block int) ([]int, error)
	// SignalFound signals a child that Children has returned, and that has not been reaped since.
	SignalFound(pid int, sig signals.Signal) error
}

// ChildBlocks is the number of blocks into which Children divides all PIDs.
const ChildBlocks = 64

// Terminal controls the terminal and the stops of this process.
type Terminal interface {
	// Terminal returns the terminal if standard input and output are both that terminal and this process is in its
	// foreground. Otherwise other processes may need the foreground, and ok is false.
	Terminal() (fd int, ok bool)
	// InForeground reports whether this process is in the foreground of the terminal.
	InForeground(fd int) bool
	// SetForeground makes a process group the foreground group of the terminal; 0 means the group of this process,
	// unless an ancestor is in the foreground.
	SetForeground(fd, group int) error
	// StopSelf stops this process as SIGTSTP does, and returns when this process has been resumed. With group, the
	// other members of its process group are sent SIGTSTP, too. A pending SIGTSTP is discarded. StopSelf reports
	// whether this process was stopped and resumed. If SIGCONT arrives before the stop, it does not stop, and returns
	// true. PID 1 and a process in an orphaned process group are not stopped.
	StopSelf(group bool) bool
}

// Kernel is the interface to the operating system, except for /proc, that a Supervisor needs.
type Kernel interface {
	escalate.Kernel
	Launcher
	Reaper
	Signaller
	Terminal
	HalfWatcher
}

// HalfWatcher notices the end of the other half of a pair.
type HalfWatcher interface {
	// IgnoreLostHalf ends the interruption of the ladder: from now on Interrupted returns no error because the other
	// half is gone.
	IgnoreLostHalf()
}

// Reporter prints what a Supervisor reports.
type Reporter interface {
	escalate.Observer
	// Reaped reports that a child was reaped.
	Reaped(*Child)
	// Refused reports that the kernel did not permit to signal a process, and names the user of the process.
	Refused(proc *procfs.FS, res *escalate.Result, err error)
	// ExplainSurvivor reports a process that remains, and why. last is the last signal that was sent to the process.
	ExplainSurvivor(proc *procfs.FS, res *escalate.Result, last signals.Signal)
	// Note prints a message that concerns no single process.
	Note(string)
	// Close ends the status line.
	Close()
	LeakReporter
	LimitReporter
	ForwardReporter
}
