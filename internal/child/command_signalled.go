package child

import (
	"time"

	"killbox/internal/escalate"
	"killbox/internal/signals"
	"killbox/procfs"
)

// openCommand returns the stat of the command as the core reports it, with the inode number of its pidfd; only the PID
// is set if /proc does not show the command. It must be called before the command is signalled, because the signal may
// end the command. report is false if signals are not reported, or if the command has exited.
func (s *Supervisor) openCommand() (st procfs.Stat, report bool) {
	if !s.FetchStatus {
		return st, false
	}
	if s.Proc != nil && !s.ForeignProc() {
		if st, err := s.Kernel.Open(s.Command); err == nil {
			s.Kernel.Close(st.ID)
			return st, !st.Gone()
		}
	}
	return procfs.Stat{ID: procfs.ID{PID: s.Command}}, true
}

// reportSignalled reports that this process, not the core, has sent the command the signal of a step of the ladder.
func (s *Supervisor) reportSignalled(command procfs.Stat, sig signals.Signal, rung int) {
	s.signalled = escalate.Result{Target: escalate.Target{Stat: command}, Rung: rung}
	s.Reporter.Signalled(&s.signalled, sig, rung, time.Since(s.began))
}

// reportCommandGone reports that the command was reaped, if reportSignalled has reported the last signal that it was
// sent by the ladder. Otherwise the core reports its end, or the ladder had not begun.
func (s *Supervisor) reportCommandGone(status signals.Status) {
	if s.signalled.Rung > 0 {
		s.signalled.Outcome, s.signalled.Elapsed, s.signalled.Status = escalate.Gone, time.Since(s.began), &status
		s.Reporter.Gone(&s.signalled)
	}
}

// Signalled implements escalate.Observer. From the first event of the command on, the core reports the command.
func (o *teardownObserver) Signalled(res *escalate.Result, sig signals.Signal, rung int, elapsed time.Duration) {
	if res.PID == o.s.Command {
		o.s.signalled = escalate.Result{}
	}
	o.Reporter.Signalled(res, sig, rung, elapsed)
}

// Gone implements escalate.Observer.
func (o *teardownObserver) Gone(res *escalate.Result) {
	if res.PID == o.s.Command {
		if res.Rung == 0 {
			res.Rung = o.s.signalled.Rung // that of the forwarded TERM, which the core has not sent
		}
		o.s.signalled = escalate.Result{}
	}
	o.Reporter.Gone(res)
}
