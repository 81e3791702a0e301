// Package escalate is the core that every applet shares: who is to end, by
// which signals, and what became of each.
//
// A Plan is a value, made before anything is signalled; Run carries it out on
// a Kernel and tells an Observer what happens. The package knows no system
// call: the interfaces below are all that it needs of one, so that hours of
// escalation can be tested against a scripted kernel in milliseconds.
package escalate

import (
	"time"

	"killbox/internal/signals"
	"killbox/procfs"
)

// Kernel is what Run needs of the system. Processes are named by identity;
// a number alone is only ever given to Open.
type Kernel interface {
	GroupKernel
	// Open pins the process that has the number pid and returns what it is.
	// The error wraps procfs.ErrNoProcess when there is none.
	Open(pid int) (procfs.Stat, error)
	// Close forgets a process that Open returned.
	Close(procfs.ID)
	// Stat reads an opened process again; procfs.ErrNoProcess when reaped.
	Stat(procfs.ID) (procfs.Stat, error)
	// Exists is a cheaper Stat, for the error alone: procfs.ErrNoProcess when the
	// process has been reaped.
	Exists(procfs.ID) error
	// Signal sends to that process and to no other; procfs.ErrNoProcess when
	// it has been reaped.
	Signal(procfs.ID, signals.Signal) error
	// Blocks tells whether the process has the signal blocked now, and
	// whether all signals, as around a fork.
	Blocks(procfs.ID, signals.Signal) (blocked, all bool)
	// Vforks tells whether the process, which is in uninterruptible sleep,
	// waits for the child of a vfork; false where that is not known.
	Vforks(procfs.ID) bool
	// Halted tells whether none of the process's threads runs, or will before
	// it is let go on. (Those that wait for the child of a vfork will not.)
	Halted(procfs.ID) bool
	// Wait returns the opened processes that went since the last call, as
	// soon as there is one; none when the timeout is over. Those in reaped
	// were gone before or are now, and their parents have waited for them.
	// The error is a *signals.Interrupt when killbox itself is to end.
	Wait(timeout time.Duration) (gone, reaped []procfs.ID, err error)
	// Status tells how a process that is gone ended. signals.ErrNotReaped
	// asks for another try after its parent has waited for it.
	Status(procfs.ID) (signals.Status, error)
	// Snapshot reads the process table.
	Snapshot(*procfs.Snapshot) error
	// Interrupted returns a *signals.Interrupt if one has arrived.
	Interrupted() error
	// PrepareWait acquires what Wait takes, and fails where waiting is impossible.
	PrepareWait() error
	// AncestorsChildren returns the children of all ancestors of the processes
	// with these parents, or nil if they cannot be read.
	AncestorsChildren(parents []int) map[int]bool
	// PrepareFreeze acquires what resuming processes takes, before the first is
	// stopped: descriptors and threads. It also defers the signals that would end
	// this process. After an error nothing may be frozen.
	PrepareFreeze() error
	// StartGuardian starts the process that thaws everything should we be killed,
	// and returns its number. Tell names processes that are about to be
	// stopped, Clear says that they have all been thawed, Unguard ends it.
	StartGuardian() (pid int, err error)
	GuardianAdd([]procfs.ID) error
	GuardianClear() error
	StopGuardian()
	// Boost asks for a better nice value until the returned call.
	Boost() func()
	// Pause gives up the processor for about that long.
	Pause(time.Duration)
	// Hooks runs command by sh -c once for each of envs, which is added to the
	// environment, each for at most limit. The errors are in the order of envs.
	Hooks(command string, envs [][]string, limit time.Duration) []error
}

// Target is a process that is to end.
type Target struct {
	procfs.Stat
	// Name is the operand as the user wrote it; empty for what a selector,
	// a group or a tree brought in.
	Name string
	// Last marks an ancestor of killbox: signalled after everybody else, and
	// never frozen, since its own parent may be a shell that watches it.
	Last bool
}

// Skip is a process that a selector, group or tree brought in and that is
// left alone.
type Skip struct {
	procfs.Stat
	Reason string
}

// Tree says that the targets are roots, and what belongs to them.
type Tree struct {
	// Children leaves out the roots themselves.
	Children bool
	// Flat takes in no descendants: the targets, and whom Select and Groups
	// find.
	Flat bool
	// Groups are process groups that have been opened on the kernel, and whose
	// newcomers are roots.
	Groups []int
	// Strays takes in the sessions that the tree leads.
	Strays bool
	// Guard returns why a process that the tree brings in must be left
	// alone, or "".
	Guard func(*procfs.Stat) string
	// Select tells whether a process that was started at Since or later is
	// a root as well; nil where no selector was given. Restless: somebody
	// whom it had found vanished before it could be opened.
	Select   func(*procfs.Stat) bool
	Since    uint64
	Restless bool
}

// Plan is all that Run needs to know. What --dry-run prints is this value.
type Plan struct {
	Targets []Target
	Skipped []Skip
	Ladder  Ladder

	// Limit bounds the whole call; 0 is none.
	Limit time.Duration
	// Count returns when that many are gone; 0 means all. Ended is how many
	// were known to be gone beforehand.
	Count, Ended int
	// WaitOnly signals nothing: the ladder is not climbed.
	WaitOnly bool
	// Reaped waits for the reaping as well.
	Reaped bool
	// Status fetches the exit status of each process that is gone, and
	// StatusWait bounds the wait for a parent that has not reaped yet.
	Status     bool
	StatusWait time.Duration

	// Groups, if set, makes the targets members of process groups.
	Groups *Groups
	// Tree, if set, makes the targets the roots of trees.
	Tree *Tree
	// Freeze stops all members before the first is signalled. If that cannot be
	// prepared, the call continues without it; with FreezeOrFail it fails.
	Freeze, FreezeOrFail bool
	// Guardian starts one before the first SIGSTOP.
	Guardian bool
	// Prove bounds the search for a proof that nobody escaped the freeze;
	// ProveAlways asks for it even of a tree that held still.
	Prove       time.Duration
	ProveAlways bool

	// Cgroup, if set, is frozen instead of its members, who are the targets.
	Cgroup *CgroupPlan
	// Hold freezes and climbs no ladder.
	Hold *Hold

	// Hook is run for each survivor before each further rung.
	Hook        string
	HookTimeout time.Duration
}

// LastSignal returns the signal that a target of the plan was sent last, 0 if it was sent none.
func (p *Plan) LastSignal(res *Result) signals.Signal {
	if p.WaitOnly || res.Rung == 0 {
		return 0
	}
	return p.Ladder[res.Rung-1].Signal
}

// Outcome is what became of a target.
type Outcome int

// The outcomes.
const (
	Survived Outcome = iota // not gone after the last rung
	Gone                    // all its threads have exited
	Refused                 // could not be signalled: Result.Err says why
	Exists                  // signal 0 found it
)

// Result is the account of one target.
type Result struct {
	Target
	Outcome Outcome
	// Rung is the number of the last one whose signal it got, from 1.
	Rung int
	// Elapsed is the time from the start of the call to its end.
	Elapsed time.Duration
	Err     error
	// Status is how it ended; StatusErr why that is not known. Both are nil
	// where nobody asked.
	Status    *signals.Status
	StatusErr error

	reaped  bool
	frozen  bool // stopped by us, to be woken by us
	stopped bool // found stopped by somebody else
	settled bool // seen stopped after our SIGSTOP
	forking bool // was met in uninterruptible sleep, and is not known to wait for the child of a vfork
	active  bool // was not asleep when we stopped it
	blocks  bool // blocks the signal that it is to be sent
	shaken  int  // how often it was met blocking the signal
	held    bool // stays frozen until a signal that it cannot block
}

// Summary is the account of the call.
type Summary struct {
	Results []*Result
	// Rung is the highest that was used, from 1.
	Rung int
	// Proved is false when something may have escaped the freeze; Doubt says
	// what is known about it.
	Proved bool
	Doubt  string
	// LimitReached: the limit of the whole call cut it short.
	LimitReached bool
	// Failed: somebody may have been left frozen.
	Failed bool
	// Refused: a group exists that may not be signalled, and none of its members can be seen.
	Refused bool
	Elapsed time.Duration
}

// Count returns how many results have that outcome.
func (s *Summary) Count(o Outcome) int {
	n := 0
	for _, r := range s.Results {
		if r.Outcome == o {
			n++
		}
	}
	return n
}

// Observer is told what happens, in order, from one goroutine.
type Observer interface {
	Signalled(r *Result, s signals.Signal, rung int, elapsed time.Duration)
	Gone(*Result)
	// Failed reports what did not work; r is nil where it concerns the call.
	Failed(r *Result, err error)
	Skipped(Skip)
	// Waiting is called while nothing else happens, every Tick.
	Waiting(Progress)
	// Tick is how often Waiting wants to be called; 0 is never.
	Tick() time.Duration
}

// Progress is the state of a wait.
type Progress struct {
	Total, Gone int
	Elapsed     time.Duration
	// Next is the signal of the next rung, 0 if there is none, and In the
	// time until then (duration.Forever where there is no limit).
	Next signals.Signal
	In   time.Duration
}
