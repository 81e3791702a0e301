package escalate

import (
	"time"

	"killbox/internal/freeze"
	"killbox/internal/signals"
	"killbox/procfs"
)

// Kernel is what Run needs of the system. A process is identified by its PID and start time (procfs.ID). Only Open
// takes a PID alone.
type Kernel interface {
	Opener
	Waiter
	Scanner
	GroupSignaller
	CgroupControl
	HookRunner
	freeze.Kernel
}

// Opener opens processes: it pins each by a descriptor, so that a later call does not reach a process that has reused
// the PID. If no descriptor is available, a process is known by its PID and start time.
type Opener interface {
	// Open opens the process that has the PID now and returns its state. The error wraps procfs.ErrNoProcess if no
	// process has the PID.
	Open(pid int) (procfs.Stat, error)
	// Close releases an opened process.
	Close(procfs.ID)
	// Exists returns procfs.ErrNoProcess if the opened process has been reaped. With a pidfd it is cheaper than
	// Stat, and returns no other error; without one it returns those of Stat.
	Exists(procfs.ID) error
}

// Waiter waits for the end of opened processes.
type Waiter interface {
	// PrepareWait acquires the descriptors that Wait needs. After an error, waiting is impossible.
	PrepareWait() error
	// Wait waits until an opened process ends, for at most timeout. It returns the processes that have ended since
	// the last call (gone) and those that have been reaped since then (reaped). The error is a *signals.Interrupt
	// if a signal has arrived that is to end this process.
	Wait(timeout time.Duration) (gone, reaped []procfs.ID, err error)
	// Status returns the exit status of a process that is gone. The error signals.ErrNotReaped means that the
	// status is not known before the parent has reaped the process.
	Status(procfs.ID) (signals.Status, error)
}

// Scanner reads the process table.
type Scanner interface {
	Snapshot(*procfs.Snapshot) error
	// ScanNew returns the processes that were forked since the scan began. ok is false if they cannot be told apart.
	// See procfs.FS.ScanNew.
	ScanNew(*procfs.Snapshot) (fresh *procfs.Snapshot, ok bool, err error)
	// Image reads the image of the process that has the PID now. See procfs.FS.Image.
	Image(pid int) (procfs.Image, error)
}

// GroupSignaller signals process groups.
type GroupSignaller interface {
	// OpenGroup opens the process group that has the PGID now. It returns procfs.ErrNoProcess if there is none.
	OpenGroup(pgid int) error
	// GroupLives reports whether the opened group still has a member. A zombie counts: the PGID is not reused
	// before the zombie has been reaped. known are opened processes that were members once: if one is still a
	// member, the PGID has not been reused.
	GroupLives(pgid int, known []procfs.ID) bool
	// SignalGroup signals all members of the opened group atomically. It returns procfs.ErrNoProcess if the group
	// has ended.
	SignalGroup(pgid int, known []procfs.ID, s signals.Signal) error
}

// CgroupControl controls one cgroup v2 and the cgroups below it. The caller has opened it before Run.
type CgroupControl interface {
	// CgroupFrozen reports whether cgroup.freeze is 1: a program has asked for the freeze.
	CgroupFrozen() (bool, error)
	// FreezeCgroup freezes the cgroup and waits until all its processes have stopped, for at most limit. done
	// reports whether they have. The error is a *signals.Interrupt if a signal has arrived that is to end this
	// process.
	FreezeCgroup(limit time.Duration) (done bool, err error)
	// ThawCgroup resumes the cgroup. With below it also resumes the cgroups below it that were frozen on their own.
	ThawCgroup(below bool) error
	// KillCgroup kills all processes atomically with cgroup.kill. It fails before Linux 5.14.
	KillCgroup() error
	// CgroupMembers returns the PIDs of the processes. outside is the number of processes that have no PID in this
	// PID namespace.
	CgroupMembers() (pids []int, outside int, err error)
	// CgroupEmpty waits until no process lives in the cgroup, for at most limit, and reports whether that is so.
	CgroupEmpty(limit time.Duration) (bool, error)
}

// HookRunner runs hooks.
type HookRunner interface {
	// Hooks runs the command by sh -c, once for each element of envs. The element is added to the environment. Each
	// run may take up to limit. The errors are in the order of envs.
	Hooks(command string, envs [][]string, limit time.Duration) []error
}
