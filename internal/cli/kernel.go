package cli

import (
	"killbox/internal/child"
	"killbox/internal/escalate"
	"killbox/internal/signals"
	"killbox/internal/target"
	"killbox/procfs"
)

// Kernel is what applets need of the system beyond /proc.
type Kernel interface {
	escalate.Kernel
	target.Kernel
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

// SignalCatcher says what the signals do that this process receives.
type SignalCatcher interface {
	// Catch prepares to catch the signals. Until DeferSignals each ends this process at once.
	Catch(...signals.Signal) error
	// DeferSignals: from now on a caught signal no longer ends this process, but a Wait. It fails if the runtime
	// cannot start the threads that this takes; nothing has changed then.
	DeferSignals() error
	// DeferSignalsWhenWaiting is DeferSignals for the time when a Wait takes long.
	DeferSignalsWhenWaiting()
	// IgnoreSignal makes this process ignore the signal.
	IgnoreSignal(signals.Signal)
	// Wake ends a Wait, the next one if none is in progress.
	Wake()
}

// NumberSignaller sends to a PID as it was given, which may have been reused. An applet that looks at a
// process first, or signals it again, opens it and signals by its ID instead.
type NumberSignaller interface {
	// Kill is kill(2).
	Kill(pid int, sig signals.Signal) error
	// KillWithValue is sigqueue(3).
	KillWithValue(pid int, sig signals.Signal, value int32) error
	// SignalWithValue is Signal with a value.
	SignalWithValue(id procfs.ID, sig signals.Signal, value int32) error
}

// CommandKernel is what running a command takes of the kernel.
type CommandKernel interface {
	child.Launcher
	child.Reaper
	child.Signaller
	child.Terminal
	ReaperStarter
	EndWatcher
	// SignalOwnGroup signals the process group that this process leads, and this process by KILL and STOP only.
	SignalOwnGroup(signals.Signal) error
	// DisableCoreDump makes sure that the end of this process leaves no core dump.
	DisableCoreDump() error
	Detacher
	// WritePidfile writes a file atomically and keeps it locked. remove unlocks it,
	// and deletes it unless another file has replaced it.
	WritePidfile(path, content string) (remove func(), err error)
}

// ReaperStarter makes this process reap its children, and perhaps the adopter of its orphaned descendants.
type ReaperStarter interface {
	// StartReaper does both, and turns signals into events. With details, an event tells what /proc shows of a child.
	StartReaper(details bool) error
	// StartReaperFor forwards only some signals (nil: the default set), those in evenIfIgnored even if inherited as
	// ignored. Without orphans, this process does not become a subreaper.
	StartReaperFor(orphans bool, forward, evenIfIgnored []signals.Signal) error
	// Subreaper reports whether this process is a subreaper already.
	Subreaper() bool
}

// EndWatcher makes events of what ends elsewhere.
type EndWatcher interface {
	// WatchInput asks for an event at the end of standard input.
	WatchInput() error
	// WatchParent asks for an event when the parent of this process is gone, which must have that PID; 0 is any.
	WatchParent(pid int) error
	// SetParentDeathSignal makes the kernel send this process sig when its parent exits.
	SetParentDeathSignal(sig signals.Signal) error
}

// Detacher starts this program again in the background.
type Detacher interface {
	// StartBackground starts it under another name, with one end of a pipe, and returns what it wrote there.
	StartBackground(name string, argv, env []string) (string, error)
	// CloseOnExec keeps the descriptor of that pipe from the children of this process.
	CloseOnExec(fd int)
	// WriterTo returns a writer to an inherited descriptor.
	WriterTo(fd int) (interface{ Write([]byte) (int, error) }, error)
}
