package escalate

import (
	"time"

	"killbox/internal/signals"
	"killbox/procfs"
)

// scope is the set of processes that is being ended: a list of processes, process groups, trees, or a cgroup.
type scope interface {
	// scanAndStop scans for newcomers and adds them to the account. If the plan freezes, it stops all members,
	// because sig is sent next. It returns the newcomers. After an error, members may stay stopped until resumeAll.
	scanAndStop(sig signals.Signal) (batch, error)
	// signal signals the targets of the list.
	signal(list batch, sig signals.Signal)
	// sweep scans for newcomers when all known targets are gone. more reports whether there are any.
	sweep() (more bool, err error)
	// addNewcomers scans once more and adds the newcomers to the account, so that the next step or the report
	// includes them. doubt is the reason to report if there are none, although sweep has found some.
	addNewcomers() (doubt string, err error)
	// resumeLate resumes members again that have stopped since they were resumed, if it is time to look at them. It
	// returns the time until it is to be called again, at most limit.
	resumeLate(limit time.Duration) time.Duration
	// noteEnd is told during a wait which processes have ended.
	noteEnd([]procfs.ID)
	resumer
}

// resumer resumes the members of a scope.
type resumer interface {
	// resume resumes the members after all of them have been sent sig.
	resume(sig signals.Signal)
	// allKeptFrozen reports whether all remaining members are kept frozen until a later step, as parts of a fork
	// bomb.
	allKeptFrozen() bool
	// resumeAll resumes every member that is still frozen, even after an error or a panic.
	resumeAll()
}

// newScope returns the scope of the call.
func newScope(acc *account) scope {
	switch {
	case acc.endsCgroup():
		return newCgroup(acc)
	case acc.endsTree(), acc.endsGroups():
		return newMembers(acc)
	}
	return newList(acc)
}

// neverStopped implements resumer and noteEnd for a scope that never stops its members.
type neverStopped struct{}

func (neverStopped) resume(signals.Signal) {}
func (neverStopped) allKeptFrozen() bool   { return false }
func (neverStopped) noteEnd([]procfs.ID)   {}

func (neverStopped) resumeLate(limit time.Duration) time.Duration { return limit }

func (neverStopped) resumeAll() {}
