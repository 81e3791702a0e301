package child

import "killbox/internal/signals"

// leadsGroup reports whether the command leads a process group.
func (s *Supervisor) leadsGroup() bool { return s.Group || s.Session || s.terminalFD >= 0 }

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
