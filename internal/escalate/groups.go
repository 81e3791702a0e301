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
	stable int // scans of a sweep without a newcomer
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

// sweep looks for processes that joined meanwhile. A group has ended when kill(-pgid, 0) says ESRCH. A session has no
// such call, and zombies or excluded members remain: there it takes a scan during which no PID was allocated, or several
// stable ones if no process ever joined.
func (g *groups) sweep() (more bool, err error) {
	g.stable = 0
	return sweepUntilProved(g.acc, g)
}

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
		// A vanished process may have been a member that left a child the scan missed.
	case g.snap.NoPIDAllocated() || !g.churning && g.stable >= freeze.StableScans:
		return nothing, nil
	default:
		g.stable++
	}
	return inconclusive, nil
}

// haveEnded reports whether every group has ended, or may not be signalled.
func (g *groups) haveEnded() bool {
	for _, grp := range g.list {
		if !grp.refused {
			return false
		}
	}
	return len(g.sessions) == 0
}

// haveNewcomers reports whether the last scan shows a living member that is not known, or no member of a group that still
// lived when the scan was over.
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

// doubt returns why the last scan does not prove that no process has joined the groups.
func (g *groups) doubt() string { return cmp.Or(g.unseenGroup(), freeze.ScanDoubt(&g.snap)) }

// unseenGroup returns the doubt for a group that exists and has no visible member, or "".
func (g *groups) unseenGroup() string {
	for _, pgid := range g.pgids() {
		if grp := g.list[pgid]; !grp.seen && !grp.refused {
			return freeze.UnseenGroup(pgid)
		}
	}
	return ""
}
