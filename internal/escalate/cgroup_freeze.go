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
	only    bool // the plan has FreezeOnly
	frozen  bool // this process has frozen the cgroup and has not resumed it
	foreign bool // another program had frozen the cgroup before
}

func newCgroupFreezer(acc *account) *cgroupFreezer {
	return &cgroupFreezer{k: acc.call.Kernel, acc: acc, freezer: newFreezer(acc), only: acc.freezesOnly()}
}

// isFrozenFor reports whether the cgroup is to be frozen before sig is sent. Signal 0 only asks which processes exist,
// so nothing is frozen for it.
func (c *cgroupFreezer) isFrozenFor(sig signals.Signal) bool { return sig != 0 || c.only }

// freezeMembers freezes the cgroup. If the freeze could not be prepared, it freezes nothing and returns false.
func (c *cgroupFreezer) freezeMembers() (ok bool, err error) {
	if ok, err := c.freezer.PrepareWithGuardian(); !ok || err != nil {
		return false, err
	}
	return true, c.freeze()
}

// beginLasting is called when the cgroup is frozen. With FreezeOnly the cgroup stays frozen for long, so this process
// gives up its raised priority.
func (c *cgroupFreezer) beginLasting() {
	if c.only {
		c.freezer.EndBoost()
	}
}

// freeze freezes the cgroup, unless this process or another program has frozen it already.
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
	// Record the freeze before the system call: if this process panics after the call, resumeAll resumes the
	// cgroup.
	c.frozen = true
	// A process in uninterruptible sleep cannot be frozen. It does not fork either, so a plan that ends the cgroup
	// continues when the time for the freeze is over.
	done, err := c.k.FreezeCgroup(c.acc.proofTime())
	for range freezeTries {
		if done || err != nil || c.acc.remainingTime() <= 0 || !c.haveRunning() {
			break
		}
		done, err = c.k.FreezeCgroup(c.acc.proofTime())
	}
	if err == nil && !done && c.only {
		err = errors.New("the cgroup does not freeze: a process in it may be in uninterruptible sleep")
	}
	return err
}

// freezeTries is how many more times freeze waits for a cgroup that has a member in state R. Such a member freezes when
// it is scheduled, which takes long for hundreds of members on a busy machine.
const freezeTries = 10

// haveRunning reports whether a member of the cgroup is in state R: it will freeze as soon as it is scheduled.
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

// resume resumes the cgroup after its members have been sent sig. If another program had frozen the cgroup or a cgroup
// below it, resume thaws that one only if sig ends processes, so that the members can die.
func (c *cgroupFreezer) resume(sig signals.Signal) {
	if !c.frozen && !(c.foreign && sig.Ends()) {
		c.freezer.EndBoost()
		return
	}
	c.thaw(sig.Ends())
}

// thaw resumes the cgroup and, with below, the cgroups below it that another program has frozen.
func (c *cgroupFreezer) thaw(below bool) {
	if err := c.k.ThawCgroup(below); err != nil {
		c.acc.setLeftFrozen()
		c.acc.reportFailure(nil, fmt.Errorf("cannot thaw the cgroup: %w", err))
	} else {
		// Not after a failure: then the list stays, and StopGuardian makes the guardian try again.
		c.freezer.GuardianClear()
	}
	c.frozen = false
	c.freezer.EndBoost()
}

// resumeAll implements scope.
func (c *cgroupFreezer) resumeAll() {
	if c.frozen {
		c.thaw(false)
	}
	c.freezer.EndBoost()
	c.freezer.StopGuardian()
}
