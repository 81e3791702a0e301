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
	// The terminal would have sent ^Z to the job, but the command with a group of its own was in the foreground.
	stopped := k.StopSelf(commandStopped)
	s.resumed = stopped
	s.giveForeground()
	switch {
	case stopped || commandStopped:
		_ = k.SignalChild(s.Command, signals.CONT, s.leadsGroup())
	case s.Inner:
		// The kernel does not count the group of the outer half as orphaned: the parent of the command, this process,
		// is in another group of the session. So TSTP may stop the command.
		s.resumeWhenStopped = true
		if st, ok := s.statCommand(); ok && st.Stopped() {
			s.resumeStopped()
		}
	}
}

// handleStop is called when a child has stopped.
func (s *Supervisor) handleStop(c *Child) {
	switch {
	case c.PID != s.Command:
	case s.terminalFD >= 0:
		sig, _ := c.Status.Stopped()
		if (sig == signals.TTIN || sig == signals.TTOU) && s.giveForeground() {
			// The shell has put the job into the foreground without CONT, because the job was running (bg, fg).
			_ = s.Kernel.SignalChild(s.Command, signals.CONT, true)
			return
		}
		s.stopWithCommand(true)
	case s.resumeWhenStopped:
		s.resumeStopped()
	}
}

// resumeStopped resumes the command after a TSTP in an orphaned group, which stops no process there.
func (s *Supervisor) resumeStopped() {
	s.resumeWhenStopped = false
	_ = s.Kernel.SignalChild(s.Command, signals.CONT, s.leadsGroup())
}

// giveForeground puts the command into the foreground of the terminal if this process is in the foreground, and reports
// whether it did. It does not rely on commandInForeground: when STOP stops this process, the shell takes the
// foreground.
func (s *Supervisor) giveForeground() bool {
	k := s.Kernel
	if s.terminalFD < 0 || !k.InForeground(s.terminalFD) {
		return false
	}
	s.commandInForeground = k.SetForeground(s.terminalFD, s.Command) == nil
	return s.commandInForeground
}

// takeForeground puts this process back into the foreground if giveForeground or Launch has put the command there.
// Otherwise this process may be a background job, and the foreground belongs to the shell.
func (s *Supervisor) takeForeground() {
	if s.commandInForeground {
		s.commandInForeground = false
		_ = s.Kernel.SetForeground(s.terminalFD, 0)
	}
}
