// Package escalate is the core that every applet shares: which processes are to end, by which signals, and what became
// of each.
//
// A Plan is data, made before anything is signalled; Run carries it out on a Kernel, asks a Policy and tells an Observer
// what happens. The package knows no system call: kernel.go says what it needs of one, so that hours of escalation can be
// tested against a scripted kernel in milliseconds.
package escalate

import (
	"time"

	"killbox/procfs"
)

// Target is a process that is to end.
type Target struct {
	procfs.Stat
	// Name is the operand as the user wrote it; empty for a process that a selector, a group or a tree implies.
	Name string
	// Last marks an ancestor of killbox: signalled after all others (sender.signalAll), and never stopped
	// (memberAccount.notFrozen), since its own parent may be a shell that watches it.
	Last bool
}

// Skip is a process that a selector, group or tree implies and that is excluded.
type Skip struct {
	procfs.Stat
	Reason string
}

// Tree says that the targets are roots, and what is part of their trees.
type Tree struct {
	// Children excludes the roots themselves.
	Children bool
	// Flat includes no descendants: only the targets, and what the selector and Groups find.
	Flat bool
	// Groups are process groups that have been opened on the kernel, and whose newcomers are roots.
	Groups []int
	// Sessions makes the sessions led by members part of the tree.
	Sessions bool
	// Selector: a selector was given. A process that was started at Since or later and that Policy.Selects is a root
	// as well.
	Selector bool
	Since    uint64
	// Churning: a process that the selector had found vanished before it could be opened.
	Churning bool
}

// Groups says that the targets are members of process groups, and which.
type Groups struct {
	// PGIDs are groups that have been opened on the kernel. Those of the Sessions are among them, and further ones
	// are looked for.
	PGIDs []int
	// Sessions are named by their leaders, with a Start of 0 if the leader has been reaped.
	Sessions []procfs.ID
}

// Plan is all that Run needs to know. What --dry-run prints is this value.
type Plan struct {
	Targets []Target
	Skipped []Skip
	Ladder  Ladder

	// Limit bounds the whole call; 0 is none.
	Limit time.Duration
	// Count returns when that many are gone; 0 means all. Ended is how many were known to be gone beforehand.
	Count, Ended int
	// WaitOnly signals nothing: the ladder is not climbed.
	WaitOnly bool
	// Reaped waits for the reaping as well.
	Reaped bool
	// Status fetches the exit status of each process that is gone, and StatusWait bounds the wait for a parent that
	// has not reaped yet.
	Status     bool
	StatusWait time.Duration

	// Groups, if set, makes the targets members of process groups.
	Groups *Groups
	// Tree, if set, makes the targets the roots of trees.
	Tree *Tree
	// Cgroup makes the targets the members of the cgroup that has been opened on the kernel. It is frozen instead of
	// its members.
	Cgroup bool

	// Freeze stops all members before the first is signalled. If that cannot be prepared, the call continues without
	// it; with FreezeOrFail it fails.
	Freeze, FreezeOrFail bool
	// FreezeOnly freezes and climbs no ladder, until Policy.KeepFrozen is false.
	FreezeOnly bool
	// Guardian starts one before the first SIGSTOP.
	Guardian bool
	// Prove bounds the search for a proof that no process escaped the freeze; ProveAlways asks for it even of a tree
	// in which nothing changed.
	Prove       time.Duration
	ProveAlways bool

	// Hook is run for each survivor before each further step.
	Hook        string
	HookTimeout time.Duration
}
