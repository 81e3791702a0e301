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
	skipped  []Skip             // excluded by the plan, which has been reported
	excluded map[procfs.ID]bool // nil before the first exclusion by the policy
}

func newCgroupScan(acc *account) *cgroupScan {
	return &cgroupScan{k: acc.call.Kernel, acc: acc, policy: acc.call.Policy, skipped: acc.call.Plan.Skipped}
}

// excludesAny reports whether a member is excluded.
func (c *cgroupScan) excludesAny() bool { return len(c.excluded)+len(c.skipped) > 0 }

// scanMembers opens the members that are new.
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

// openMember opens a member, and appends it to found if it is new.
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
	// cgroup.procs was read before the open, so the PID may have been reused. Check membership, then that the process
	// still exists: only then does what was read belong to it.
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

// exclude notes that a member is excluded, and reports that unless it has been reported.
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

// split splits a list into members, and processes that have been migrated out of the cgroup.
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

// haveNewcomers reports whether there are members that are neither known nor excluded. outside counts those that have no
// PID here.
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
			// It may have left a child. In a cgroup that is frozen no process ends before it is opened.
			return true, outside, nil
		case err != nil || c.excluded[st.ID] || known:
		case c.policy.InCgroup(&st):
			return true, outside, nil
		}
	}
	return false, outside, nil
}
