package escalate

import (
	"errors"
	"fmt"
	"time"

	"killbox/internal/signals"
	"killbox/procfs"
)

// Cgroup is a subtree of cgroup v2, opened beforehand.
type Cgroup interface {
	// CgroupFrozen tells whether somebody has asked for the freeze already.
	CgroupFrozen() (bool, error)
	// GuardianAddCgroup lets the guardian know that the cgroup is about to be
	// frozen; Kernel.Clear takes that back.
	GuardianAddCgroup() error
	// FreezeCgroup returns when everybody has stopped; done is false when
	// limit was over first. The error is a *signals.Interrupt when killbox
	// itself is to end.
	FreezeCgroup(limit time.Duration) (done bool, err error)
	// ThawCgroup lets the cgroup go on and, with below, the cgroups in it
	// that have been frozen by themselves.
	ThawCgroup(below bool) error
	// KillCgroup kills everybody at one stroke (Linux 5.14).
	KillCgroup() error
	// CgroupMembers lists the processes of the subtree. Outside counts those
	// that have no number here.
	CgroupMembers() (pids []int, outside int, err error)
	// CgroupEmpty waits until nobody lives in the subtree, for limit at most.
	CgroupEmpty(limit time.Duration) (bool, error)
}

// CgroupPlan says that the targets are the members of a cgroup.
type CgroupPlan struct {
	Cgroup
	// Contains reports whether the process, as it was read, is in the cgroup now.
	Contains func(*procfs.Stat) bool
	// Guard returns why a member is to be left alone, or "".
	Guard func(*procfs.Stat) string
}

// cgroup is frozen as a whole by the kernel, which is all the proof there need
// be: nobody in it forks.
type cgroup struct {
	freezer
	frozen  bool // by us
	foreign bool // was frozen by another program
	spared  map[procfs.ID]bool
}

func (c *cgroup) gather(sig signals.Signal) ([]*Result, error) {
	if sig == 0 && c.r.plan.Hold == nil {
		return c.look() // only asks who is there
	}
	if ok, err := c.startFreezing(); !ok || err != nil {
		return nil, err
	}
	if err := c.freeze(); err != nil {
		return nil, err
	}
	return c.look()
}

func (c *cgroup) freeze() error {
	if c.frozen {
		return nil
	}
	var err error
	if c.foreign, err = c.r.plan.Cgroup.CgroupFrozen(); err != nil || c.foreign {
		return err
	}
	if err := c.tellGuardian(c.r.plan.Cgroup.GuardianAddCgroup); err != nil {
		return err
	}
	// Marked first: should this call be the last thing that works, it is
	// thawed.
	c.frozen = true
	// Somebody in uninterruptible sleep cannot be frozen, and forks nothing
	// either; so the kill goes on after the limit.
	done, err := c.r.plan.Cgroup.FreezeCgroup(c.r.prove())
	for range freezeTries {
		if done || err != nil || c.r.left() <= 0 || !c.running() {
			break
		}
		done, err = c.r.plan.Cgroup.FreezeCgroup(c.r.prove())
	}
	if err == nil && !done && c.r.plan.Hold != nil {
		err = errors.New("the cgroup does not freeze: somebody in it is in uninterruptible sleep")
	}
	return err
}

// freezeTries is how often more a cgroup is waited for in which somebody is
// still to be scheduled: on a busy machine hundreds take their time.
const freezeTries = 10

// running tells whether a member is on its way to be frozen, and not stuck in
// the kernel.
func (c *cgroup) running() bool {
	var table procfs.Snapshot
	pids, _, err := c.r.plan.Cgroup.CgroupMembers()
	if err != nil || c.r.k.Snapshot(&table) != nil {
		return false
	}
	for _, pid := range pids {
		if st := table.Lookup(pid); st != nil && st.State == 'R' {
			return true
		}
	}
	return false
}

// look opens the members that are new.
func (c *cgroup) look() ([]*Result, error) {
	pids, _, err := c.r.plan.Cgroup.CgroupMembers()
	if err != nil {
		return nil, err
	}
	var found []*Result
	for _, pid := range pids {
		if res := c.take(pid); res != nil {
			found = append(found, res)
		}
	}
	return found, nil
}

func (c *cgroup) take(pid int) *Result {
	st, err := c.r.k.Open(pid)
	if err != nil {
		if !errors.Is(err, procfs.ErrNoProcess) {
			st.PID = pid
			if c.r.byID[st.ID] == nil {
				res := c.r.add(Target{Stat: st})
				c.r.refuse(res, err)
				c.r.obs.Failed(res, err)
			}
		}
		return nil
	}
	if c.r.byID[st.ID] != nil || c.spared[st.ID] {
		return nil
	}
	// The list was read before: the number may have come to name a stranger.
	// Asked last: if it is still there, all that was read was its own.
	in := c.r.plan.Cgroup.Contains(&st)
	if _, err := c.r.k.Stat(st.ID); !in || err != nil || st.Gone() {
		c.r.k.Close(st.ID)
		return nil
	}
	if reason := c.r.plan.Cgroup.Guard(&st); reason != "" {
		c.r.k.Close(st.ID)
		c.spare(&st, reason)
		return nil
	}
	return c.r.add(Target{Stat: st})
}

func (c *cgroup) spare(st *procfs.Stat, reason string) {
	if c.spared == nil {
		c.spared = make(map[procfs.ID]bool)
		for _, s := range c.r.plan.Skipped {
			c.spared[s.ID] = true
		}
	}
	if !c.spared[st.ID] {
		c.spared[st.ID] = true
		c.r.obs.Skipped(Skip{*st, reason})
	}
}

// signal kills everybody at one stroke, unless somebody is to be spared.
func (c *cgroup) signal(list []*Result, sig signals.Signal) bool {
	if sig != signals.KILL || len(c.spared)+len(c.r.plan.Skipped) > 0 {
		return false
	}
	// Who was moved elsewhere since is a target still, and the stroke misses
	// it.
	var inside, outside []*Result
	for _, res := range list {
		switch {
		case res.Outcome != Survived:
		case c.r.plan.Cgroup.Contains(&res.Stat):
			inside = append(inside, res)
		default:
			outside = append(outside, res)
		}
	}
	if c.r.plan.Cgroup.KillCgroup() != nil {
		return false // one by one, then; what fails there is reported
	}
	for _, res := range inside {
		c.signalMissed(res, sig)
	}
	c.r.signalAll(outside, sig)
	return true
}

// signalMissed signals a member after cgroup.kill. The kernel sends KILL to the first thread of each member
// only (cgroup_kill_control in kernel/cgroup/cgroup.c), so it misses a process whose first thread has
// exited. For any other member an error is ignored: it has been killed, permitted or not.
func (c *cgroup) signalMissed(res *Result, sig signals.Signal) {
	err := c.r.k.Signal(res.ID, sig)
	if err != nil && !errors.Is(err, procfs.ErrNoProcess) {
		if st, statErr := c.r.k.Stat(res.ID); statErr == nil && st.Thread != 0 {
			c.r.refuse(res, err)
			c.r.obs.Failed(res, err)
			return
		}
	}
	c.r.sent(res, sig)
}

// thaw lets the cgroup go on. One that somebody else had frozen, or that holds
// such a cgroup, is let go on only to die.
func (c *cgroup) thaw(sig signals.Signal) {
	if !c.frozen && !(c.foreign && sig.Ends()) {
		c.unboost()
		return
	}
	c.release(sig.Ends())
}

func (c *cgroup) release(below bool) {
	if err := c.r.plan.Cgroup.ThawCgroup(below); err != nil {
		c.r.sum.Failed = true
		c.r.obs.Failed(nil, fmt.Errorf("cannot thaw the cgroup: %w", err))
	} else {
		c.clearGuardian() // not after a failure: the guardian is to try again
	}
	c.frozen = false
	c.unboost()
}

func (c *cgroup) sweep() (more bool, err error) {
	empty, err := c.r.plan.Cgroup.CgroupEmpty(0)
	if err != nil || empty {
		return false, err
	}
	pids, outside, err := c.r.plan.Cgroup.CgroupMembers()
	if err != nil {
		return false, err
	}
	for _, pid := range pids {
		st, err := c.r.k.Open(pid)
		switch {
		case errors.Is(err, procfs.ErrNoProcess):
			// It may have left a child. In a cgroup that is frozen nobody
			// goes before it is opened.
			return true, nil
		case err != nil || c.spared[st.ID]:
		case c.r.byID[st.ID] == nil && c.r.plan.Cgroup.Contains(&st):
			return true, nil
		}
	}
	if len(c.spared)+len(c.r.plan.Skipped) > 0 {
		return false, nil
	}
	if empty, err = c.r.plan.Cgroup.CgroupEmpty(c.r.prove()); err != nil || empty {
		return false, err
	}
	c.r.sum.Proved = false
	c.r.sum.Doubt = "the cgroup is still populated"
	if outside > 0 {
		c.r.sum.Doubt += ", by processes outside of this PID namespace"
	}
	return false, nil
}

func (c *cgroup) survivors() error {
	_, err := c.look()
	return err
}

func (c *cgroup) holding() bool { return false }

func (c *cgroup) close() {
	if c.frozen {
		c.release(false)
	}
	c.unboost()
	c.endGuardian()
}
