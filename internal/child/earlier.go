package child

import (
	"fmt"

	"killbox/procfs"
)

// RecordEarlierChildren records the descendants that this process has before the command is started. They were started
// by the program that this process ran before execve(2), and are not ended with the command. Without /proc it only
// records that there are any. After an error they cannot be told from the descendants of the command, so the command
// must not be started.
func (s *Supervisor) RecordEarlierChildren() error {
	s.earlier = make(map[procfs.ID]bool)
	if s.PID == 1 || s.Kernel.ReapExited() {
		return nil
	}
	if s.Proc == nil || s.ForeignProc() {
		s.earlierUnknown = true
		return nil
	}
	var table procfs.Snapshot
	self, err := s.Proc.Stat(s.PID)
	if err == nil {
		err = s.Kernel.Snapshot(&table)
	}
	if err != nil {
		return fmt.Errorf("cannot find the children from before the command: %w", err)
	}
	for _, st := range table.Descendants(procfs.TreeQuery{Roots: []procfs.ID{self.ID}}) {
		s.earlier[st.ID] = true
	}
	return nil
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
