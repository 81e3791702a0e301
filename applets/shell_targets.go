package applets

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"killbox/procfs"
)

// targets returns the operands that stand for a job.
func (c *shellCall) targets(word string, j shellJob) ([]string, error) {
	own, err := c.openJob(j)
	if err != nil {
		return nil, err
	}
	if c.applet.Name == "pgkill" && !slices.Contains(c.given, "of") {
		return c.groups(word, j, own)
	}
	if len(own) == 0 {
		// The job has ended. No process has this start time, so the applet takes the handle for that of a process
		// which is gone.
		return []string{fmt.Sprintf("%d@0", j.pids[len(j.pids)-1])}, nil
	}
	var handles []string
	if waits := c.applet.Name == "waitpid" || c.applet.Name == "reapwait" || slices.Contains(c.given, "wait-only"); !waits {
		if handles, err = c.otherMembers(own); err != nil {
			return nil, err
		}
	}
	for i := range own {
		handles = append(handles, own[i].Handle())
	}
	return handles, nil
}

// findShells finds the processes that may have started a job: the parent of this process and, if the parent is a
// subshell, the ancestors up to the shell. The walk ends there: an ancestor of the shell, such as init, may have a
// child that has the PID of an ended job, and hidepid may hide the ancestor. If a subshell has outlived its shell, the
// walk ends at the parent or at the subshell that -s gives.
func (c *shellCall) findShells() error {
	if len(c.shells) > 0 {
		return nil
	}
	own, err := c.env.Proc.Stat(c.env.PID)
	if err != nil {
		return fmt.Errorf("cannot examine this process: %w", err)
	}
	last := 1
	for pid := own.PPID; pid != 0; {
		st, err := c.env.Proc.Stat(pid)
		if err != nil && len(c.shells) > 0 {
			break
		}
		if err != nil {
			return fmt.Errorf("cannot examine the shell: %w", err)
		}
		c.shells = append(c.shells, st)
		if slices.Contains(c.pids, pid) {
			last = len(c.shells)
		}
		if len(c.pids) == 0 || pid == c.pids[0] {
			break
		}
		pid = st.PPID
	}
	c.shells = c.shells[:min(last, len(c.shells))]
	return nil
}

// shell returns the one of c.shells with the PID, or nil.
func (c *shellCall) shell(pid int) *procfs.Stat {
	for i := range c.shells {
		if c.shells[i].PID == pid {
			return &c.shells[i]
		}
	}
	return nil
}

// openJob returns the processes of a job that are alive. A process that is a child of the shell cannot be another
// one which has the PID of an ended job: the shell starts none while it waits for this call.
func (c *shellCall) openJob(j shellJob) (list []procfs.Stat, err error) {
	if c.env.Proc == nil {
		return nil, c.env.ProcErr
	}
	if err := c.findShells(); err != nil {
		return nil, err
	}
	for _, pid := range j.pids {
		st, err := c.env.Kernel.Open(pid)
		if errors.Is(err, procfs.ErrNoProcess) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%d: %w", pid, err)
		}
		if c.shell(st.PPID) != nil && !st.Gone() && st.Handle() != "" {
			list = append(list, st)
		}
		c.env.Kernel.Close(st.ID)
	}
	return list, nil
}

// hasGroup reports whether the process is in a process group that belongs to the job: the shell has job control, or the
// process has made the group.
func (c *shellCall) hasGroup(st *procfs.Stat) bool {
	return st.PGID > 1 && st.PGID != c.shell(st.PPID).PGID
}

// groups returns the process groups of a job, for pgkill.
func (c *shellCall) groups(word string, j shellJob, own []procfs.Stat) (list []string, err error) {
	if slices.Contains(c.given, "session") {
		return nil, &noJob{word, "a job is a process group and no session"}
	}
	for i := range own {
		if !c.hasGroup(&own[i]) {
			return nil, &noJob{word, "the shell has no job control: the process group of the job is that of the shell"}
		}
		if group := strconv.Itoa(own[i].PGID); !slices.Contains(list, group) {
			list = append(list, group)
		}
	}
	if len(own) == 0 {
		// A group has no handle. Another group may have the number of that of an ended job.
		c.ended = append(c.ended, word)
	}
	return list, nil
}

// otherMembers returns the handles of the processes that are in the group of the job, but that the shell has not
// started.
func (c *shellCall) otherMembers(own []procfs.Stat) (handles []string, err error) {
	var table procfs.Snapshot
	var pids, groups []int
	for i := range own {
		pids = append(pids, own[i].PID)
	}
	for i := range own {
		st := &own[i]
		if !c.hasGroup(st) || st.SID != c.shell(st.PPID).SID || slices.Contains(groups, st.PGID) {
			continue
		}
		groups = append(groups, st.PGID)
		if table.Procs == nil {
			if err := c.env.Proc.Snapshot(&table); err != nil {
				return nil, err
			}
		}
		for _, member := range table.Group(st.PGID) {
			if slices.Contains(pids, member.PID) || member.PID == c.env.PID || c.shell(member.PID) != nil {
				continue
			}
			now, err := c.env.Kernel.Open(member.PID)
			if err != nil {
				continue // gone since
			}
			if handle := now.Handle(); now.PGID == st.PGID && !now.Gone() && handle != "" {
				handles = append(handles, handle)
			}
			c.env.Kernel.Close(now.ID)
		}
	}
	return handles, nil
}
