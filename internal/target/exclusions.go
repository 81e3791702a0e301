package target

import (
	"fmt"

	"killbox/procfs"
)

// Guard knows the processes that nothing brings in unless it is named, and
// those that are refused even then.
type Guard struct {
	self      int
	ancestors map[int]bool
	force     bool
	allowSelf bool
	trees     bool // descendants of named processes are meant
	session   int
	spare     bool // leave session alone
}

// NewGuard reads who the ancestors of self are.
func NewGuard(proc *procfs.FS, self int, force bool) *Guard {
	g := &Guard{self: self, ancestors: make(map[int]bool), force: force}
	if proc != nil {
		g.read(proc.Stat)
	}
	return g
}

// read goes up from parent to parent. A parent that has died has been replaced
// by one of its own ancestors: that one is met on the way, unless the dead one
// was reaped before it could be read. Then it begins anew, until the same one
// stays unseen, who is hidden.
func (g *Guard) read(stat func(int) (procfs.Stat, error)) {
	unseen := 0
	for pid := g.self; ; {
		st, err := stat(pid)
		switch {
		case err != nil && pid != unseen:
			unseen, pid = pid, g.self
			clear(g.ancestors)
			continue
		case err != nil || st.PPID == 0 || g.ancestors[st.PPID]:
			return
		}
		pid = st.PPID
		g.ancestors[pid] = true
	}
}

// SpareSession makes the guard leave alone who is in the session of self.
func (g *Guard) SpareSession(proc *procfs.FS) error {
	if proc == nil {
		return nil
	}
	st, err := proc.Stat(g.self)
	if err != nil {
		return fmt.Errorf("cannot tell the session of this process: %w", err)
	}
	g.session, g.spare = st.SID, true
	return nil
}

// AllowSelf permits this process as a target: signal 0 only asks whether it is alive.
func (g *Guard) AllowSelf() { g.allowSelf = true }

// Trees tells the guard that the descendants of named processes are meant as well, or alone.
func (g *Guard) Trees() { g.trees = true }

// OnlySession gives up the care for ancestors in other sessions.
func (g *Guard) OnlySession() { clear(g.ancestors) }

// Ancestor tells whether the process is one of ours.
func (g *Guard) Ancestor(pid int) bool { return g.ancestors[pid] }

// Brought returns why a process that a selector, tree, group or session
// brought in is left alone, or "".
func (g *Guard) Brought(st *procfs.Stat) string {
	switch {
	case st.PID == g.self:
		return "this process"
	case st.PID == 1:
		return "PID 1"
	case g.ancestors[st.PID]:
		return "an ancestor of this process"
	case st.KernelThread():
		return "a kernel thread"
	case g.spare && st.SID == g.session:
		return "in the session of this process"
	}
	return ""
}

// Recorded returns why the process that a file names is left alone, or "". A
// call that only asks may be told of any.
func (g *Guard) Recorded(st *procfs.Stat) string {
	if g.allowSelf {
		return ""
	}
	return g.Brought(st)
}

// Named returns why a process that was named outright is refused, or "".
func (g *Guard) Named(st *procfs.Stat) string {
	switch {
	case st.PID == g.self && !g.allowSelf:
		return "this is the very process that would wait for its end"
	case st.PID == 1 && !g.force && g.trees:
		return "refused without --force: every process descends from PID 1"
	case st.PID == 1 && !g.force:
		return "PID 1 is refused without --force"
	case st.KernelThread() && !g.force:
		return "a kernel thread is refused without --force: it takes no signals"
	}
	return ""
}
