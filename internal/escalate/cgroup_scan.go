package escalate

import (
	"errors"

	"killbox/internal/freeze"
	"killbox/procfs"
)

// cgroupScan finds the members of a cgroup.
type cgroupScan struct {
	k interface {
		CgroupControl
		Opener
		freeze.Signaller
		freeze.Inspector
	}
	acc      *account
	policy   Policy
	skipped  []Skip             // excluded by the plan and reported already
	excluded map[procfs.ID]bool // all excluded members; nil until the policy has excluded one
}

func newCgroupScan(acc *account) *cgroupScan {
	return &cgroupScan{k: acc.call.Kernel, acc: acc, policy: acc.call.Policy, skipped: acc.call.Plan.Skipped}
}

// excludesAny reports whether a member is excluded.
func (c *cgroupScan) excludesAny() bool { return len(c.excluded)+len(c.skipped) > 0 }

// scanMembers opens the members that have no result yet, and returns their results.
func (c *cgroupScan) scanMembers() (batch, error) {
	pids, _, err := c.k.CgroupMembers()
	if err != nil {
		return nil, err
	}
	var found batch
	for _, pid := range pids {
		found = c.openMember(found, pid)
	}
	return found, nil
}

// openMember opens the member with the given PID, and appends its result to found if it is new.
func (c *cgroupScan) openMember(found batch, pid int) batch {
	st, err := c.k.Open(pid)
	if errors.Is(err, procfs.ErrNoProcess) {
		return found
	}
	if err != nil {
		st.PID = pid
	}
	switch known, _ := c.acc.has(st.ID); {
	case known:
		return found
	case err != nil:
		c.acc.addRefused(st, err)
		return found
	case c.excluded[st.ID]:
		return found
	}
	// cgroup.procs was read before the open, so the PID may have been reused. Check that the opened process is in
	// the cgroup, and then that it still exists. If it does, InCgroup read /proc/PID/cgroup of this process, and
	// not of one that has reused the PID.
	in := c.policy.InCgroup(&st)
	if _, err := c.k.Stat(st.ID); !in || err != nil || st.Gone() {
		c.k.Close(st.ID)
		return found
	}
	if reason := c.policy.Exclude(&st); reason != "" {
		c.k.Close(st.ID)
		c.exclude(&st, reason)
		return found
	}
	return append(found, c.acc.addMember(st))
}

// exclude notes that a member is excluded, and reports each exclusion once.
func (c *cgroupScan) exclude(st *procfs.Stat, reason string) {
	if c.excluded == nil {
		c.excluded = make(map[procfs.ID]bool)
		for _, s := range c.skipped {
			c.excluded[s.ID] = true
		}
	}
	if !c.excluded[st.ID] {
		c.excluded[st.ID] = true
		c.acc.reportExcluded(st, reason)
	}
}

// split splits the remaining processes of a list into members of the cgroup and those that were moved to another
// cgroup.
func (c *cgroupScan) split(list batch) (inside, outside batch) {
	for _, res := range list.remaining() {
		if c.policy.InCgroup(&res.Stat) {
			inside = append(inside, res)
		} else {
			outside = append(outside, res)
		}
	}
	return inside, outside
}

// haveNewcomers reports whether the cgroup has members that have no result and are not excluded. outside is the number
// of members that have no PID in this PID namespace.
func (c *cgroupScan) haveNewcomers() (more bool, outside int, err error) {
	pids, outside, err := c.k.CgroupMembers()
	if err != nil {
		return false, 0, err
	}
	for _, pid := range pids {
		st, err := c.k.Open(pid)
		known, _ := c.acc.has(st.ID)
		switch {
		case errors.Is(err, procfs.ErrNoProcess):
			// The member ended between the list and the open, and may have left a child. Report a newcomer:
			// the next scan opens members while the cgroup is frozen, so that none can end before it is
			// opened.
			return true, outside, nil
		case err != nil || c.excluded[st.ID] || known:
		case c.policy.InCgroup(&st):
			return true, outside, nil
		default:
			c.k.Close(st.ID)
		}
	}
	return false, outside, nil
}
