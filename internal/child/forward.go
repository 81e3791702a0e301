package child

import (
	"errors"
	"fmt"

	"killbox/internal/signals"
	"killbox/procfs"
)

// leadsGroup reports whether the command leads a process group.
func (s *Supervisor) leadsGroup() bool { return s.Group || s.Session || s.terminalFD >= 0 }

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

// stopWithCommand stops this process, and resumes the command when this process is resumed. If the kernel did not stop
// this process, it resumes the command only if that is known to be stopped: a CONT would remove a pending TSTP, which the
// command may catch.
func (s *Supervisor) stopWithCommand(commandStopped bool) {
	k := s.Kernel
	// The shell that waits for this process takes the foreground next.
	s.takeForeground()
	stopped := k.StopSelf()
	s.giveForeground()
	if stopped || commandStopped {
		_ = k.SignalChild(s.Command, signals.CONT, s.leadsGroup())
	}
}

// giveForeground puts the command into the foreground of the terminal, if this process is in it.
func (s *Supervisor) giveForeground() {
	if k := s.Kernel; s.terminalFD >= 0 && !s.commandInForeground && k.InForeground(s.terminalFD) {
		s.commandInForeground = k.SetForeground(s.terminalFD, s.Command) == nil
	}
}

// takeForeground puts this process back into the foreground, if it has given that to the command. In the background it has
// not: then the foreground is that of the shell, and must not be taken.
func (s *Supervisor) takeForeground() {
	if s.commandInForeground {
		s.commandInForeground = false
		_ = s.Kernel.SetForeground(s.terminalFD, 0)
	}
}
