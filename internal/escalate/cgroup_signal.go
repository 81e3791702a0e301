package escalate

import (
	"errors"

	"killbox/internal/freeze"
	"killbox/internal/signals"
	"killbox/procfs"
)

// cgroupSender signals the members of a cgroup.
type cgroupSender struct {
	k interface {
		CgroupControl
		freeze.Signaller
		freeze.Inspector
	}
	acc    *account
	scan   *cgroupScan
	single *sender
}

func newCgroupSender(acc *account, scan *cgroupScan) *cgroupSender {
	return &cgroupSender{k: scan.k, acc: acc, scan: scan, single: newSender(acc)}
}

// signal signals the members. It kills all atomically, unless a member is excluded.
func (c *cgroupSender) signal(list batch, sig signals.Signal) {
	if sig != signals.KILL || c.scan.excludesAny() || !c.kill(list) {
		c.single.signalAll(list, sig)
	}
}

// kill kills all processes in the cgroup, and reports whether the kernel can.
func (c *cgroupSender) kill(list batch) bool {
	// Processes migrated out of the cgroup are still targets, and cgroup.kill does not reach them.
	inside, outside := c.scan.split(list)
	if c.k.KillCgroup() != nil {
		return false // one by one, then; what fails there is reported
	}
	for _, res := range inside {
		if err := c.killMissed(res.ID); err != nil {
			c.acc.refuse(res, err)
		} else {
			c.acc.markSignalled(res, signals.KILL)
		}
	}
	c.single.signalAll(outside, signals.KILL)
	return true
}

// killMissed kills a member after cgroup.kill. The kernel sends KILL to the first thread of each member only
// (cgroup_kill_control in kernel/cgroup/cgroup.c), so it misses a process whose first thread has exited. For any other
// member an error is ignored: it has been killed, permitted or not.
func (c *cgroupSender) killMissed(id procfs.ID) error {
	err := c.k.Signal(id, signals.KILL)
	if err == nil || errors.Is(err, procfs.ErrNoProcess) {
		return nil
	}
	if st, statErr := c.k.Stat(id); statErr != nil || st.Thread == 0 {
		return nil
	}
	return err
}
