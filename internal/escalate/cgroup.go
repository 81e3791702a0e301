package escalate

import (
	"time"

	"killbox/internal/freeze"
	"killbox/internal/signals"
	"killbox/procfs"
)

// cgroup is the scope of a cgroup. The kernel freezes the cgroup as a whole, so no process in it can fork: no further
// proof is needed.
type cgroup struct {
	*cgroupFreezer
	*cgroupSender
	acc  *account
	k    CgroupControl
	scan *cgroupScan
}

func newCgroup(acc *account) *cgroup {
	scan := newCgroupScan(acc)
	return &cgroup{cgroupFreezer: newCgroupFreezer(acc), cgroupSender: newCgroupSender(acc, scan), acc: acc, k: scan.k, scan: scan}
}

func (c *cgroup) scanAndStop(sig signals.Signal) (batch, error) {
	if c.isFrozenFor(sig) {
		if ok, err := c.freezeMembers(); !ok || err != nil {
			return nil, err
		}
	}
	found, err := c.scan.scanMembers()
	if err == nil {
		c.beginLasting()
	}
	return found, err
}

func (c *cgroup) sweep() (more bool, err error) {
	empty, err := c.k.CgroupEmpty(0)
	if err != nil || empty {
		return false, err
	}
	more, outside, err := c.scan.haveNewcomers()
	if more || err != nil || c.scan.excludesAny() {
		return more, err
	}
	if empty, err = c.k.CgroupEmpty(c.acc.proofTime()); err != nil || empty {
		return false, err
	}
	doubt := "the cgroup is still populated"
	if outside > 0 {
		doubt += ", by processes outside of this PID namespace"
	}
	c.acc.setUnproved(doubt)
	return false, nil
}

func (c *cgroup) addNewcomers() (doubt string, err error) {
	_, err = c.scan.scanMembers()
	return freeze.TooFast, err
}

func (c *cgroup) allKeptFrozen() bool { return false }

// resumeLate implements scope. A parent is not told that the freezer has stopped its child.
func (c *cgroup) resumeLate(limit time.Duration) time.Duration { return limit }

// noteEnd implements scope. No process leaves its cgroup when its parent ends.
func (c *cgroup) noteEnd([]procfs.ID) {}
