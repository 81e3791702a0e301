package dropin

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"killbox/internal/duration"
	"killbox/internal/escalate"
	"killbox/internal/signals"
	"killbox/procfs"
)

// sendSignal signals the command, and whoever else is to be timed out.
func (l *timeoutCall) sendSignal(sig signals.Signal) error {
	if l.Command == 0 {
		return nil
	}
	k := l.env.Kernel
	switch sig {
	case l.o.signal.s, signals.TERM, signals.INT, signals.HUP, signals.QUIT, signals.KILL:
		l.ending = true
	}
	if l.killAt.IsZero() {
		grace := escalate.DefaultGrace
		if l.o.killAfter.d > 0 {
			grace = l.o.killAfter.d
		}
		l.killAt = time.Now().Add(min(grace, 1<<61))
	}
	if l.o.killAfter.d > 0 {
		// Later signals do not put it off.
		l.next = signals.KILL
		if l.o.killAfter.d != duration.Forever {
			l.Deadline = l.killAt
		}
		l.o.killAfter.d = 0
	}
	if l.o.verbose {
		fmt.Fprintf(l.env.Stderr, "timeout: sending signal %s to command %s\n", sig, l.command)
	}
	l.killed = l.killed || sig == signals.KILL
	if sig == signals.Null {
		return nil
	}
	if !l.gnu() {
		return l.signalFamilyAndGroup(sig)
	}
	list := []signals.Signal{sig}
	if sig != signals.KILL && sig != signals.CONT && !l.o.foreground {
		list = append(list, signals.CONT)
	}
	for _, sig := range list {
		if err := k.SignalChild(l.Command, sig, false); err != nil && !errors.Is(err, procfs.ErrNoProcess) {
			l.ReportCommandFailed(err)
		}
		if !l.o.foreground {
			_ = k.SignalOwnGroup(sig)
		}
	}
	return nil
}

// signalFamilyAndGroup signals each descendant of ours once, and the rest of our group, such as
// another stage of a shell's pipeline. Descendants that are left to a leader which
// handles the signal are sent nothing.
func (l *timeoutCall) signalFamilyAndGroup(sig signals.Signal) error {
	step := escalate.Step{Signal: sig}
	if sig == signals.KILL {
		step.Grace = escalate.KillGrace
	}
	relayed := l.relayGroups(sig)
	err := l.signalFamily(step, func(st *procfs.Stat) string {
		if relayed.covers(st) {
			return "a leader handles the signal"
		}
		return ""
	})
	if len(relayed) > 0 {
		l.relayed, l.relayedSignal = relayed, sig
	}
	if err == nil && sig != signals.KILL && !sig.Stops() && l.groupHasOthers() {
		for _, s := range []signals.Signal{sig, signals.CONT} {
			_ = l.env.Kernel.SignalOwnGroup(s)
		}
	}
	return err
}

// signalFamily carries out one step on the descendants for which except has no reason.
func (l *timeoutCall) signalFamily(step escalate.Step, except func(*procfs.Stat) string) error {
	p, err := l.TreePlan(escalate.Ladder{step})
	if err != nil {
		return err
	}
	_, err = escalate.Run(escalate.Call{Plan: p, Kernel: l.env.Kernel, Policy: exceptPolicy{l.Policy(), except}, Observer: l.Observer()})
	l.Reporter.Close()
	return err
}

// exceptPolicy also excludes the processes for which except has a reason.
type exceptPolicy struct {
	escalate.Policy
	except func(*procfs.Stat) string
}

// Exclude implements escalate.Policy.
func (p exceptPolicy) Exclude(st *procfs.Stat) string {
	return cmp.Or(p.Policy.Exclude(st), p.except(st))
}

// relayedGroups are process groups that are left to a leader which handles the signal. The value is the PID of
// that leader in its own group, and 0 in a group of its descendants.
type relayedGroups map[int]int

// covers reports whether the process is sent nothing.
func (g relayedGroups) covers(st *procfs.Stat) bool {
	leader, ok := g[st.PGID]
	return ok && st.PID != leader
}

// relayGroups returns the groups other than ours that a descendant leads which has a handler for sig, and those
// of its descendants: an inner timeout, for example, sends its command another signal than the one that it gets,
// or the same one a second time, and the command may be a third timeout. GNU's timeout does not reach beyond its
// group, so only the uppermost leader is sent sig.
func (l *timeoutCall) relayGroups(sig signals.Signal) relayedGroups {
	var table procfs.Snapshot
	self, family := l.descendants(&table)
	relays := make(map[int]bool)
	for _, st := range family {
		if st.PID == st.PGID && st.PGID != self.PGID {
			status, err := l.env.Proc.Status(st.PID)
			relays[st.PID] = err == nil && status.Caught.Has(int(sig))
		}
	}
	groups := make(relayedGroups)
	for _, st := range family {
		below := slices.ContainsFunc(table.Ancestors(st.PID), func(id procfs.ID) bool { return relays[id.PID] })
		switch {
		case st.PGID == self.PGID:
		case below:
			if _, ok := groups[st.PGID]; !ok {
				groups[st.PGID] = 0
			}
		case relays[st.PID]:
			groups[st.PGID] = st.PID
		}
	}
	return groups
}

// signalRelayed signals what is left, now that the command is gone, of the groups that
// were left to a leader.
func (l *timeoutCall) signalRelayed() error {
	return l.signalFamily(escalate.Step{Signal: l.relayedSignal}, func(st *procfs.Stat) string {
		if l.relayed.covers(st) {
			return ""
		}
		return "it has been sent the signal"
	})
}

// descendants reads the process table and returns this process and, with it, its
// descendants; nothing if /proc cannot be read.
func (l *timeoutCall) descendants(table *procfs.Snapshot) (procfs.Stat, []*procfs.Stat) {
	self, err := l.env.Proc.Stat(l.env.PID)
	if err != nil || l.env.Kernel.Snapshot(table) != nil {
		return self, nil
	}
	return self, table.Descendants(procfs.TreeQuery{Roots: []procfs.ID{self.ID}})
}

// groupHasOthers tells whether our group has members that we have not started.
func (l *timeoutCall) groupHasOthers() bool {
	var table procfs.Snapshot
	self, family := l.descendants(&table)
	if family == nil {
		return false
	}
	ours := map[int]bool{l.env.PID: true}
	for _, st := range family {
		ours[st.PID] = true
	}
	for _, st := range table.Procs {
		if st.PGID == self.PGID && !ours[st.PID] && !st.Gone() {
			return true
		}
	}
	return false
}

// endFamily ends who is left of the family when the command is gone. They have
// been sent the signal with it, so that nothing but KILL is to come.
func (l *timeoutCall) endFamily() error {
	l.Ladder = escalate.Ladder{{Signal: signals.CONT, Grace: max(time.Until(l.killAt), 0)}, {Signal: signals.KILL, Grace: escalate.KillGrace}}
	if l.killed {
		l.Ladder = l.Ladder[1:]
	} else if len(l.relayed) > 0 {
		if err := l.signalRelayed(); err != nil {
			return err
		}
	}
	return l.EndRemaining()
}
