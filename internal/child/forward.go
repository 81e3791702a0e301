package child

import (
	"errors"
	"fmt"
	"time"

	"killbox/internal/duration"
	"killbox/internal/signals"
	"killbox/procfs"
)

// leadsGroup tells whether COMMAND leads a group.
func (s *Supervisor) leadsGroup() bool { return s.Group || s.Session || s.terminal >= 0 }

// forward passes a signal on. A TERM starts the ladder's clock as well.
func (s *Supervisor) forward(sig signals.Signal) (over bool) {
	to, rewritten := s.Rewrites[sig]
	if !rewritten {
		to = sig
	}
	if s.Command == 0 {
		// Lingering: those who are left have not asked for any signals.
		switch sig {
		case signals.TERM, signals.INT, signals.HUP, signals.QUIT:
			return to != 0
		}
		return false
	}
	if to == 0 {
		return false
	}
	stop := sig == signals.TSTP && to == sig && (!s.Init || s.terminal >= 0)
	group := s.Group || stop && s.leadsGroup() || sig == signals.CONT && s.leadsGroup()
	if err := s.Kernel.SignalChild(s.Command, to, group); err != nil && !errors.Is(err, procfs.ErrNoProcess) {
		if err = fmt.Errorf("cannot forward %v: %w", to, err); s.Proc == nil {
			s.Reporter.Failed(nil, err)
		} else {
			s.CommandFailed(err)
		}
	}
	switch {
	case stop:
		s.suspend(false)
	case sig == signals.CONT:
		s.lend() // a shell's fg, after its bg
	}
	switch {
	case sig != signals.TERM:
	case !s.impatient():
		s.stopping = true
	case s.grace.IsZero() && s.Ladder[0].Grace != duration.Forever:
		s.grace = time.Now().Add(s.patience())
	}
	return false
}

// impatient reports whether a TERM that was forwarded starts the clock of the ladder. An init does not end the main
// program of a container unless the caller chose a ladder.
func (s *Supervisor) impatient() bool {
	return !s.Init && (s.PID != 1 || s.LadderGiven)
}

// patience is how long COMMAND may take after a TERM that was forwarded: the
// first wait of the ladder. By default it ends a fifth earlier than usual, for whoever sent
// the TERM, killwait among them, may be about to send us a KILL, which would
// leave the rest behind.
func (s *Supervisor) patience() time.Duration {
	grace := s.Ladder[0].Grace
	if !s.LadderGiven {
		grace -= grace / 5
	}
	return grace
}

// suspend stops this process, and resumes COMMAND when this process is resumed. If the kernel did not stop
// this process, COMMAND is resumed only if it is known to be stopped: a CONT would remove a pending TSTP,
// which COMMAND may catch.
func (s *Supervisor) suspend(commandStopped bool) {
	k := s.Kernel
	// Whoever watches us, a shell, takes the terminal from here.
	s.restoreTerminal()
	stopped := k.StopSelf()
	s.lend()
	if stopped || commandStopped {
		_ = k.SignalChild(s.Command, signals.CONT, s.leadsGroup())
	}
}

// lend gives COMMAND the foreground, if it is ours.
func (s *Supervisor) lend() {
	if k := s.Kernel; s.terminal >= 0 && !s.lent && k.InForeground(s.terminal) {
		s.lent = k.SetForeground(s.terminal, s.Command) == nil
	}
}

// restoreTerminal takes back what was given. In the background nothing was: the
// foreground is the shell's then, which would be lost without it.
func (s *Supervisor) restoreTerminal() {
	if s.lent {
		s.lent = false
		_ = s.Kernel.SetForeground(s.terminal, 0)
	}
}
