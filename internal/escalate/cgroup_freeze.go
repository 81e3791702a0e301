package escalate

import (
	"errors"
	"fmt"

	"killbox/internal/freeze"
	"killbox/internal/signals"
	"killbox/procfs"
)

// cgroupFreezer freezes and resumes a cgroup.
type cgroupFreezer struct {
	k interface {
		CgroupControl
		Scanner
	}
	acc     *account
	freezer *freeze.Freezer
	only    bool // the plan only freezes
	frozen  bool // by this process
	foreign bool // was frozen by another program
}

func newCgroupFreezer(acc *account) *cgroupFreezer {
	return &cgroupFreezer{k: acc.call.Kernel, acc: acc, freezer: newFreezer(acc), only: acc.freezesOnly()}
}

// isFrozenFor reports whether the cgroup is frozen before sig is sent. The null signal only asks which processes exist.
func (c *cgroupFreezer) isFrozenFor(sig signals.Signal) bool { return sig != 0 || c.only }

// freezeMembers freezes the cgroup, unless nothing may be frozen.
func (c *cgroupFreezer) freezeMembers() (ok bool, err error) {
	if ok, err := c.freezer.PrepareWithGuardian(); !ok || err != nil {
		return false, err
	}
	return true, c.freeze()
}

// beginLasting is called when the cgroup is to stay frozen for long: nothing is in a hurry any more.
func (c *cgroupFreezer) beginLasting() {
	if c.only {
		c.freezer.EndBoost()
	}
}

func (c *cgroupFreezer) freeze() error {
	if c.frozen {
		return nil
	}
	var err error
	if c.foreign, err = c.k.CgroupFrozen(); err != nil || c.foreign {
		return err
	}
	if err := c.freezer.GuardianAddCgroup(); err != nil {
		return err
	}
	// Marked first: should this system call be the last thing that works, the cgroup is resumed.
	c.frozen = true
	// A process in uninterruptible sleep cannot be frozen, and does not fork either; so the kill goes on after the
	// limit.
	done, err := c.k.FreezeCgroup(c.acc.proofTime())
	for range freezeTries {
		if done || err != nil || c.acc.remainingTime() <= 0 || !c.haveRunning() {
			break
		}
		done, err = c.k.FreezeCgroup(c.acc.proofTime())
	}
	if err == nil && !done && c.only {
		err = errors.New("the cgroup does not freeze: somebody in it is in uninterruptible sleep")
	}
	return err
}

// freezeTries is how many more times a cgroup is waited for in which a process is still to be scheduled: on a busy
// machine hundreds take their time.
const freezeTries = 10

// haveRunning reports whether a member is about to be frozen, and not stuck in the kernel.
func (c *cgroupFreezer) haveRunning() bool {
	var table procfs.Snapshot
	pids, _, err := c.k.CgroupMembers()
	if err != nil || c.k.Snapshot(&table) != nil {
		return false
	}
	for _, pid := range pids {
		if st := table.Lookup(pid); st != nil && st.State == 'R' {
			return true
		}
	}
	return false
}

// resume resumes the cgroup. One that another program had frozen, or that contains such a cgroup, is resumed only to die.
func (c *cgroupFreezer) resume(sig signals.Signal) {
	if !c.frozen && !(c.foreign && sig.Ends()) {
		c.freezer.EndBoost()
		return
	}
	c.thaw(sig.Ends())
}

func (c *cgroupFreezer) thaw(below bool) {
	if err := c.k.ThawCgroup(below); err != nil {
		c.acc.setLeftFrozen()
		c.acc.reportFailure(nil, fmt.Errorf("cannot thaw the cgroup: %w", err))
	} else {
		c.freezer.GuardianClear() // not after a failure: the guardian is to try again
	}
	c.frozen = false
	c.freezer.EndBoost()
}

func (c *cgroupFreezer) resumeAll() {
	if c.frozen {
		c.thaw(false)
	}
	c.freezer.EndBoost()
	c.freezer.StopGuardian()
}
