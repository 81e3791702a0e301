package child

import (
	"time"

	"killbox/procfs"
)

// LeakOptions say what happens to the processes that remain when the command has exited.
type LeakOptions struct {
	// Settle is how long they may remain before they are ended. It has no effect with KeepRemaining.
	Settle time.Duration
	// ReportLeaks reports those that remain after that. If LeakStatus is not 0, they change the exit status 0 to
	// LeakStatus.
	ReportLeaks bool
	LeakStatus  int
}

// LeakReporter prints what the command has left behind.
type LeakReporter interface {
	// Leak reports a process. args is its command line, nil if it cannot be read; age is the time since it was started,
	// negative if that is not known.
	Leak(st *procfs.Stat, args []string, age time.Duration)
	// UnseenLeaks reports that processes remain that /proc does not show, and why.
	UnseenLeaks(why string)
}

// reportLeaks reports the leaks: the processes that are alive although the command has exited. It is called before the
// first signal of the ladder. A zombie is no leak: the living process that does not reap it is one.
func (s *Supervisor) reportLeaks() {
	if !s.ReportLeaks || s.Command != 0 || s.ReapRemaining() {
		return
	}
	if why := s.whyUnseen(); why != "" {
		s.leaked = true
		s.Reporter.UnseenLeaks(why)
		return
	}
	leaks, zombies, err := s.findRemaining()
	if s.ReapRemaining() && len(leaks) == 0 {
		return // the last process has ended before the scan
	}
	for i := range leaks {
		s.leaked = true
		s.reportLeak(&leaks[i])
	}
	switch {
	case err != nil:
		s.leaked = true
		s.Reporter.UnseenLeaks("they cannot be named: " + err.Error())
	case len(leaks) == 0 && zombies == 0:
		s.leaked = true
		s.Reporter.UnseenLeaks("/proc does not show them")
	}
}

// findRemaining returns the descendants of this process that are alive, in ascending order of PID, and the number of
// zombies among its descendants. It leaves out those from before the command.
func (s *Supervisor) findRemaining() (alive []procfs.Stat, zombies int, err error) {
	self, err := s.Proc.Stat(s.PID)
	if err != nil {
		return nil, 0, err
	}
	var table procfs.Snapshot
	if err := s.Kernel.Snapshot(&table); err != nil {
		return nil, 0, err
	}
	for _, st := range table.Descendants(procfs.TreeQuery{Roots: []procfs.ID{self.ID}}) {
		switch {
		case st.ID == self.ID || s.existedBefore(*st):
		case st.Gone():
			zombies++
		default:
			alive = append(alive, *st)
		}
	}
	return alive, zombies, nil
}

// reportLeak reports a process that a snapshot has shown.
func (s *Supervisor) reportLeak(st *procfs.Stat) {
	var args []string
	if opened, err := s.Kernel.Open(st.PID); err == nil {
		if opened.ID == st.ID && !st.Hidden() {
			st = &opened // it has the inode number, too
			args, _ = s.Proc.Cmdline(st.PID)
		}
		if s.Kernel.Exists(opened.ID) != nil {
			args = nil // they may be those of a process that reuses the PID
		}
		s.Kernel.Close(opened.ID)
	}
	s.Reporter.Leak(st, args, s.age(st))
}

// age returns the time since the process was started, -1 if it is not known.
func (s *Supervisor) age(st *procfs.Stat) time.Duration {
	if st.Hidden() || st.Start == 0 {
		return -1
	}
	age, err := s.Proc.Age(*st)
	if err != nil {
		return -1
	}
	return age
}
