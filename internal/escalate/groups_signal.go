package escalate

import (
	"errors"
	"fmt"

	"killbox/internal/freeze"
	"killbox/internal/signals"
	"killbox/procfs"
)

// groupSender signals whole groups.
type groupSender struct {
	k interface {
		freeze.Signaller
		GroupSignaller
	}
	acc    *account
	groups *groupScan
	single *sender
}

func newGroupSender(acc *account, groups *groupScan) *groupSender {
	return &groupSender{k: groups.k, acc: acc, groups: groups, single: newSender(acc)}
}

// signal signals the groups of the targets, and then the targets that must be signalled one by one.
func (g *groupSender) signal(to batch, sig signals.Signal) {
	g.single.signalAll(g.signalGroups(to, sig), sig)
}

// signalGroups signals whole groups with kill(-pgid). It returns the targets that must be signalled one by one: members
// of a group with an excluded process, targets that have left the groups of the plan, and all targets if sig is 0.
func (g *groupSender) signalGroups(to batch, sig signals.Signal) (rest batch) {
	whole := make(map[*group]batch)
	for _, res := range to.remaining() {
		st := g.groups.snap.Lookup(res.PID)
		if st == nil || st.ID != res.ID || sig == 0 {
			rest = append(rest, res)
			continue
		}
		if grp := g.groups.list[st.PGID]; grp != nil && !grp.partial {
			whole[grp] = append(whole[grp], res)
		} else {
			rest = append(rest, res)
		}
	}
	for _, pgid := range g.groups.pgids() {
		grp := g.groups.list[pgid]
		if members := whole[grp]; len(members) > 0 {
			rest = append(rest, g.signalGroup(grp, members, sig)...)
		} else if !grp.seen && !grp.refused && sig != 0 {
			g.signalUnseen(grp, sig)
		}
	}
	return rest
}

// signalUnseen signals a group that exists and of which the scan shows no member: a process can evade the scan, but not
// kill(-pgid).
func (g *groupSender) signalUnseen(grp *group, sig signals.Signal) {
	err := g.k.SignalGroup(grp.pgid, grp.known, sig)
	if err == nil || errors.Is(err, procfs.ErrNoProcess) {
		return
	}
	grp.refused = true
	g.acc.setGroupRefused()
	g.acc.reportFailure(nil, fmt.Errorf("group %d, none of whose members can be seen: %w", grp.pgid, err))
}

// signalGroup signals one group, and returns the members that must be signalled one by one. kill(-pgid) succeeds if it
// may signal at least one member, and does not report the others. So each member is sent signal 0 first, to learn which
// ones may be signalled.
func (g *groupSender) signalGroup(grp *group, members batch, sig signals.Signal) (rest batch) {
	var refused, granted batch
	var refusal error
	for _, res := range members {
		// Within its own session a process may send CONT to any process (kill(2)), but not signal 0. So before
		// CONT, send no signal 0.
		err := error(nil)
		if sig != signals.CONT {
			err = g.k.Signal(res.ID, 0)
		}
		switch {
		case err == nil:
			granted = append(granted, res)
		case errors.Is(err, procfs.ErrNoProcess):
			g.acc.markGone(res, true)
		default:
			refused, refusal = append(refused, res), err
			g.acc.markRefused(res, err)
		}
	}
	if len(refused) > 0 && len(granted) == 0 {
		g.acc.reportFailure(nil, fmt.Errorf("group %d: %w for every member", grp.pgid, refusal))
		return nil
	}
	for _, res := range refused {
		g.acc.reportFailure(res, fmt.Errorf("%w; the other members of group %d are signalled", res.Err, grp.pgid))
	}
	if len(granted) == 0 {
		return nil
	}
	if err := g.k.SignalGroup(grp.pgid, grp.known, sig); err != nil {
		// The group has ended or, before CONT, which no signal 0 precedes, no member may be signalled. The caller
		// signals the members one by one, which shows the error of each.
		return granted
	}
	for _, res := range granted {
		g.acc.markSignalled(res, sig)
	}
	g.single.resumeStopped(granted, sig)
	return nil
}
