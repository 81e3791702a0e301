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

// unseenStep is a step of the ladder of endWithoutScan.
type unseenStep struct {
	s *Supervisor
	escalate.Step
	rung    int
	search  bool // find the children and signal them
	refused bool // the command may not be signalled
}

// run signals and waits. over is true if no process remains but those that were reported.
func (u *unseenStep) run() (over bool, err error) {
	s := u.s
	if err := u.signalCommand(); err != nil {
		return false, err
	}
	if u.refused && !u.search {
		return true, nil
	}
	s.sent, s.adopted = make(map[int]*escalate.Result), true
	for end, rounds := time.Now().Add(u.Grace), 0; !s.ReapRemaining(); {
		if u.search && s.adopted {
			s.adopted = false
			found, over, err := u.signalChildren()
			if over || err != nil {
				return over, err
			}
			if found && u.Signal == signals.KILL && rounds < maxKillRounds {
				end = time.Now().Add(u.Grace)
				rounds++
			}
		}
		timeout := duration.Forever
		if u.Grace != duration.Forever {
			if timeout = time.Until(end); timeout <= 0 {
				return false, nil
			}
		}
		if u.search && s.adopted {
			continue
		}
		events, err := s.Kernel.WaitAndReap(timeout, nil)
		if err == nil {
			err = s.Kernel.Interrupted()
		}
		if err != nil {
			return false, err
		}
		s.recordEnded(events)
	}
	return true, nil
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

// signalChildren sends the signal, and then CONT, to each child that has not been sent it in this step. found reports
// whether there was one. over is true if no process remains but those that were reported.
func (u *unseenStep) signalChildren() (found, over bool, err error) {
	s := u.s
	refused, others := u.refused, s.Command != 0 && !u.refused
	for block := range ChildBlocks {
		children, err := s.Kernel.Children(block)
		if err != nil {
			u.search = false // a sandbox refuses waitid(2)
			return found, u.refused, nil
		}
		for _, pid := range children {
			if pid == s.Command {
				continue
			}
			if s.sent[pid] == nil {
				u.signalChild(pid)
				found = true
			}
			if s.sent[pid].Outcome == escalate.Refused {
				refused = true
			} else {
				others = true
			}
		}
		if s.ReapRemaining() {
			return found, true, nil
		}
		if err := s.Kernel.Interrupted(); err != nil {
			return found, false, err
		}
	}
	return found, refused && !others, nil
}

// signalChild sends the signal, and then CONT, to a child that was found.
func (u *unseenStep) signalChild(pid int) {
	s := u.s
	res := &escalate.Result{Target: escalate.Target{Stat: procfs.Stat{ID: procfs.ID{PID: pid}}}, Rung: u.rung}
	s.sent[pid] = res
	for _, sig := range []signals.Signal{u.Signal, signals.CONT} {
		switch err := s.Kernel.SignalFound(pid, sig); {
		case err != nil:
			res.Outcome, res.Err = escalate.Refused, err
			s.Observer().Failed(res, err)
			return
		case s.FetchStatus && sig == u.Signal:
			s.Reporter.Signalled(res, sig, u.rung, time.Since(s.began))
		}
	}
}

// reportFoundGone reports that a child was reaped, if a step has reported the signal to it.
func (s *Supervisor) reportFoundGone(c *Child) {
	s.adopted = true // the children that it had
	if res := s.sent[c.PID]; res != nil {
		delete(s.sent, c.PID)
		if s.FetchStatus && res.Outcome != escalate.Refused {
			status := c.Status
			res.Outcome, res.Elapsed, res.Status = escalate.Gone, time.Since(s.began), &status
			s.Reporter.Gone(res)
		}
	}
}
