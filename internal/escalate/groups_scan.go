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

	given    []int             // the PGIDs of the plan
	list     map[int]*group    // by PGID: the groups of the plan and of its sessions that have not ended
	sessions map[int]procfs.ID // by session ID: the leader
	excluded map[procfs.ID]bool
	churning bool // a process has joined a group, or may have
	// unaccounted: the last scan shows a member of a session in a group that no longer existed after the scan. So
	// the member moved to another group during the scan.
	unaccounted bool
}

// group is a process group as the last scan shows it.
type group struct {
	pgid    int
	known   []procfs.ID        // opened processes that were members once
	members map[procfs.ID]bool // living members that are not excluded
	partial bool               // a member is excluded, so the group is not signalled as a whole
	seen    bool               // the scan shows a member; a zombie counts
	refused bool               // it has no visible member, and the kernel refused to signal it
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

// pgids returns the PGIDs of the groups that have not ended, in ascending order.
func (g *groupScan) pgids() []int {
	var list []int
	for pgid := range g.list {
		list = append(list, pgid)
	}
	slices.Sort(list)
	return list
}

// scanMembers scans the groups and opens the members that have no result yet. It returns their results.
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

// scan takes a snapshot and updates the list of groups and their members. The kernel allocates no PID that is in use as
// a PGID. So if the opened group still exists after the snapshot, its PGID meant this group throughout the snapshot.
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

// openNewGroups opens groups of the sessions that are not on the list yet.
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
	// The snapshot was taken before the groups were opened, and a PGID may have been reused in between. So take
	// another one, and drop groups that turn out to be in no session of the plan.
	if err := g.k.Snapshot(&g.snap); err != nil {
		return err
	}
	for i := range g.snap.Procs {
		st := &g.snap.Procs[i]
		// All members of a group are in the same session. So if one member is in no session of the plan, drop
		// the group.
		if grp := g.list[st.PGID]; grp != nil && grp.known == nil && !g.inSession(st) && !slices.Contains(g.given, st.PGID) {
			delete(g.list, st.PGID)
		}
	}
	return nil
}

// inSession reports whether the process is in a session of the plan. A session ID is not allocated as a PID while it is
// in use. So if the last scan shows a process with that PID that is not the leader, the session has ended, and st is in
// another session with the same ID.
func (g *groupScan) inSession(st *procfs.Stat) bool {
	leader, ours := g.sessions[st.SID]
	if !ours {
		return false
	}
	now := g.snap.Lookup(st.SID)
	return now == nil || now.ID == leader && g.stillExists(now)
}

// stillExists reports whether the entry of the last scan can belong to the opened process with the same ID. After that
// process has been reaped, an unrelated process can get the same PID within the same clock tick, and so the same ID.
func (g *groupScan) stillExists(st *procfs.Stat) bool {
	if g.acc.isGone(st.ID) {
		return st.Gone() // the zombie of that process
	}
	return g.k.Exists(st.ID) == nil
}

// excludes reports whether the process is excluded, and reports each exclusion to the observer once.
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

// openMember opens a member that the scan shows, and appends its result to found if it is new.
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
