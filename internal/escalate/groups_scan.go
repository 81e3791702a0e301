package escalate

import (
	"errors"
	"slices"

	"killbox/internal/freeze"
	"killbox/procfs"
)

// groupScan finds the members of the groups.
type groupScan struct {
	k interface {
		Opener
		Scanner
		GroupSignaller
		freeze.Signaller
	}
	acc    *account
	policy Policy
	snap   procfs.Snapshot

	given    []int          // the PGIDs of the plan
	list     map[int]*group // those that have not ended
	sessions map[int]procfs.ID
	excluded map[procfs.ID]bool
	churning bool // a process has joined, or may have
	// unaccounted: a session has a member whose group no longer existed when the scan was over. The member has moved to
	// another group.
	unaccounted bool
}

// group is a process group as the last scan shows it.
type group struct {
	pgid    int
	known   []procfs.ID
	members map[procfs.ID]bool // living ones
	partial bool               // a member is excluded
	seen    bool               // it has a visible member, be it a zombie
	refused bool               // may not be signalled, and has no visible member
}

func newGroupScan(acc *account) *groupScan {
	p := acc.call.Plan
	g := &groupScan{
		k:        acc.call.Kernel,
		acc:      acc,
		policy:   acc.call.Policy,
		given:    p.Groups.PGIDs,
		list:     make(map[int]*group),
		sessions: make(map[int]procfs.ID),
		excluded: make(map[procfs.ID]bool),
	}
	for _, pgid := range g.given {
		g.list[pgid] = &group{pgid: pgid}
	}
	for _, t := range p.Targets {
		if grp := g.list[t.PGID]; grp != nil {
			grp.known = append(grp.known, t.ID)
		}
	}
	for _, leader := range p.Groups.Sessions {
		g.sessions[leader.PID] = leader
	}
	for _, s := range p.Skipped {
		g.excluded[s.ID] = true
	}
	return g
}

// pgids returns the PGIDs of the groups that have not ended, in order.
func (g *groupScan) pgids() []int {
	var list []int
	for pgid := range g.list {
		list = append(list, pgid)
	}
	slices.Sort(list)
	return list
}

// scanMembers scans the groups and opens the members that are new.
func (g *groupScan) scanMembers() (found batch, err error) {
	if err := g.scan(); err != nil {
		return nil, err
	}
	for i := range g.snap.Procs {
		st := &g.snap.Procs[i]
		if grp := g.list[st.PGID]; grp != nil && grp.members[st.ID] {
			found = g.openMember(found, grp, st)
		}
	}
	return found, nil
}

// scan brings the list of groups and members up to date. A PGID is that of the group that was opened if that group still
// lives after the scan: the kernel allocates no PID that is in use as a PGID.
func (g *groupScan) scan() error {
	if err := g.k.Snapshot(&g.snap); err != nil {
		return err
	}
	if err := g.openNewGroups(); err != nil {
		return err
	}
	for pgid, grp := range g.list {
		if !g.k.GroupLives(pgid, grp.known) {
			delete(g.list, pgid)
		}
		grp.members, grp.partial, grp.seen = make(map[procfs.ID]bool), false, false
	}
	g.unaccounted = false
	for i := range g.snap.Procs {
		st := &g.snap.Procs[i]
		grp := g.list[st.PGID]
		if grp != nil {
			grp.seen = true
		}
		if grp == nil || st.Gone() {
			g.unaccounted = g.unaccounted || !st.Gone() && st.PGID > 1 && g.inSession(st)
			continue
		}
		if known, _ := g.acc.has(st.ID); !known && g.excludes(st) {
			grp.partial = true
			continue
		}
		grp.members[st.ID] = true
	}
	return nil
}

// openNewGroups opens the groups that the sessions have gained. Like a PGID, a session ID is not allocated as a PID while
// it is in use; so an unrelated process with that PID means that the session has ended, and that this is another.
func (g *groupScan) openNewGroups() error {
	added := false
	for i := range g.snap.Procs {
		st := &g.snap.Procs[i]
		if st.Gone() || st.PGID <= 1 || g.list[st.PGID] != nil || !g.inSession(st) {
			continue
		}
		switch err := g.k.OpenGroup(st.PGID); {
		case errors.Is(err, procfs.ErrNoProcess):
			continue
		case err != nil:
			return err
		}
		g.list[st.PGID] = &group{pgid: st.PGID}
		added, g.churning = true, true
	}
	if !added {
		return nil
	}
	// Scan again: the PGID may have been that of another group when it was read, before the group was opened.
	if err := g.k.Snapshot(&g.snap); err != nil {
		return err
	}
	for i := range g.snap.Procs {
		st := &g.snap.Procs[i]
		// No group is part of two sessions.
		if grp := g.list[st.PGID]; grp != nil && grp.known == nil && !g.inSession(st) && !slices.Contains(g.given, st.PGID) {
			delete(g.list, st.PGID)
		}
	}
	return nil
}

func (g *groupScan) inSession(st *procfs.Stat) bool {
	leader, ours := g.sessions[st.SID]
	if !ours {
		return false
	}
	now := g.snap.Lookup(st.SID)
	return now == nil || now.ID == leader && g.stillExists(now)
}

// stillExists reports whether an entry of the last scan can be that of the opened process with the same ID. Once that
// process has been reaped, another one may have its PID and start time.
func (g *groupScan) stillExists(st *procfs.Stat) bool {
	if g.acc.isGone(st.ID) {
		return st.Gone() // the zombie of that process
	}
	return g.k.Exists(st.ID) == nil
}

// excludes reports whether the process is excluded, and reports its exclusion once.
func (g *groupScan) excludes(st *procfs.Stat) bool {
	if g.excluded[st.ID] {
		return true
	}
	reason := g.policy.Exclude(st)
	if reason == "" {
		return false
	}
	g.excluded[st.ID] = true
	g.acc.reportExcluded(st, reason)
	return true
}

// openMember opens a member, and appends it to found if it is new.
func (g *groupScan) openMember(found batch, grp *group, st *procfs.Stat) batch {
	if known, _ := g.acc.has(st.ID); known {
		return found
	}
	now, err := g.k.Open(st.PID)
	switch {
	case errors.Is(err, procfs.ErrNoProcess):
		g.churning = true
		return found
	case err != nil:
		g.acc.addRefused(*st, err)
		return found
	case now.ID != st.ID || now.PGID != grp.pgid || !g.k.GroupLives(grp.pgid, grp.known):
		g.churning = true
		g.k.Close(now.ID)
		return found
	}
	grp.known = append(grp.known, now.ID)
	g.churning = true
	return append(found, g.acc.add(Target{Stat: now, Last: g.policy.IsAncestor(&now)}))
}
