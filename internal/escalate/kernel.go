package escalate

import (
	"time"

	"killbox/internal/freeze"
	"killbox/internal/signals"
	"killbox/procfs"
)

// Kernel is what Run needs of the system. Processes are named by identity; a bare PID is only ever given to Open.
type Kernel interface {
	Opener
	Waiter
	Scanner
	GroupSignaller
	CgroupControl
	HookRunner
	freeze.Kernel
}

// Opener pins processes.
type Opener interface {
	// Open pins the process that has the PID and returns what it is. The error wraps procfs.ErrNoProcess if there is
	// none.
	Open(pid int) (procfs.Stat, error)
	// Close forgets a process that Open returned.
	Close(procfs.ID)
	// Exists is a cheaper Stat, for the error alone: procfs.ErrNoProcess if the process has been reaped.
	Exists(procfs.ID) error
}

// Waiter waits for the end of opened processes.
type Waiter interface {
	// PrepareWait acquires what Wait takes, and fails if waiting is impossible.
	PrepareWait() error
	// Wait returns the opened processes that have ended since the last call, as soon as there is one; none if the
	// timeout is over. Those in reaped have ended before or now, and their parents have waited for them. The error is
	// a *signals.Interrupt if killbox itself is to end.
	Wait(timeout time.Duration) (gone, reaped []procfs.ID, err error)
	// Status returns how a process that is gone ended. signals.ErrNotReaped asks for another try after its parent has
	// waited for it.
	Status(procfs.ID) (signals.Status, error)
}

// Scanner reads the process table.
type Scanner interface {
	Snapshot(*procfs.Snapshot) error
}

// GroupSignaller signals process groups.
type GroupSignaller interface {
	// OpenGroup pins the group that has the PGID. It returns procfs.ErrNoProcess if there is none.
	OpenGroup(pgid int) error
	// GroupLives reports whether that group still has a member, be it a zombie, so that the PGID still means it.
	// known are members seen in it.
	GroupLives(pgid int, known []procfs.ID) bool
	// SignalGroup signals all its members atomically. It returns procfs.ErrNoProcess if the group has ended.
	SignalGroup(pgid int, known []procfs.ID, s signals.Signal) error
}

// CgroupControl controls a subtree of cgroup v2, opened beforehand.
type CgroupControl interface {
	// CgroupFrozen reports whether the freeze has been asked for already.
	CgroupFrozen() (bool, error)
	// FreezeCgroup returns when all processes have stopped; done is false if limit was over first. The error is a
	// *signals.Interrupt if killbox itself is to end.
	FreezeCgroup(limit time.Duration) (done bool, err error)
	// ThawCgroup resumes the cgroup and, with below, the cgroups in it that have been frozen by themselves.
	ThawCgroup(below bool) error
	// KillCgroup kills all processes atomically (Linux 5.14).
	KillCgroup() error
	// CgroupMembers lists the processes of the subtree. Outside counts those that have no PID here.
	CgroupMembers() (pids []int, outside int, err error)
	// CgroupEmpty waits until no process lives in the subtree, for at most limit.
	CgroupEmpty(limit time.Duration) (bool, error)
}

// HookRunner runs hooks.
type HookRunner interface {
	// Hooks runs command by sh -c once for each of envs, which is added to the environment, each for at most limit.
	// The errors are in the order of envs.
	Hooks(command string, envs [][]string, limit time.Duration) []error
}
