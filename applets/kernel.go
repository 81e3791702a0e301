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
	target.Opener
	// Catch takes signals from the runtime: each ends the process as it would
	// have anyway, but after Hold a Wait instead. Hold fails if the runtime cannot start the
	// threads that this takes; nothing has changed then.
	Catch(...signals.Signal) error
	Hold() error
	// HoldWhenWaiting is Hold, but not before a Wait takes its time.
	HoldWhenWaiting()
	// Ignore makes this process ignore the signal.
	Ignore(signals.Signal)
	// Wake ends a Wait, the next one if there is none now.
	Wake()

	// OpenCgroup pins the cgroup v2 at dir for the calls of escalate.CgroupControl.
	OpenCgroup(dir string) error
	// Release reclaims the memory of a process that is being killed.
	Release(procfs.ID) error
	// LeaveGroup moves this process into a process group of its own.
	LeaveGroup() error
	poster
	keeper
}

// poster sends to a number as it was given. Who looks at a process first, or
// comes back to it, opens it and signals through that.
type poster interface {
	// Kill is kill(2).
	Kill(pid int, sig signals.Signal) error
	// KillQueue is sigqueue(3).
	KillQueue(pid int, sig signals.Signal, value int32) error
	// Queue is Signal with a value.
	Queue(id procfs.ID, sig signals.Signal, value int32) error
}

// keeper is what running a command takes of the kernel.
type keeper interface {
	child.Launcher
	child.Reaper
	child.Signaller
	child.Terminal
	adopter
	watcher
	// OwnGroup signals the process group that this process leads, and this process by KILL and STOP only.
	OwnGroup(signals.Signal) error
	// NoCore makes sure that the end of this process leaves no core dump.
	NoCore() error
	detacher
	// WritePidfile writes a file atomically and keeps it locked. remove unlocks it,
	// and deletes it unless another file has replaced it.
	WritePidfile(path, content string) (remove func(), err error)
}

// adopter makes this process the adopter of its orphaned descendants.
type adopter interface {
	// Adopt does that, and turns signals into events. With details, an event tells what /proc knows of a child.
	Adopt(details bool) error
	// Tend is Adopt for some signals only (nil: the same), those in heed even if this process inherited them as
	// ignored. Without orphans this process becomes no adopter.
	Tend(orphans bool, relay, heed []signals.Signal) error
	// Subreaper reports whether this process is an adopter already.
	Subreaper() bool
}

// watcher makes events of what ends elsewhere.
type watcher interface {
	// WatchInput asks for an event at the end of standard input.
	WatchInput() error
	// WatchParent asks for an event when the parent of this process is gone, which must have that PID; 0 is any.
	WatchParent(pid int) error
	// DieWithParent has the kernel send this process sig when its parent is gone.
	DieWithParent(sig signals.Signal) error
}

// detacher starts this program again in the background.
type detacher interface {
	// Background starts it under another name, with one end of a pipe, and returns what it wrote there.
	Background(name string, argv, env []string) (string, error)
	// Inherited takes the descriptor of that pipe.
	Inherited(fd int)
	// WriteTo returns a writer to a descriptor.
	WriteTo(fd int) (interface{ Write([]byte) (int, error) }, error)
}
