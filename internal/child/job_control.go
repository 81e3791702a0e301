package child

import "killbox/internal/signals"

// leadsGroup reports whether the command leads a process group.
func (s *Supervisor) leadsGroup() bool { return s.Group || s.Session || s.terminalFD >= 0 }

// stopWithCommand stops this process after the command has been stopped or sent TSTP, and sends CONT to the command
// when this process has been resumed. The kernel does not stop a process by TSTP if its process group is orphaned. Then
// stopWithCommand sends CONT only if commandStopped is set: otherwise the CONT could discard a TSTP that is still
// pending and that the command may catch.
func (s *Supervisor) stopWithCommand(commandStopped bool) {
	k := s.Kernel
	// When this process stops, the shell that waits for it takes the foreground. So the command gives up the foreground
	// first. It gets the foreground back only if the shell resumes this process in the foreground (fg).
	s.takeForeground()
	stopped := k.StopSelf()
	s.giveForeground()
	if stopped || commandStopped {
		_ = k.SignalChild(s.Command, signals.CONT, s.leadsGroup())
	}
}

// giveForeground puts the command into the foreground of the terminal if this process is in the foreground.
func (s *Supervisor) giveForeground() {
	if k := s.Kernel; s.terminalFD >= 0 && !s.commandInForeground && k.InForeground(s.terminalFD) {
		s.commandInForeground = k.SetForeground(s.terminalFD, s.Command) == nil
	}
}

// takeForeground puts this process back into the foreground if giveForeground or Launch has put the command there.
// Otherwise this process may be a background job, and the foreground belongs to the shell.
func (s *Supervisor) takeForeground() {
	if s.commandInForeground {
		s.commandInForeground = false
		_ = s.Kernel.SetForeground(s.terminalFD, 0)
	}
}
