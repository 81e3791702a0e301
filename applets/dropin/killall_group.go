package dropin

import (
	"errors"
	"time"

	"killbox/internal/cli"
	"killbox/internal/signals"
	"killbox/procfs"
)

// killallGroup is a process group that was dealt with.
type killallGroup struct {
	signalled bool
	missed    bool        // whom it was found by was gone; another may be there
	known     []procfs.ID // members that were seen
}

// signalGroup signals a process group at one stroke. member was opened in it.
func (c *killallCall) signalGroup(pgid int, member procfs.ID) (err error) {
	g := &killallGroup{known: []procfs.ID{member}}
	c.groups[pgid] = g
	defer func() { g.signalled, g.missed = err == nil, errors.Is(err, procfs.ErrNoProcess) }()
	k := c.env.Kernel
	if pgid == c.own && c.o.signal != signals.Null {
		// This process must outlive the signal, to report.
		if c.env.LeaveGroup() != nil {
			return c.signalMembers(pgid)
		}
		c.own = 0
	}
	if err := k.OpenGroup(pgid); err != nil {
		return err
	}
	// The number may have passed on before it was pinned.
	switch st, err := k.Stat(member); {
	case err != nil:
		return err
	case st.PGID != pgid:
		return procfs.ErrNoProcess
	}
	return k.SignalGroup(pgid, g.known, c.o.signal)
}

// signalMembers signals the members of our own group, that we lead and cannot
// leave, one by one.
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

// members opens the living processes that in holds for, this one apart.
func (c *killallCall) members(table *procfs.Snapshot, in func(*procfs.Stat) bool) (list []procfs.ID, err error) {
	if err := c.env.Kernel.Snapshot(table); err != nil {
		return nil, err
	}
	for i := range table.Procs {
		st := &table.Procs[i]
		if st.PID == c.env.PID || st.Gone() || !in(st) {
			continue
		}
		switch meant, err := openMatching(c.env, st, in); {
		case err != nil:
			return nil, err
		case meant:
			list = append(list, st.ID)
		default:
			table.Vanished++
		}
	}
	return list, nil
}

// waitSignalled waits for those who were signalled, and for whole groups until a look
// shows nobody alive in them.
func (c *killallCall) waitSignalled() int {
	var table procfs.Snapshot
	for tries := 0; ; tries++ {
		if code := waitGone(c.env, c.name, killallFailed, c.left, cli.Duration{}); code != 0 {
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
			c.left[id] = true
			if st, err := c.env.Kernel.Stat(id); err == nil && c.groups[st.PGID] != nil {
				g := c.groups[st.PGID]
				g.known = append(g.known, id)
			}
		}
		if len(members) > 0 {
			continue
		}
		if !c.outrun(&table, tries) {
			return 0
		}
		// A pause, that a signal may end.
		if code := waitGone(c.env, c.name, killallFailed, map[procfs.ID]bool{{}: true}, cli.Duration{Value: 5 * time.Millisecond, Given: true}); code != cli.ExitSurvivor {
			return code
		}
	}
}

// outrun tells whether a reading that shows nobody alive may have missed somebody: a group lives of which it shows no
// zombie either, or, for the first readings, somebody went while it was made.
func (c *killallCall) outrun(table *procfs.Snapshot, tries int) bool {
	const enough = 2000 // 10 seconds, of a machine that is so busy
	for pgid, g := range c.groups {
		if g.signalled && (pgid == c.own || c.env.Kernel.GroupLives(pgid, g.known)) &&
			(table.Vanished > 0 && tries < enough || len(table.Group(pgid)) == 0) {
			return true
		}
	}
	return false
}
