package target

import (
	"fmt"

	"killbox/procfs"
)

// Exclusions knows which processes are no targets. There are three rules, by how a process came to be
// considered: ExcludeImplied for one that a selector, tree, group or session implies, ExcludeOperand for one
// given as an operand, and ExcludeRecorded for one that a pidfile names.
type Exclusions struct {
	self      int
	ancestors map[int]bool
	force     bool
	allowSelf bool
	// withDescendants: the descendants of operands are targets as well, or alone.
	withDescendants bool
	ownSession      int // excluded if excludeOwnSession is set
	// excludeOwnSession excludes the members of ownSession.
	excludeOwnSession bool
}

// NewExclusions reads which processes are the ancestors of self, the PID of this process. With force,
// PID 1 and kernel threads may be given as operands. Without /proc (nil) no ancestors are known.
func NewExclusions(proc *procfs.FS, self int, force bool) *Exclusions {
	x := &Exclusions{self: self, ancestors: make(map[int]bool), force: force}
	if proc != nil {
		x.readAncestors(proc.Stat)
	}
	return x
}

// readAncestors walks up the chain of parents. If an ancestor exits meanwhile, its child is reparented to one
// of the remaining ancestors, so the walk restarts. A PID that cannot be read twice is hidden (hidepid): the
// walk stops there.
func (x *Exclusions) readAncestors(stat func(int) (procfs.Stat, error)) {
	unreadable := 0
	for pid := x.self; ; {
		st, err := stat(pid)
		switch {
		case err != nil && pid != unreadable:
			unreadable, pid = pid, x.self
			clear(x.ancestors)
			continue
		case err != nil || st.PPID == 0 || x.ancestors[st.PPID]:
			return
		}
		pid = st.PPID
		x.ancestors[pid] = true
	}
}

// ExcludeOwnSession makes ExcludeImplied exclude the members of this process's session. The error is that of
// reading which session this is.
func (x *Exclusions) ExcludeOwnSession(proc *procfs.FS) error {
	if proc == nil {
		return nil
	}
	st, err := proc.Stat(x.self)
	if err != nil {
		return fmt.Errorf("cannot tell the session of this process: %w", err)
	}
	x.ownSession, x.excludeOwnSession = st.SID, true
	return nil
}

// AllowSelf permits this process as an operand: signal 0 only asks whether it is alive.
func (x *Exclusions) AllowSelf() { x.allowSelf = true }

// WithDescendants says that the descendants of operands are targets as well, or alone. ExcludeOperand then
// gives another reason for PID 1.
func (x *Exclusions) WithDescendants() { x.withDescendants = true }

// AllowAncestors permits the ancestors of this process. killall5(8) excludes its own session instead.
func (x *Exclusions) AllowAncestors() { clear(x.ancestors) }

// IsAncestor reports whether the process is an ancestor of this process.
func (x *Exclusions) IsAncestor(pid int) bool { return x.ancestors[pid] }

// ExcludeImplied returns why a process that a selector, tree, group or session implies is excluded, "" if it
// is not.
func (x *Exclusions) ExcludeImplied(st *procfs.Stat) string {
	switch {
	case st.PID == x.self:
		return "this process"
	case st.PID == 1:
		return "PID 1"
	case x.ancestors[st.PID]:
		return "an ancestor of this process"
	case st.KernelThread():
		return "a kernel thread"
	case x.excludeOwnSession && st.SID == x.ownSession:
		return "in the session of this process"
	}
	return ""
}

// ExcludeRecorded returns why the process that a pidfile names is excluded, "" if it is not. No process is
// excluded from a call that only asks whether it is alive (AllowSelf).
func (x *Exclusions) ExcludeRecorded(st *procfs.Stat) string {
	if x.allowSelf {
		return ""
	}
	return x.ExcludeImplied(st)
}

// ExcludeOperand returns why a process given as an operand is excluded, "" if it is not.
func (x *Exclusions) ExcludeOperand(st *procfs.Stat) string {
	switch {
	case st.PID == x.self && !x.allowSelf:
		return "this is the very process that would wait for its end"
	case st.PID == 1 && !x.force && x.withDescendants:
		return "refused without --force: every process descends from PID 1"
	case st.PID == 1 && !x.force:
		return "PID 1 is refused without --force"
	case st.KernelThread() && !x.force:
		return "a kernel thread is refused without --force: it takes no signals"
	}
	return ""
}
