package cli

import (
	"killbox/internal/child"
	"killbox/internal/escalate"
	"killbox/internal/signals"
	"killbox/internal/target"
	"killbox/procfs"
)

// Kernel is the interface to the operating system, except for /proc, that applets need.
type Kernel interface {
	escalate.Kernel
	target.Kernel
	target.Identifier
	SignalCatcher
	NumberSignaller
	CommandKernel
	// OpenCgroup pins the cgroup v2 at dir for the calls of escalate.CgroupControl.
	OpenCgroup(dir string) error
	// ReleaseMemory reclaims the memory of a process that is dying of a KILL (process_mrelease(2)).
	ReleaseMemory(procfs.ID) error
	// LeaveGroup moves this process into a process group of its own.
	LeaveGroup() error
}

// SignalCatcher controls what a signal does that this process receives.
type SignalCatcher interface {
	// Catch chooses the signals to catch. Before DeferSignals, such a signal ends this process at once.
	Catch(...signals.Signal) error
	// DeferSignals: from now on a caught signal no longer ends this process; it makes Wait return a *signals.Interrupt.
	// If the Go runtime cannot start the threads for this, DeferSignals fails and changes nothing.
	DeferSignals() error
	// DeferSignalsWhenWaiting calls DeferSignals when a Wait takes long. A short call need not start the threads.
	DeferSignalsWhenWaiting()
	// IgnoreSignal makes this process ignore the signal.
	IgnoreSignal(signals.Signal)
	// Wake makes Wait return early: the Wait in progress, or else the next one.
	Wake()
}

// NumberSignaller signals a PID exactly as given, like kill(1). The PID may have been reused. An applet that selects a
// process by its properties, or signals it more than once, opens the process and signals its procfs.ID instead.
type NumberSignaller interface {
	// Kill is kill(2).
	Kill(pid int, sig signals.Signal) error
	// KillWithValue is sigqueue(3).
	KillWithValue(pid int, sig signals.Signal, value int32) error
	// SignalWithValue signals an opened process, with a value (sigqueue(3)).
	SignalWithValue(id procfs.ID, sig signals.Signal, value int32) error
}

// CommandKernel is the part of Kernel that applets need to run a command: reapwait, timeout and tini.
type CommandKernel interface {
	child.Launcher
	child.Reaper
	child.Signaller
	child.Terminal
	ReaperStarter
	EndWatcher
	// SignalOwnGroup signals the process group that this process leads. This process ignores the signal, unless it is
	// KILL or STOP, which cannot be ignored, or CHLD.
	SignalOwnGroup(signals.Signal) error
	// DisableCoreDump makes sure that this process leaves no core dump when it dies.
	DisableCoreDump() error
	Detacher
	PidfileKeeper
	child.Pair
	child.HalfWatcher
	InnerHalf
}

// PidfileKeeper writes pidfiles.
type PidfileKeeper interface {
	// WritePidfile writes a file atomically and keeps it locked (flock(2)) by the descriptor fd. remove unlocks the
	// file, and deletes it unless another file has replaced it.
	WritePidfile(path, content string) (fd int, remove func(), err error)
	// InheritPidfile is for the inner half of a pair, which has inherited the lock. remove is that of WritePidfile.
	InheritPidfile(path string) (remove func(), err error)
}

// InnerHalf is the part of Kernel for the inner half of a pair.
type InnerHalf interface {
	// IsInner reports whether this process is the inner half.
	IsInner() bool
	// StartInnerReaper is StartReaper for the inner half, which ignores the signals that it receives itself. Signals
	// that the outer half forwards become events. StartInnerReaper waits until the outer half lets the command start.
	StartInnerReaper(details bool) error
}

// ReaperStarter prepares this process to reap children with WaitAndReap.
type ReaperStarter interface {
	// StartReaper makes this process a subreaper, the adopter of its orphaned descendants. From then on WaitAndReap
	// returns the signals that this process receives as events. With details, the event of a child includes what /proc
	// shows of it.
	StartReaper(details bool) error
	// StartReaperFor is StartReaper for a chosen set of signals, forward (nil: the default set). Signals in
	// evenIfIgnored become events even if this process inherited them as ignored. Without orphans, this process does
	// not become a subreaper.
	StartReaperFor(orphans bool, forward, evenIfIgnored []signals.Signal) error
	// DropTerminalSignals makes this process ignore INT and QUIT from the terminal, which sends them to the command as
	// well. Those that a process sends are still events.
	DropTerminalSignals()
	// Subreaper reports whether this process is a subreaper already.
	Subreaper() bool
	// ForbidNewPrivileges makes sure that no program that this goroutine starts from now on, and none that such a
	// program starts, gains privileges by execve(2).
	ForbidNewPrivileges() error
}

// EndWatcher watches standard input and the parent of this process.
type EndWatcher interface {
	// WatchInput makes WaitAndReap return a child.Hangup event when the other end of standard input is closed.
	// closed reports that it is closed already.
	WatchInput() (closed bool, err error)
	// WatchParent makes WaitAndReap return a child.Orphaned event when the parent of this process is gone. It fails if
	// the PID of the parent is not pid (0 stands for any PID), or if the parent is outside of this PID namespace.
	WatchParent(pid int) error
	// SetParentDeathSignal makes the kernel send this process sig when its parent exits.
	SetParentDeathSignal(sig signals.Signal) error
}

// Detacher starts this program again in the background.
type Detacher interface {
	// StartBackground starts this program in a new session, with argv but another argv[0]: name and the number of a
	// pipe's descriptor. It returns the line that the started process writes to the pipe.
	StartBackground(name string, argv, env []string) (string, error)
	// SetProcessName sets the name of this process (comm).
	SetProcessName(name string)
	// CloseOnExec marks a descriptor, so that children of this process do not inherit it.
	CloseOnExec(fd int)
	// WriterTo returns a writer to a descriptor that this process inherited.
	WriterTo(fd int) (interface{ Write([]byte) (int, error) }, error)
	// OpenLog opens a file for appending and makes it the standard output of this process.
	OpenLog(path string) error
	// RedirectErrors makes standard error a duplicate of standard output, until undo is called. keep makes that
	// permanent. The caller calls one of the two.
	RedirectErrors() (undo, keep func(), err error)
}
