//go:build !nodropins

package applets

import (
	"errors"

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
		// It must live to tell how it went.
		if k.LeaveGroup() != nil {
			return c.signalMembers(pgid)
		}
		c.own = 0
		// From now on a terminal takes us for a background job.
		k.Ignore(signals.TTOU)
	}
	if err := k.OpenGroup(pgid); err != nil {
		return err
	}
	// The number may have passed on before it was pinned.
	if st, err := k.Stat(member); err != nil || st.PGID != pgid {
		return procfs.ErrNoProcess
	}
	return k.SignalGroup(pgid, g.known, c.o.signal)
}

// signalMembers signals the members of our own group, that we lead and cannot
// leave, one by one.
func (c *killallCall) signalMembers(pgid int) error {
	members, err := c.members(func(st *procfs.Stat) bool { return st.PGID == pgid })
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
func (c *killallCall) members(in func(*procfs.Stat) bool) (list []procfs.ID, err error) {
	var table procfs.Snapshot
	if err := c.env.Kernel.Snapshot(&table); err != nil {
		return nil, err
	}
	for i := range table.Procs {
		st := &table.Procs[i]
		if st.PID == c.env.PID || st.Gone() || !in(st) {
			continue
		}
		switch meant, err := pin(c.env, st, in); {
		case err != nil:
			return nil, err
		case meant:
			list = append(list, st.ID)
		}
	}
	return list, nil
}

// wait waits for those who were signalled, and for whole groups until a look
// shows nobody alive in them.
func (c *killallCall) wait() int {
	for {
		if code := await(c.env, c.name, c.left, durationValue{}); code != 0 {
			if code == exitFailed {
				code = killallFailed
			}
			return code
		}
		if !c.o.group {
			return 0
		}
		members, err := c.members(func(st *procfs.Stat) bool {
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
		if len(members) == 0 {
			return 0
		}
	}
}
