package child

import "killbox/procfs"

// RecordEarlierChildren records the children that this process has before the command, from a program that ran in it
// before execve(2).
func (s *Supervisor) RecordEarlierChildren() {
	s.earlier = make(map[procfs.ID]bool)
	if s.PID == 1 || s.Proc == nil || s.Kernel.ReapExited() || s.ForeignProc() {
		return
	}
	var table procfs.Snapshot
	if s.Kernel.Snapshot(&table) != nil {
		return
	}
	self, err := s.Proc.Stat(s.PID)
	if err != nil {
		return
	}
	for _, st := range table.Descendants(procfs.TreeQuery{Roots: []procfs.ID{self.ID}}) {
		s.earlier[st.ID] = true
	}
}

// existedBefore reports whether the process existed before the command, or descends from such a process.
func (s *Supervisor) existedBefore(st procfs.Stat) bool {
	if len(s.earlier) == 0 {
		return false
	}
	for !s.earlier[st.ID] {
		parent, err := s.Proc.Stat(st.PPID)
		if err != nil || parent.PID == s.PID || parent.PID == 1 {
			return false
		}
		st = parent
	}
	return true
}
