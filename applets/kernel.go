package applets

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
	signalCatcher
	escalate.Cgroup
	// OpenCgroup pins the cgroup v2 at dir for the calls of escalate.Cgroup.
	OpenCgroup(dir string) error
	// ReleaseMemory reclaims the memory of a process that is dying of a KILL (process_mrelease(2)).
	ReleaseMemory(procfs.ID) error
	// LeaveGroup moves this process into a process group of its own.
	LeaveGroup() error
	killer
	commandKernel
}

// signalCatcher decides what signals to this process do.
type signalCatcher interface {
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

// killer signals by the number that the user gave. A process that is read first, or signalled again, is opened
// instead.
type killer interface {
	// Kill is kill(2).
	Kill(pid int, sig signals.Signal) error
	// KillWithValue is sigqueue(3).
	KillWithValue(pid int, sig signals.Signal, value int32) error
	// SignalWithValue is Signal with a value.
	SignalWithValue(id procfs.ID, sig signals.Signal, value int32) error
}

// commandKernel is what running a command takes of the kernel.
type commandKernel interface {
	child.Launcher
	child.Reaper
	child.Signaller
	child.Terminal
	reaperStarter
	watcher
	// SignalOwnGroup signals the process group that this process leads, and this process by KILL and STOP only.
	SignalOwnGroup(signals.Signal) error
	// DisableCoreDump makes sure that the end of this process leaves no core dump.
	DisableCoreDump() error
	detacher
	// WritePidfile writes a file atomically and keeps it locked. remove unlocks it,
	// and deletes it unless another file has replaced it.
	WritePidfile(path, content string) (remove func(), err error)
}

// reaperStarter makes this process reap its children, and perhaps the adopter of its orphaned descendants.
type reaperStarter interface {
	// StartReaper does both, and turns signals into events. With details, an event tells what /proc shows of a child.
	StartReaper(details bool) error
	// StartReaperFor forwards only some signals (nil: the default set), those in evenIfIgnored even if inherited as
	// ignored. Without orphans, this process does not become a subreaper.
	StartReaperFor(orphans bool, forward, evenIfIgnored []signals.Signal) error
	// Subreaper reports whether this process is a subreaper already.
	Subreaper() bool
}

// watcher makes events of what ends elsewhere.
type watcher interface {
	// WatchInput asks for an event at the end of standard input.
	WatchInput() error
	// WatchParent asks for an event when the parent of this process is gone, which must have that PID; 0 is any.
	WatchParent(pid int) error
	// SetParentDeathSignal makes the kernel send this process sig when its parent exits.
	SetParentDeathSignal(sig signals.Signal) error
}

// detacher starts this program again in the background.
type detacher interface {
	// StartBackground starts it under another name, with one end of a pipe, and returns what it wrote there.
	StartBackground(name string, argv, env []string) (string, error)
	// CloseOnExec keeps the descriptor of that pipe from the children of this process.
	CloseOnExec(fd int)
	// WriterTo returns a writer to an inherited descriptor.
	WriterTo(fd int) (interface{ Write([]byte) (int, error) }, error)
}
