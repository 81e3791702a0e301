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

// signal signals the targets of the list. KILL is sent to the whole cgroup atomically, unless a member is excluded.
func (c *cgroupSender) signal(list batch, sig signals.Signal) {
	if sig != signals.KILL || c.scan.excludesAny() || !c.kill(list) {
		c.single.signalAll(list, sig)
	}
}

// kill kills all processes in the cgroup with cgroup.kill. It returns false if that failed (before Linux 5.14 the file
// does not exist).
func (c *cgroupSender) kill(list batch) bool {
	// A process that was moved to another cgroup is still a target, and cgroup.kill does not reach it.
	inside, outside := c.scan.split(list)
	if c.k.KillCgroup() != nil {
		return false // the caller signals the targets one by one, and reports errors
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

// killMissed sends KILL to a member after cgroup.kill, which misses a process whose first thread has exited: the kernel
// sends KILL only through the first thread of each process (__cgroup_kill in kernel/cgroup/cgroup.c). For any
// other member an error such as EPERM is ignored: cgroup.kill needs no permission to signal, and has killed it.
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
