package dropin

import "killbox/procfs"

// planPID adds what kill(2) would signal for pid to the output of --dry-run: a process, also by the TID of a thread, or
// a process group, or with -1 all processes.
func (c *killCall) planPID(word string, pid int) {
	list, err := c.receivers(pid)
	if err == nil && len(list) == 0 {
		err = procfs.ErrNoProcess
	}
	if err != nil {
		c.failOperand(word, err)
		return
	}
	c.planned = append(c.planned, list...)
	c.done++
}

// receivers returns the processes that kill(2) would signal for pid, except this process.
func (c *killCall) receivers(pid int) (list []*procfs.Stat, err error) {
	proc := c.env.Proc
	if pid > 0 {
		status, err := proc.Status(pid)
		if err != nil {
			return nil, err
		}
		st, err := proc.Stat(status.TGID)
		return []*procfs.Stat{&st}, err
	}
	group := -pid
	if pid == 0 {
		self, err := proc.Stat(c.env.PID)
		if err != nil {
			return nil, err
		}
		group = self.PGID
	}
	var table procfs.Snapshot
	if err := c.env.Kernel.Snapshot(&table); err != nil {
		return nil, err
	}
	for i := range table.Procs {
		st := &table.Procs[i]
		all := pid == -1 && st.PID != 1 && !st.KernelThread()
		if st.PID != c.env.PID && (all || pid != -1 && st.PGID == group) {
			list = append(list, st)
		}
	}
	return list, nil
}
