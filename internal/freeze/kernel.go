package freeze

import (
	"time"

	"killbox/internal/signals"
	"killbox/procfs"
)

// Kernel is what freezing needs of the system. Processes are named by identity and have been opened by the caller.
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
	// Signal sends to that process and to no other one. It returns procfs.ErrNoProcess if the process has been
	// reaped.
	Signal(procfs.ID, signals.Signal) error
}

// Inspector reads the state of a process.
type Inspector interface {
	// Stat reads an opened process again. It returns procfs.ErrNoProcess if the process has been reaped.
	Stat(procfs.ID) (procfs.Stat, error)
	// Blocks reports whether the process has the signal blocked now, and whether it has all signals blocked, as
	// during fork(2).
	Blocks(procfs.ID, signals.Signal) (blocked, all bool)
	// Vforks reports whether the process, which is in uninterruptible sleep, waits for the child of a vfork. It is
	// false if that is not known.
	Vforks(procfs.ID) bool
	// Halted reports whether no thread of the process runs, or will run before the process is resumed. A thread
	// that waits for the child of a vfork will not run.
	Halted(procfs.ID) bool
}

// Preparer makes the system ready for a freeze.
type Preparer interface {
	// PrepareFreeze acquires what resuming processes takes, descriptors and threads, before the first process is
	// stopped. It also defers the signals that would end this process. After an error nothing may be frozen.
	PrepareFreeze() error
	// Boost asks for a real-time priority or a better nice value until the returned function is called.
	Boost() (end func())
}

// Guardian is the process that resumes everything on its list if this process is killed.
type Guardian interface {
	// StartGuardian returns the PID of the guardian.
	StartGuardian() (pid int, err error)
	// GuardianAdd puts processes that are about to be stopped on the list.
	GuardianAdd([]procfs.ID) error
	// GuardianAddCgroup puts the cgroup, which is about to be frozen, on the list.
	GuardianAddCgroup() error
	// GuardianClear empties the list: everything on it has been resumed.
	GuardianClear() error
	// StopGuardian ends the guardian. If it still answers, it first resumes what is on its list.
	StopGuardian()
}

// Pacer lets time pass.
type Pacer interface {
	// Pause gives up the processor for about that long.
	Pause(time.Duration)
	// Interrupted returns a *signals.Interrupt if a signal that ends this process has arrived.
	Interrupted() error
}

// SiblingReader reads what the proof has to know before the first scan.
type SiblingReader interface {
	// AncestorsChildren returns the children of all ancestors of the processes with these parents, or nil if they
	// cannot be read.
	AncestorsChildren(parents []int) map[int]bool
	// Stat is that of Inspector.
	Stat(procfs.ID) (procfs.Stat, error)
}
