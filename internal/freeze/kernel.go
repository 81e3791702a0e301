package freeze

import (
	"time"

	"killbox/internal/signals"
	"killbox/procfs"
)

// Kernel is what freezing needs of the system. A process is identified by its PID and start time (procfs.ID), and the
// caller has opened it: a descriptor pins the process where one is available.
type Kernel interface {
	Signaller
	Inspector
	Preparer
	Guardian
	Pacer
	SiblingReader
}

// Signaller signals processes.
type Signaller interface {
	// Signal signals the process that was opened, and not one that has reused its PID. Without a descriptor there is a
	// race (signalUnpinned in package kernel). It returns procfs.ErrNoProcess if the process has been reaped.
	Signal(procfs.ID, signals.Signal) error
}

// Inspector reads the state of a process.
type Inspector interface {
	// Stat reads the stat file of an opened process again. It returns procfs.ErrNoProcess if the process has been
	// reaped.
	Stat(procfs.ID) (procfs.Stat, error)
	// Blocks reports whether the process blocks the signal now, and whether it blocks all signals, as the C library
	// does during fork(2).
	Blocks(procfs.ID, signals.Signal) (blocked, all bool)
	// Vforks reports whether a process or thread in uninterruptible sleep waits for the child of its vfork(2). It
	// returns false if /proc does not tell.
	Vforks(procfs.ID) bool
	// Halted reports whether every thread of the process has stopped, has exited, or waits for the child of its
	// vfork(2).
	Halted(procfs.ID) bool
}

// Preparer acquires what a freeze needs.
type Preparer interface {
	// PrepareFreeze acquires the descriptors and threads that resuming needs, before the first process is stopped.
	// It also defers caught signals: from now on they no longer end this process, and Pacer.Interrupted reports
	// them. After an error the caller must not stop any process.
	PrepareFreeze() error
	// Boost asks for real-time priority, or else for a better nice value. The returned function gives it up.
	Boost() (end func())
}

// Guardian controls the guardian: a second process that resumes the processes and the cgroup on its list if this
// process is killed.
type Guardian interface {
	// StartGuardian starts the guardian and returns its PID.
	StartGuardian() (pid int, err error)
	// GuardianAdd adds processes to the list. It is called before they are stopped.
	GuardianAdd([]procfs.ID) error
	// GuardianAddCgroup adds the cgroup to the list. It is called before the cgroup is frozen.
	GuardianAddCgroup() error
	// GuardianClear empties the list, because everything on it has been resumed or has ended.
	GuardianClear() error
	// StopGuardian ends the guardian. A guardian that still answers first resumes everything on its list.
	StopGuardian()
}

// Pacer pauses this process, and reports the signals that arrive meanwhile.
type Pacer interface {
	// Pause gives up the processor for about the given time.
	Pause(time.Duration)
	// Interrupted returns a *signals.Interrupt if a signal has arrived that is to end this process, otherwise nil.
	Interrupted() error
}

// SiblingReader reads what the proof needs before the first scan.
type SiblingReader interface {
	// AncestorsChildren takes the PIDs of parents. It returns the PIDs of all children of these parents and of
	// their ancestors, or nil if /proc does not tell.
	AncestorsChildren(parents []int) map[int]bool
	// Stat is the method of Inspector.
	Stat(procfs.ID) (procfs.Stat, error)
}
