package child

import (
	"errors"
	"syscall"
	"time"

	"killbox/internal/duration"
	"killbox/internal/escalate"
	"killbox/internal/signals"
	"killbox/procfs"
)

// endUnseen runs the ladder without /proc, or with the /proc of another PID namespace.
func (s *Supervisor) endUnseen(ladder escalate.Ladder, done int) error {
	s.ended.reaped, s.ended.unseen = 0, true
	over, err := s.endWithoutScan(ladder, done)
	if !over && err == nil {
		s.Reporter.Note("processes remain; " + s.whyUnseen())
	}
	return err
}

// whyUnseen returns why the remaining processes cannot be named, and "" if /proc shows them.
func (s *Supervisor) whyUnseen() string {
	if s.Proc == nil {
		return "without /proc they cannot be named"
	}
	if err := s.Proc.SameNamespace(s.PID); err != nil {
		return "they cannot be named: " + err.Error()
	}
	return ""
}

// endWithoutScan runs the ladder without scanning /proc; done steps of it were carried out before. If this process is
// PID 1, it signals all processes atomically, with one kill(2). Otherwise it signals the command, or its process group,
// and its other children. It adopts the children of each child that ends, and signals them then. over is false if
// processes remain that have not been reported.
func (s *Supervisor) endWithoutScan(ladder escalate.Ladder, done int) (over bool, err error) {
	for i := done; i < len(ladder); i++ {
		step := unseenStep{s: s, Step: ladder[i], rung: i + 1, search: s.PID != 1 && !s.earlierUnknown}
		if over, err := step.run(); over || err != nil {
			return over, err
		}
	}
	return s.ReapRemaining(), nil
}

// unseenState is what a Supervisor knows about the children that its unseenSteps find.
type unseenState struct {
	sent    map[int]*escalate.Result // by PID: those that were signalled; Rung is that of the last signal
	blocks  [ChildBlocks]bool        // those in which a child was found
	adopted bool                     // a child was reaped, so there may be others that were not signalled
}

// unseenStep is a step of the ladder of endWithoutScan.
type unseenStep struct {
	s *Supervisor
	escalate.Step
	rung    int
	search  bool // find the children and signal them
	refused bool // the command may not be signalled
	found   bool // the last search has found a child that it signalled
	began   time.Time
	// All blocks are to be searched, not before nextFull. No block is searched before next: so a search takes at most
	// half of the processor time, and a search of all blocks a fifth. Both are durations since began.
	full           bool
	next, nextFull time.Duration
}

// fullDelay is the delay of the first search of all blocks: in most cases the blocks in which children were found before,
// and the first one, suffice.
const fullDelay = 100 * time.Millisecond

// lateSearches is how often a step searches at its end: a search can take so long that children are adopted meanwhile.
const lateSearches = 3

// run signals and waits. over is true if no process remains but those that were reported. A step that can signal nothing
// does not wait.
func (u *unseenStep) run() (over bool, err error) {
	s := u.s
	if err := u.signalCommand(); err != nil {
		return false, err
	}
	if u.refused && !u.search {
		return true, nil
	}
	u.began, u.full, u.nextFull, s.unseen.adopted = time.Now(), true, fullDelay, true
	for end, late := u.Grace, 0; !s.ReapRemaining(); {
		if u.search {
			if over, err := u.searchIfDue(time.Since(u.began) >= end); over || err != nil {
				return over, err
			}
			// Prolong the step for processes that were found late.
			if now := time.Since(u.began); u.found && u.Signal == signals.KILL && now/maxKillRounds < u.Grace && end != duration.Forever {
				end, late = now+u.Grace, 0
			}
		}
		if s.PID != 1 && s.Command == 0 && !u.search {
			return false, nil // nothing can be signalled
		}
		timeout, pause := end, u.pause()
		if end != duration.Forever {
			timeout -= time.Since(u.began)
		}
		if timeout <= 0 {
			if late++; late > lateSearches || pause == duration.Forever {
				return false, nil
			}
			continue
		}
		if err := s.waitUnseen(min(timeout, pause)); err != nil {
			return false, err
		}
	}
	return true, nil
}

// waitUnseen waits until there is an event, and records the children that were reaped.
func (s *Supervisor) waitUnseen(timeout time.Duration) error {
	events, err := s.Kernel.WaitAndReap(timeout, nil)
	if err == nil {
		err = s.Kernel.Interrupted()
	}
	if err == nil {
		s.recordEnded(events)
	}
	return err
}

// searchIfDue searches the first block and those in which children were found before, if there may be others, and all
// blocks, if the pace permits. If the step is over, the pace does not matter. over is as in run.
func (u *unseenStep) searchIfDue(stepOver bool) (over bool, err error) {
	u.found = false
	now := time.Since(u.began)
	switch {
	case u.full && (stepOver || now >= u.nextFull):
		u.s.unseen.adopted, u.full = false, false
		over, err = u.signalChildren(true)
		end := time.Since(u.began)
		u.nextFull = end + 4*(end-now) // all blocks are searched for at most a fifth of the time
	case u.s.unseen.adopted && (stepOver || now >= u.next):
		u.s.unseen.adopted, u.full = false, true
		over, err = u.signalChildren(false)
		end := time.Since(u.began)
		u.next = end + (end - now)
	}
	return over, err
}

// pause returns the time until the next search.
func (u *unseenStep) pause() time.Duration {
	at := u.nextFull
	switch {
	case u.search && u.s.unseen.adopted:
		at = u.next
	case !u.search || !u.full:
		return duration.Forever
	}
	return max(at-time.Since(u.began), 0)
}

// signalCommand sends the signal, and then CONT, to the command or its process group; as PID 1 to all processes.
func (u *unseenStep) signalCommand() error {
	s := u.s
	for _, sig := range []signals.Signal{u.Signal, signals.CONT} {
		command, report := s.openCommand()
		var err error
		if s.PID == 1 {
			err = s.Kernel.SignalAll(sig)
		} else if s.Command != 0 {
			err = s.Kernel.SignalChild(s.Command, sig, s.leadsGroup())
		}
		switch {
		case errors.Is(err, syscall.EPERM) && s.Command != 0:
			s.ReportCommandFailed(err)
			u.refused = true
			return nil
		case err != nil && !errors.Is(err, procfs.ErrNoProcess):
			return err
		case err == nil && report && s.Command != 0 && sig == u.Signal:
			s.reportSignalled(command, sig, u.rung)
		}
	}
	return nil
}

// signalChildren sends the signal, and then CONT, to each child that has not been sent it in this step. Unless all is
// set, it searches the first block and those in which children were found before. over is true if no process remains but
// those that were reported.
func (u *unseenStep) signalChildren(all bool) (over bool, err error) {
	s := u.s
	refused, others := u.refused, s.Command != 0 && !u.refused
	for block := range ChildBlocks {
		if !all && block > 0 && !s.unseen.blocks[block] {
			continue
		}
		children, err := s.Kernel.Children(block)
		if err != nil {
			u.search = false // a sandbox refuses waitid(2)
			return u.refused, nil
		}
		for _, pid := range children {
			if pid == s.Command {
				continue
			}
			s.unseen.blocks[block] = true
			res := s.unseen.sent[pid]
			if res == nil || res.Rung != u.rung {
				res = u.signalChild(pid)
				u.found = true
			}
			if res.Outcome == escalate.Refused {
				refused = true
			} else {
				others = true
			}
		}
		if s.ReapRemaining() {
			return true, nil
		}
		if err := s.Kernel.Interrupted(); err != nil {
			return false, err
		}
	}
	return all && refused && !others, nil
}

// signalChild sends the signal, and then CONT, to a child that was found.
func (u *unseenStep) signalChild(pid int) (res *escalate.Result) {
	s := u.s
	res = &escalate.Result{Target: escalate.Target{Stat: procfs.Stat{ID: procfs.ID{PID: pid}}}, Rung: u.rung}
	if s.unseen.sent == nil {
		s.unseen.sent = make(map[int]*escalate.Result)
	}
	s.unseen.sent[pid] = res
	for _, sig := range []signals.Signal{u.Signal, signals.CONT} {
		switch err := s.Kernel.SignalFound(pid, sig); {
		case err != nil:
			res.Outcome, res.Err = escalate.Refused, err
			s.Observer().Failed(res, err)
			return res
		case s.FetchStatus && sig == u.Signal:
			s.Reporter.Signalled(res, sig, u.rung, time.Since(s.began))
		}
	}
	return res
}

// noteAdoption is called when a child was reaped: its children are those of this process now. If an unseenStep has
// signalled the child, noteAdoption reports its end.
func (s *Supervisor) noteAdoption(c *Child) {
	s.unseen.adopted = true
	res := s.unseen.sent[c.PID]
	delete(s.unseen.sent, c.PID)
	if s.FetchStatus && res != nil && res.Outcome != escalate.Refused {
		status := c.Status
		res.Outcome, res.Elapsed, res.Status = escalate.Gone, time.Since(s.began), &status
		s.Reporter.Gone(res)
	}
}
