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

// signal signals the groups of the processes, and then those that must be signalled one by one.
func (g *groupSender) signal(to batch, sig signals.Signal) {
	g.single.signalAll(g.signalGroups(to, sig), sig)
}

// signalGroups signals whole groups with kill(-pgid). It returns the processes that must be signalled one by one: members
// of a group with an excluded process, and those that have changed group since they were found there.
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

// signalUnseen signals a group that exists and has no visible member. A process can evade the scan, but not kill(-pgid).
func (g *groupSender) signalUnseen(grp *group, sig signals.Signal) {
	err := g.k.SignalGroup(grp.pgid, grp.known, sig)
	if err == nil || errors.Is(err, procfs.ErrNoProcess) {
		return
	}
	grp.refused = true
	g.acc.setGroupRefused()
	g.acc.reportFailure(nil, fmt.Errorf("group %d, none of whose members can be seen: %w", grp.pgid, err))
}

// signalGroup signals one group, and returns the members that must be signalled one by one. As long as kill(-pgid) may
// signal one member, it does not report those that it may not signal, so each is asked with the null signal first.
func (g *groupSender) signalGroup(grp *group, members batch, sig signals.Signal) (rest batch) {
	var refused, granted batch
	var refusal error
	for _, res := range members {
		// The null signal may be refused where CONT, within a session, is not.
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
		g.acc.reportFailure(nil, fmt.Errorf("group %d: %w, for all of it", grp.pgid, refusal))
		return nil
	}
	for _, res := range refused {
		g.acc.reportFailure(res, fmt.Errorf("%w, the rest of group %d is signalled", res.Err, grp.pgid))
	}
	if len(granted) == 0 {
		return nil
	}
	if err := g.k.SignalGroup(grp.pgid, grp.known, sig); err != nil {
		// All have ended, or have changed group: their descriptors tell.
		return granted
	}
	for _, res := range granted {
		g.acc.markSignalled(res, sig)
	}
	g.single.resumeStopped(granted, sig)
	return nil
}
