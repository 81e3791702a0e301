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

// sendSignal signals the command with its descendants and its group, or, where behavesLikeGNU is true, what GNU timeout
// would signal. Before the first signal it sets killAt, the time of KILL.
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
		// Later signals do not postpone KILL.
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
	if !l.behavesLikeGNU() {
		return l.signalDescendantsAndGroup(sig)
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

// signalDescendantsAndGroup signals each descendant of this process once, and the rest of its process group, such as
// another command of a shell's pipeline. It sends nothing to descendants that relayedGroups covers.
func (l *timeoutCall) signalDescendantsAndGroup(sig signals.Signal) error {
	step := escalate.Step{Signal: sig}
	if sig == signals.KILL {
		step.Grace = escalate.KillGrace
	}
	relayed := l.relayGroups(sig)
	err := l.signalDescendants(step, func(st *procfs.Stat) string {
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

// signalDescendants carries out one step on the descendants of this process for which except returns "".
func (l *timeoutCall) signalDescendants(step escalate.Step, except func(*procfs.Stat) string) error {
	p, err := l.TreePlan(escalate.Ladder{step})
	if err != nil {
		return err
	}
	_, err = escalate.Run(escalate.Call{Plan: p, Kernel: l.env.Kernel, Policy: exceptPolicy{l.Policy(), except}, Observer: l.Observer()})
	l.Reporter.Close()
	return err
}

// exceptPolicy also excludes the processes for which except returns a reason.
type exceptPolicy struct {
	escalate.Policy
	except func(*procfs.Stat) string
}

// Exclude implements escalate.Policy.
func (p exceptPolicy) Exclude(st *procfs.Stat) string {
	return cmp.Or(p.Policy.Exclude(st), p.except(st))
}

// relayedGroups are process groups in which only a leader that handles the signal is signalled: the leader is expected
// to pass the signal on. The key is a PGID. The value is the PID of the leader for its own group, and 0 for a group of
// its descendants.
type relayedGroups map[int]int

// covers reports whether the process is in one of the groups and is not its leader, so that it is sent nothing.
func (g relayedGroups) covers(st *procfs.Stat) bool {
	leader, ok := g[st.PGID]
	return ok && st.PID != leader
}

// relayGroups returns the groups, other than this process's own group, whose leader is a descendant with a handler for
// sig, and the groups of the descendants of such leaders. For example, the leader may be an inner timeout. When it
// receives sig, it sends its command another signal, or sig itself, which the command would then receive twice. The
// command may in turn be a timeout. With GNU timeout, which signals only its own group, sig reaches only the uppermost
// leader: do the same.
func (l *timeoutCall) relayGroups(sig signals.Signal) relayedGroups {
	var table procfs.Snapshot
	self, members := l.descendants(&table)
	relays := make(map[int]bool)
	for _, st := range members {
		if st.PID == st.PGID && st.PGID != self.PGID {
			status, err := l.env.Proc.Status(st.PID)
			relays[st.PID] = err == nil && status.Caught.Has(int(sig))
		}
	}
	groups := make(relayedGroups)
	for _, st := range members {
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

// signalRelayed sends relayedSignal to the processes that relayed covers. It is called when the command is gone.
func (l *timeoutCall) signalRelayed() error {
	return l.signalDescendants(escalate.Step{Signal: l.relayedSignal}, func(st *procfs.Stat) string {
		if l.relayed.covers(st) {
			return ""
		}
		return "it has been sent the signal"
	})
}

// descendants scans /proc into table. It returns this process, and the members of the tree of this process, which
// include this process. The list of members is nil if /proc cannot be read.
func (l *timeoutCall) descendants(table *procfs.Snapshot) (procfs.Stat, []*procfs.Stat) {
	self, err := l.env.Proc.Stat(l.env.PID)
	if err != nil || l.env.Kernel.Snapshot(table) != nil {
		return self, nil
	}
	return self, table.Descendants(procfs.TreeQuery{Roots: []procfs.ID{self.ID}})
}

// groupHasOthers reports whether the process group of this process has living members that are not its descendants.
func (l *timeoutCall) groupHasOthers() bool {
	var table procfs.Snapshot
	self, members := l.descendants(&table)
	if members == nil {
		return false
	}
	ours := map[int]bool{l.env.PID: true}
	for _, st := range members {
		ours[st.PID] = true
	}
	for _, st := range table.Procs {
		if st.PGID == self.PGID && !ours[st.PID] && !st.Gone() {
			return true
		}
	}
	return false
}

// endDescendants ends the descendants that remain when the command is gone. They were sent the signal together with the
// command, so only the wait and KILL follow.
func (l *timeoutCall) endDescendants() error {
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
