package child

import "killbox/procfs"

// RecordEarlierChildren records the descendants that this process has before the command is started. They were started
// by the program that this process ran before execve(2), and are not ended with the command. Without /proc it only records
// that there are any.
func (s *Supervisor) RecordEarlierChildren() {
	s.earlier = make(map[procfs.ID]bool)
	if s.PID == 1 || s.Kernel.ReapExited() {
		return
	}
	if s.Proc == nil || s.ForeignProc() {
		s.earlierUnknown = true
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

// existedBefore reports whether RecordEarlierChildren recorded the process or one of its ancestors.
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
