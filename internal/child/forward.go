package child

import (
	"errors"
	"fmt"

	"killbox/internal/signals"
	"killbox/procfs"
)

// forwardSignal sends the command a signal that this process has received. If the signal is TERM, the grace period of
// the command begins (startGrace). over is true if the command has exited and the signal ends the remaining processes.
func (s *Supervisor) forwardSignal(sig signals.Signal) (over bool) {
	to, rewritten := s.Rewrites[sig]
	if !rewritten {
		to = sig
	}
	switch {
	case s.Command == 0:
		over = to != 0 && endsLingering(sig)
		if over && sig == signals.TERM {
			s.startGrace() // the sender may send KILL to this process soon: see termGrace
		}
		return over
	case to == 0:
		return false
	}
	stop := sig == signals.TSTP && to == sig && (!s.Init || s.terminalFD >= 0)
	if sig == signals.TERM {
		s.startGrace()
	}
	group := s.Group || stop && s.leadsGroup() || sig == signals.CONT && s.leadsGroup()
	s.signalCommand(to, group, sig == signals.TERM && s.termStartsGrace())
	switch {
	case stop:
		s.stopWithCommand(false)
	case sig == signals.CONT:
		s.giveForeground() // the shell may have put this process into the foreground (fg)
	}
	return false
}

// signalCommand sends the command a forwarded signal, and reports it. step says that it is the signal of the first step
// of the ladder.
func (s *Supervisor) signalCommand(sig signals.Signal, group, step bool) {
	command, report := s.openCommand()
	err := s.Kernel.SignalChild(s.Command, sig, group)
	switch {
	case err == nil && report && step:
		s.reportSignalled(command, sig, 1)
	case err == nil && report:
		st := command // without a report, nothing is allocated for a forwarded signal
		s.Reporter.Forwarded(&st, sig)
	case err == nil, errors.Is(err, procfs.ErrNoProcess):
	case s.Proc == nil:
		s.Reporter.Failed(nil, fmt.Errorf("cannot forward %v: %w", sig, err))
	default:
		s.ReportCommandFailed(fmt.Errorf("cannot forward %v: %w", sig, err))
	}
}

// endsLingering reports whether a signal to this process makes it end the remaining processes after the command has
// exited. Other signals then have no effect, because signals are not forwarded to the remaining processes.
func endsLingering(sig signals.Signal) bool {
	switch sig {
	case signals.TERM, signals.INT, signals.HUP, signals.QUIT:
		return true
	}
	return false
}

// ForwardReporter prints that a signal was forwarded.
type ForwardReporter interface {
	// Forwarded reports that the command was sent a signal that belongs to no step of the ladder.
	Forwarded(*procfs.Stat, signals.Signal)
}
