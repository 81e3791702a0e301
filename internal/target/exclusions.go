package target

import (
	"fmt"

	"killbox/procfs"
)

// Exclusions decides which processes are excluded, which means that they are never signalled. There are three rules:
// ExcludeImplied is for a process that a selector, tree, group or session implies, ExcludeOperand for a process given
// as an operand, and ExcludeRecorded for a process that a pidfile names. Each returns the reason, or "".
type Exclusions struct {
	self            int // the PID of this process
	ancestors       map[int]bool
	force           bool // see NewExclusions
	allowSelf       bool // see AllowSelf
	withDescendants bool // see WithDescendants
	ownSession      int  // the session of this process, if excludeOwnSession is set
	// excludeOwnSession makes ExcludeImplied exclude the members of ownSession.
	excludeOwnSession bool
}

// NewExclusions returns the Exclusions of a call. self is the PID of this process, whose ancestors NewExclusions reads.
// With force, PID 1 and kernel threads may be given as operands. Without /proc (nil) no ancestors are known.
func NewExclusions(proc *procfs.FS, self int, force bool) *Exclusions {
	x := &Exclusions{self: self, ancestors: make(map[int]bool), force: force}
	if proc != nil {
		x.readAncestors(proc.Stat)
	}
	return x
}

// readAncestors walks up the chain of parents. If an ancestor exits meanwhile, its child is reparented to one of the
// remaining ancestors. Therefore readAncestors begins again at this process when an ancestor cannot be read. If the
// same ancestor cannot be read in the next walk either, /proc hides it (hidepid), and the walk ends there.
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

// ExcludeOwnSession makes ExcludeImplied exclude the members of this process's session, for killall5(8) and freezekill
// --all. It fails if the session cannot be read.
func (x *Exclusions) ExcludeOwnSession(proc *procfs.FS) error {
	if proc == nil {
		return nil
	}
	st, err := proc.Stat(x.self)
	if err != nil {
		return fmt.Errorf("cannot read the session of this process: %w", err)
	}
	x.ownSession, x.excludeOwnSession = st.SID, true
	return nil
}

// AllowSelf permits this process as an operand. It is for signal 0, which only asks whether the target is alive.
func (x *Exclusions) AllowSelf() { x.allowSelf = true }

// WithDescendants tells that the call signals the descendants of operands, too, or only them. ExcludeOperand then gives
// another reason for PID 1.
func (x *Exclusions) WithDescendants() { x.withDescendants = true }

// AllowAncestors permits the ancestors of this process. It is for killall5(8), which excludes its own session instead.
func (x *Exclusions) AllowAncestors() { clear(x.ancestors) }

// IsAncestor reports whether the process is an ancestor of this process.
func (x *Exclusions) IsAncestor(pid int) bool { return x.ancestors[pid] }

// ExcludeImplied returns the reason why a process that a selector, tree, group or session implies is excluded, or "" if
// it is not excluded.
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

// ExcludeRecorded returns the reason why the process that a pidfile names is excluded, or "" if it is not excluded.
// After AllowSelf it excludes no process, because the call only asks whether the process is alive.
func (x *Exclusions) ExcludeRecorded(st *procfs.Stat) string {
	if x.allowSelf {
		return ""
	}
	return x.ExcludeImplied(st)
}

// ExcludeOperand returns the reason why a process given as an operand is excluded, or "" if it is not excluded.
func (x *Exclusions) ExcludeOperand(st *procfs.Stat) string {
	switch {
	case st.PID == x.self && !x.allowSelf:
		return "it is this process, which cannot wait for its own end"
	case st.PID == 1 && !x.force && x.withDescendants:
		return "refused without --force: every process descends from PID 1"
	case st.PID == 1 && !x.force:
		return "PID 1 is refused without --force"
	case st.KernelThread() && !x.force:
		return "a kernel thread is refused without --force: it takes no signals"
	}
	return ""
}
