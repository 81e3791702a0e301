package child

import (
	"errors"
	"fmt"

	"killbox/internal/signals"
	"killbox/procfs"
)

// forwardSignal sends a signal that this process was sent to the command. A TERM starts the clock of the ladder as
// well. over is true if the remaining processes are to be ended now.
func (s *Supervisor) forwardSignal(sig signals.Signal) (over bool) {
	to, rewritten := s.Rewrites[sig]
	if !rewritten {
		to = sig
	}
	switch {
	case s.Command == 0:
		return to != 0 && endsLingering(sig)
	case to == 0:
		return false
	}
	stop := sig == signals.TSTP && to == sig && (!s.Init || s.terminalFD >= 0)
	group := s.Group || stop && s.leadsGroup() || sig == signals.CONT && s.leadsGroup()
	if err := s.Kernel.SignalChild(s.Command, to, group); err != nil && !errors.Is(err, procfs.ErrNoProcess) {
		if err = fmt.Errorf("cannot forward %v: %w", to, err); s.Proc == nil {
			s.Reporter.Failed(nil, err)
		} else {
			s.ReportCommandFailed(err)
		}
	}
	switch {
	case stop:
		s.stopWithCommand(false)
	case sig == signals.CONT:
		s.giveForeground() // a shell's fg, after its bg
	case sig == signals.TERM:
		s.startGrace()
	}
	return false
}

// endsLingering reports whether a signal ends the remaining processes once the command has exited. No signal is
// forwarded to them.
func endsLingering(sig signals.Signal) bool {
	switch sig {
	case signals.TERM, signals.INT, signals.HUP, signals.QUIT:
		return true
	}
	return false
}
