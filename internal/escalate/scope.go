package escalate

import "killbox/internal/signals"

// scope is what is being ended: a list of processes, process groups, trees, or a cgroup.
type scope interface {
	// scanAndStop brings the scope up to date and, if the plan freezes, stops its members before sig is sent. It returns
	// the newcomers. After an error members may be stopped, until resumeAll.
	scanAndStop(sig signals.Signal) (batch, error)
	// signal signals the targets of the list.
	signal(list batch, sig signals.Signal)
	// sweep is called when all known targets are gone. It reports whether there are more.
	sweep() (more bool, err error)
	// addNewcomers scans once more, so that the next step or the report includes what was forked last. doubt is what to
	// report if even this scan adds nothing: then something evaded it.
	addNewcomers() (doubt string, err error)
	resumer
}

// resumer is a scope whose members may have been stopped.
type resumer interface {
	// resume resumes the members that were stopped for sig, after all have been sent it.
	resume(sig signals.Signal)
	// allKeptFrozen reports whether all remaining members are kept frozen until a later step.
	allKeptFrozen() bool
	// resumeAll leaves no member frozen, whatever happened.
	resumeAll()
}

// newScope returns the scope of the call.
func newScope(acc *account) scope {
	switch {
	case acc.endsCgroup():
		return newCgroup(acc)
	case acc.endsTree():
		return newTree(acc)
	case acc.endsGroups():
		return newGroups(acc)
	}
	return newList(acc)
}

// neverStopped is the part of a scope whose members are never stopped.
type neverStopped struct{}

func (neverStopped) resume(signals.Signal) {}
func (neverStopped) allKeptFrozen() bool   { return false }
func (neverStopped) resumeAll()            {}
