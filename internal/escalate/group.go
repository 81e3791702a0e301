package escalate

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"killbox/internal/signals"
	"killbox/procfs"
)

// GroupKernel is what Run needs of the system to end process groups.
type GroupKernel interface {
	// OpenGroup pins the group that has the number; procfs.ErrNoProcess where
	// there is none.
	OpenGroup(pgid int) error
	// GroupLives tells whether that group still has a member, be it a zombie,
	// so that the number still means it. known are members seen in it.
	GroupLives(pgid int, known []procfs.ID) bool
	// SignalGroup sends to all its members at one stroke;
	// procfs.ErrNoProcess when it has ended.
	SignalGroup(pgid int, known []procfs.ID, s signals.Signal) error
}

// Groups says that the targets are members of process groups, and which.
type Groups struct {
	// PGIDs are groups that have been opened on the kernel. Those of the
	// Sessions are among them, and further ones are looked for.
	PGIDs []int
	// Sessions are named by their leaders, with a Start of 0 where that has
	// been reaped.
	Sessions []procfs.ID
	// Guard returns why a member must be left alone, or "".
	Guard func(*procfs.Stat) string
	// Last tells an ancestor of killbox that is to end all the same.
	Last func(*procfs.Stat) bool
}

// groups finds and signals the members.
type groups struct {
	r    *run
	snap procfs.Snapshot

	list     map[int]*group // those that have not ended
	sessions map[int]procfs.ID
	skipped  map[procfs.ID]bool
	restless bool // somebody joined
	// loose: a session has a member whose group no longer existed when the scan was
	// over. The member has moved to another group.
	loose bool
}

// group is a process group as the last reading shows it.
type group struct {
	pgid    int
	known   []procfs.ID
	members map[procfs.ID]bool // living ones
	spare   bool               // somebody in it must be left alone
	seen    bool               // somebody is in it, be it a zombie
	refused bool               // may not be signalled, and nobody was seen in it
}

func newGroups(r *run) *groups {
	g := &groups{
		r:        r,
		list:     make(map[int]*group),
		sessions: make(map[int]procfs.ID),
		skipped:  make(map[procfs.ID]bool),
	}
	for _, pgid := range r.plan.Groups.PGIDs {
		g.list[pgid] = &group{pgid: pgid}
	}
	for _, t := range r.plan.Targets {
		if grp := g.list[t.PGID]; grp != nil {
			grp.known = append(grp.known, t.ID)
		}
	}
	for _, leader := range r.plan.Groups.Sessions {
		g.sessions[leader.PID] = leader
	}
	for _, s := range r.plan.Skipped {
		g.skipped[s.ID] = true
	}
	return g
}

// gather reads the groups and returns who is to be signalled: everybody who
// is left, or only who is new.
func (g *groups) gather(all bool) ([]*Result, error) {
	found, err := g.look()
	if all {
		found = slices.Clone(g.r.results)
	}
	return found, err
}

// look reads the table and opens the members that are new.
func (g *groups) look() (found []*Result, err error) {
	if err := g.read(); err != nil {
		return nil, err
	}
	for i := range g.snap.Procs {
		st := &g.snap.Procs[i]
		if grp := g.list[st.PGID]; grp != nil && grp.members[st.ID] {
			if res := g.take(grp, st); res != nil {
				found = append(found, res)
			}
		}
	}
	return found, nil
}

// read brings the list of groups and members up to date. A number belongs to
// the group that was opened if that one still lives after the table was read:
// the kernel hands out no number that is in use as a group's.
func (g *groups) read() error {
	if err := g.r.k.Snapshot(&g.snap); err != nil {
		return err
	}
	if err := g.newGroups(); err != nil {
		return err
	}
	for pgid, grp := range g.list {
		if !g.r.k.GroupLives(pgid, grp.known) {
			delete(g.list, pgid)
		}
		grp.members, grp.spare, grp.seen = make(map[procfs.ID]bool), false, false
	}
	g.loose = false
	for i := range g.snap.Procs {
		st := &g.snap.Procs[i]
		grp := g.list[st.PGID]
		if grp != nil {
			grp.seen = true
		}
		if grp == nil || st.Gone() {
			g.loose = g.loose || !st.Gone() && st.PGID > 1 && g.inSession(st)
			continue
		}
		if g.r.byID[st.ID] == nil && (g.skipped[st.ID] || g.spares(st)) {
			grp.spare = true
			continue
		}
		grp.members[st.ID] = true
	}
	return nil
}

// newGroups opens the groups that the sessions have gained. Like a group's, a
// session's number is not handed out while it is in use; so a stranger with it
// means that the session has ended, and that this is another.
func (g *groups) newGroups() error {
	added := false
	for i := range g.snap.Procs {
		st := &g.snap.Procs[i]
		if st.Gone() || st.PGID <= 1 || g.list[st.PGID] != nil || !g.inSession(st) {
			continue
		}
		switch err := g.r.k.OpenGroup(st.PGID); {
		case errors.Is(err, procfs.ErrNoProcess):
			continue
		case err != nil:
			return err
		}
		g.list[st.PGID] = &group{pgid: st.PGID}
		added, g.restless = true, true
	}
	if !added {
		return nil
	}
	// Read again: the number may have been another group's when it was read,
	// before it was opened.
	if err := g.r.k.Snapshot(&g.snap); err != nil {
		return err
	}
	for i := range g.snap.Procs {
		st := &g.snap.Procs[i]
		// No group is part of two sessions.
		if grp := g.list[st.PGID]; grp != nil && grp.known == nil && !g.inSession(st) && !slices.Contains(g.r.plan.Groups.PGIDs, st.PGID) {
			delete(g.list, st.PGID)
		}
	}
	return nil
}

func (g *groups) inSession(st *procfs.Stat) bool {
	leader, ours := g.sessions[st.SID]
	if !ours {
		return false
	}
	now := g.snap.Lookup(st.SID)
	return now == nil || now.ID == leader && g.r.stillThere(now)
}

// spares tells whether the process must be left alone, and reports that once.
func (g *groups) spares(st *procfs.Stat) bool {
	reason := g.r.plan.Groups.Guard(st)
	if reason == "" {
		return false
	}
	g.skipped[st.ID] = true
	g.r.obs.Skipped(Skip{*st, reason})
	return true
}

// take opens a member, and returns it if it is new.
func (g *groups) take(grp *group, st *procfs.Stat) *Result {
	if g.r.byID[st.ID] != nil {
		return nil
	}
	now, err := g.r.k.Open(st.PID)
	switch {
	case errors.Is(err, procfs.ErrNoProcess):
		g.restless = true
		return nil
	case err != nil:
		res := g.r.add(Target{Stat: *st})
		g.r.refuse(res, err)
		g.r.obs.Failed(res, err)
		return nil
	case now.ID != st.ID || now.PGID != grp.pgid || !g.r.k.GroupLives(grp.pgid, grp.known):
		g.restless = true
		g.r.k.Close(now.ID)
		return nil
	}
	grp.known = append(grp.known, now.ID)
	g.restless = true
	return g.r.add(Target{Stat: now, Last: g.r.plan.Groups.Last(&now)})
}

// stroke signals whole groups, and returns those who are to be signalled one
// by one: who shares the group with somebody that must be left alone, and who
// has left the group since it was found there.
func (g *groups) stroke(to []*Result, sig signals.Signal) (rest []*Result) {
	struck := make(map[*group][]*Result)
	for _, res := range to {
		if res.Outcome != Survived {
			continue
		}
		st := g.snap.Lookup(res.PID)
		if st == nil || st.ID != res.ID || sig == 0 {
			rest = append(rest, res)
			continue
		}
		if grp := g.list[st.PGID]; grp != nil && !grp.spare {
			struck[grp] = append(struck[grp], res)
		} else {
			rest = append(rest, res)
		}
	}
	for _, pgid := range g.pgids() {
		grp := g.list[pgid]
		if members := struck[grp]; len(members) > 0 {
			rest = append(rest, g.strike(grp, members, sig)...)
		} else if !grp.seen && !grp.refused && sig != 0 {
			// Who runs ahead of the reader does not run ahead of the kernel.
			if err := g.r.k.SignalGroup(pgid, grp.known, sig); err != nil && !errors.Is(err, procfs.ErrNoProcess) {
				grp.refused, g.r.sum.Refused = true, true
				g.r.obs.Failed(nil, fmt.Errorf("group %d, none of whose members can be seen: %w", pgid, err))
			}
		}
	}
	return rest
}

// pgids returns the numbers of the groups that have not ended, in order.
func (g *groups) pgids() []int {
	var list []int
	for pgid := range g.list {
		list = append(list, pgid)
	}
	slices.Sort(list)
	return list
}

// strike signals one group. The kernel tells of no member that it refused as
// long as there is another, so each is asked before.
func (g *groups) strike(grp *group, members []*Result, sig signals.Signal) (rest []*Result) {
	var refused, granted []*Result
	var refusal error
	for _, res := range members {
		// A signal 0 asks less than CONT may do within a session.
		err := error(nil)
		if sig != signals.CONT {
			err = g.r.k.Signal(res.ID, 0)
		}
		switch {
		case err == nil:
			granted = append(granted, res)
		case errors.Is(err, procfs.ErrNoProcess):
			g.r.leave(res, true)
		default:
			refused, refusal = append(refused, res), err
			g.r.refuse(res, err)
		}
	}
	if len(refused) > 0 && len(granted) == 0 {
		g.r.obs.Failed(nil, fmt.Errorf("group %d: %w, for all of it", grp.pgid, refusal))
		return nil
	}
	for _, res := range refused {
		g.r.obs.Failed(res, fmt.Errorf("%w, the rest of group %d is signalled", res.Err, grp.pgid))
	}
	if len(granted) == 0 {
		return nil
	}
	if err := g.r.k.SignalGroup(grp.pgid, grp.known, sig); err != nil {
		// All have gone, or have left it: their descriptors know.
		return granted
	}
	for _, res := range granted {
		g.r.sent(res, sig)
	}
	g.r.wake(granted, sig)
	return nil
}

// sweep looks for who joined meanwhile. The proof that nobody did is the end of
// each group; of a session, which no call asks for, and where zombies stay, or
// who must be left alone, it is a reading during which no PID was handed out,
// or several that show nobody if nobody ever joined.
func (g *groups) sweep() (more bool, err error) {
	began := time.Now()
	pause := 50 * time.Microsecond
	for calm := 0; ; {
		if err := g.r.k.Interrupted(); err != nil {
			return false, err
		}
		if err := g.read(); err != nil {
			return false, err
		}
		if g.joined() {
			g.restless = true
			return true, nil
		}
		if g.over() {
			return false, nil
		}
		switch {
		case g.loose:
			g.restless = true
		case g.snap.Hidden+g.snap.Vanished > 0:
			// It may have been one of them, and its child whom nobody saw.
		case g.snap.Stable() || !g.restless && calm >= calmReadings:
			return false, nil
		default:
			calm++
		}
		if limited := g.r.left() <= 0; limited || time.Since(began) > g.r.plan.Prove {
			g.r.sum.LimitReached = limited
			g.r.sum.Proved = false
			g.r.sum.Doubt = g.doubt()
			return false, nil
		}
		g.r.k.Pause(pause)
		pause = min(2*pause, 5*time.Millisecond)
	}
}

// over holds when every group has ended, or may not be signalled.
func (g *groups) over() bool {
	for _, grp := range g.list {
		if !grp.refused {
			return false
		}
	}
	return len(g.sessions) == 0
}

// joined holds when the last reading shows a living member that is not known,
// or nobody of a group that still lived when it was over.
func (g *groups) joined() bool {
	for _, grp := range g.list {
		if !grp.seen && !grp.refused {
			return true
		}
		for id := range grp.members {
			if g.r.byID[id] == nil {
				return true
			}
		}
	}
	return false
}
