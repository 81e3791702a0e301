package escalate

import (
	"cmp"

	"killbox/internal/freeze"
	"killbox/internal/signals"
)

// groups is the scope of process groups and sessions.
type groups struct {
	neverStopped
	*groupScan
	send   *groupSender
	stable int // number of scans without a newcomer in this sweep
}

func newGroups(acc *account) *groups {
	scan := newGroupScan(acc)
	return &groups{groupScan: scan, send: newGroupSender(acc, scan)}
}

func (g *groups) scanAndStop(signals.Signal) (batch, error) { return g.scanMembers() }

func (g *groups) signal(to batch, sig signals.Signal) { g.send.signal(to, sig) }

func (g *groups) addNewcomers() (doubt string, err error) {
	_, err = g.scanMembers()
	return cmp.Or(g.unseenGroup(), freeze.TooFast), err
}

// sweep looks for processes that have joined the groups since the last scan. A group has ended when kill(-pgid, 0)
// fails with ESRCH. For a session there is no such call, and a group with a zombie or an excluded member does not end.
// In these cases the proof is a scan during which no PID was allocated, or StableScans scans without a newcomer if no
// process has joined so far.
func (g *groups) sweep() (more bool, err error) {
	g.stable = 0
	return sweepUntilProved(g.acc, g)
}

// scanAgain implements sweeper.
func (g *groups) scanAgain() (finding, error) {
	if err := g.scan(); err != nil {
		return inconclusive, err
	}
	switch {
	case g.haveNewcomers():
		g.churning = true
		return newcomers, nil
	case g.haveEnded():
		return nothing, nil
	case g.unaccounted:
		g.churning = true
	case g.snap.Hidden+g.snap.Vanished > 0:
		// The scan is inconclusive: a process that vanished may have been a member whose child the scan missed,
		// and a hidden process may be a member.
	case g.snap.Complete() || !g.churning && g.stable >= freeze.StableScans:
		return nothing, nil
	default:
		g.stable++
	}
	return inconclusive, nil
}

// haveEnded reports whether every group has ended or may not be signalled (EPERM), and the plan has no session.
func (g *groups) haveEnded() bool {
	for _, grp := range g.list {
		if !grp.refused {
			return false
		}
	}
	return len(g.sessions) == 0
}

// haveNewcomers reports whether the last scan shows a living member that has no result. It also returns true if a group
// still existed after the scan but the scan shows no member of it.
func (g *groups) haveNewcomers() bool {
	for _, grp := range g.list {
		if !grp.seen && !grp.refused {
			return true
		}
		for id := range grp.members {
			if known, _ := g.acc.has(id); !known {
				return true
			}
		}
	}
	return false
}

// doubt returns why a process may have joined the groups without being in the last scan.
func (g *groups) doubt() string { return cmp.Or(g.unseenGroup(), freeze.ScanDoubt(&g.snap)) }

// unseenGroup returns the doubt, a reason for the user, if a group exists and has no visible member, or else "".
func (g *groups) unseenGroup() string {
	for _, pgid := range g.pgids() {
		if grp := g.list[pgid]; !grp.seen && !grp.refused {
			return freeze.UnseenGroup(pgid)
		}
	}
	return ""
}
