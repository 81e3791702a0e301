// Package escalate is the core that every applet shares: it signals processes, step by step, until they are gone, and
// returns the outcome of each.
//
// A Plan is data, made before the first signal is sent. Run carries it out on a Kernel, asks a Policy, and reports
// events to an Observer. The package makes no system call itself. The interfaces in kernel.go declare what it needs, so
// a scripted kernel can test hours of escalation in milliseconds.
//
// Terms, besides those of killbox(7): this process is the process that runs the applet. An opened process is pinned by
// Opener.Open. A member is a process of the tree, group or cgroup that is being ended. A root is a process whose
// descendants are members. A newcomer is a member without a result. A sweep is the series of scans that looks for
// newcomers when all known targets are gone. A doubt is the reason why a process may have escaped.
package escalate

import (
	"time"

	"killbox/procfs"
)

// Target is a process to be ended.
type Target struct {
	procfs.Stat
	// Name is the operand as the user wrote it; empty for a process that a selector, a group or a tree implies.
	Name string
	// Last marks an ancestor of this process. It is signalled after all other targets (sender.signalAll). It is
	// never stopped (memberAccount.notFrozen), because its parent may be a shell that would notice the stop.
	Last bool
	// Master: a plan with Mixed sends the target the signal of the first step. Any other target and all members are
	// signalled from the second step on.
	Master bool
}

// Skip is an excluded process: a selector, group or tree implies it, but it is not signalled.
type Skip struct {
	procfs.Stat
	Reason string
}

// Tree says that the targets are roots of trees, and which processes are members.
type Tree struct {
	// Children: end the descendants of the roots, but not the roots themselves.
	Children bool
	// Flat: end no descendants, only the targets and the processes that the selector and Groups find later.
	Flat bool
	// Groups are the PGIDs of opened process groups. A process that joins one of them becomes a root.
	Groups []int
	// Sessions: orphans in a session that a member leads or has led are members, too.
	Sessions bool
	// Images: orphans that have the image of a member are members, too, if they were forked or orphaned since the
	// call began, at Began or later. OlderOrphans: those that were orphans before as well.
	Images, OlderOrphans bool
	Began                uint64 // in clock ticks after boot; 0 if it is not known
	// Selector: a selector was given. A process that was started at Since or later and that matches it
	// (Policy.Selects) becomes a root.
	Selector bool
	Since    uint64 // in clock ticks after boot
	// Churning: a process that matched the selector vanished before it could be opened.
	Churning bool
}

// Groups says that the targets are the members of process groups and sessions.
type Groups struct {
	// PGIDs are opened process groups, including those of the Sessions. Groups that a session gains later are
	// targets, too.
	PGIDs []int
	// Sessions are the IDs of the session leaders. Start is 0 if the leader has been reaped.
	Sessions []procfs.ID
}

// Plan says what Run is to do. The option --dry-run prints a plan.
type Plan struct {
	Targets []Target
	Skipped []Skip
	Ladder  Ladder
	// StepsDone is the number of steps of the ladder that were carried out before the call, which begins with the next
	// one. Began is the time of the first signal then, from which the times for the observer count; zero means the
	// start of the call.
	StepsDone int
	Began     time.Time

	// Mixed: the first step is for the masters (Target.Master) alone. They are not stopped before, and their trees or
	// groups are scanned while it waits for them. What remains is signalled from the second step on.
	Mixed bool
	// Limit is the longest time that the whole call may take; 0 means no limit.
	Limit time.Duration
	// Count ends the call when this number of targets is gone; 0 means all. Ended is the number of targets that
	// were gone before the plan was made; they count, too.
	Count, Ended int
	// WaitOnly sends no signal: the call only waits for the targets.
	WaitOnly bool
	// Reaped: wait until the targets have been reaped as well.
	Reaped bool
	// Status: fetch the exit status of each target that is gone. StatusWait is how long to wait for parents that
	// have not reaped such a target.
	Status     bool
	StatusWait time.Duration

	// Groups, if not nil: the targets are the members of process groups.
	Groups *Groups
	// Tree, if not nil: the targets are the roots of trees.
	Tree *Tree
	// Cgroup: the targets are the members of the opened cgroup. The kernel freezes the cgroup as a whole.
	Cgroup bool

	// Freeze: stop all members before the first is signalled. If that cannot be prepared, the call continues
	// without freezing; with FreezeOrFail it fails.
	Freeze, FreezeOrFail bool
	// FreezeOnly: freeze the targets until Policy.KeepFrozen returns false, and send no signal of the ladder.
	FreezeOnly bool
	// Guardian: start the guardian before the first SIGSTOP.
	Guardian bool
	// Prove is the longest time for the proof that no process escaped the freeze. ProveAlways accepts only a
	// complete scan as the proof (no PID was allocated during it), even if the tree was stable.
	Prove       time.Duration
	ProveAlways bool

	// Hook is the command that runs for each remaining target before each step but the first.
	Hook        string
	HookTimeout time.Duration
}
