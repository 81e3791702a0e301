package dropin

import (
	"errors"
	"time"

	"killbox/internal/cli"
	"killbox/internal/signals"
	"killbox/procfs"
)

// killallGroup is a process group of a process that matches.
type killallGroup struct {
	signalled bool
	retry     bool        // the member passed to signalGroup was gone; try the next member that matches
	known     []procfs.ID // members found so far
}

// signalGroup signals a process group with one kill(2), or member by member if this process leads the group. member is
// open, and was seen in the group. The error is procfs.ErrNoProcess if member is gone or in another group now.
func (c *killallCall) signalGroup(pgid int, member procfs.ID) (err error) {
	g := &killallGroup{known: []procfs.ID{member}}
	c.groups[pgid] = g
	defer func() { g.signalled, g.retry = err == nil, errors.Is(err, procfs.ErrNoProcess) }()
	k := c.env.Kernel
	if pgid == c.own && c.o.signal != signals.Null {
		// Leave the group: this process must outlive the signal to report the result.
		if c.env.LeaveGroup() != nil {
			return c.signalMembers(pgid)
		}
		c.own = 0
	}
	if err := k.OpenGroup(pgid); err != nil {
		return err
	}
	// The PGID may have been reused before OpenGroup pinned it: member must still be in the group.
	switch st, err := k.Stat(member); {
	case err != nil:
		return err
	case st.PGID != pgid:
		return procfs.ErrNoProcess
	}
	return k.SignalGroup(pgid, g.known, c.o.signal)
}

// signalMembers signals the members of this process's own group one by one, except this process. It is called if this
// process leads the group, because a leader cannot leave its group. The error is nil if at least one member was
// signalled.
func (c *killallCall) signalMembers(pgid int) error {
	members, err := c.members(new(procfs.Snapshot), func(st *procfs.Stat) bool { return st.PGID == pgid })
	done := false
	for _, id := range members {
		if e := c.env.Kernel.Signal(id, c.o.signal); e == nil {
			done = true
		} else {
			err = e
		}
		c.env.Kernel.Close(id)
	}
	if done {
		return nil
	}
	return err
}

// members scans /proc into table, and opens and returns the living processes for which in is true, except this process.
// If a process is gone when members opens it, or in has become false for it, members counts it in table.Vanished.
func (c *killallCall) members(table *procfs.Snapshot, in func(*procfs.Stat) bool) (list []procfs.ID, err error) {
	if err := c.env.Kernel.Snapshot(table); err != nil {
		return nil, err
	}
	for i := range table.Procs {
		st := &table.Procs[i]
		if st.PID == c.env.PID || st.Gone() || !in(st) {
			continue
		}
		switch ok, err := openMatching(c.env, st, in); {
		case err != nil:
			return nil, err
		case ok:
			list = append(list, st.ID)
		default:
			table.Vanished++
		}
	}
	return list, nil
}

// waitSignalled waits until all signalled processes are gone and, with --process-group, until a scan shows no living
// member of the signalled groups. It returns 0, or an exit status if waiting is impossible.
func (c *killallCall) waitSignalled() int {
	var table procfs.Snapshot
	for tries := 0; ; tries++ {
		if code := waitGone(c.env, c.name, killallFailed, c.waiting, cli.Duration{}); code != 0 {
			return code
		}
		if !c.o.group {
			return 0
		}
		members, err := c.members(&table, func(st *procfs.Stat) bool {
			g := c.groups[st.PGID]
			return g != nil && g.signalled && (st.PGID == c.own || c.env.Kernel.GroupLives(st.PGID, g.known))
		})
		if err != nil {
			c.say("%s: %v", c.name, err)
			return killallFailed
		}
		for _, id := range members {
			c.waiting[id] = true
			if st, err := c.env.Kernel.Stat(id); err == nil && c.groups[st.PGID] != nil {
				g := c.groups[st.PGID]
				g.known = append(g.known, id)
			}
		}
		if len(members) > 0 {
			continue
		}
		if !c.mayHaveMissed(&table, tries) {
			return 0
		}
		// Pause for 5 ms: no process has the zero ID, so waitGone reaches its limit. A caught signal ends the program.
		if code := waitGone(c.env, c.name, killallFailed, map[procfs.ID]bool{{}: true}, cli.Duration{Value: 5 * time.Millisecond, Given: true}); code != cli.ExitSurvivor {
			return code
		}
	}
}

// mayHaveMissed reports whether a scan that shows no living member of the signalled groups may have missed one. That is
// so if the kernel still has a member of a signalled group, and either the scan shows no member of it, not even a
// zombie, or processes vanished during the scan. Vanished processes count only in the first 2000 tries, because the
// member that the kernel has may remain a zombie for ever.
func (c *killallCall) mayHaveMissed(table *procfs.Snapshot, tries int) bool {
	const enough = 2000 // at least 10 seconds
	for pgid, g := range c.groups {
		if g.signalled && (pgid == c.own || c.env.Kernel.GroupLives(pgid, g.known)) &&
			(table.Vanished > 0 && tries < enough || len(table.Group(pgid)) == 0) {
			return true
		}
	}
	return false
}
