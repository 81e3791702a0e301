package child

import (
	"slices"
	"time"

	"killbox/internal/duration"
	"killbox/internal/escalate"
	"killbox/internal/signals"
	"killbox/procfs"
)

// Options say what a Supervisor does.
type Options struct {
	Ladder escalate.Ladder
	// LadderGiven: the caller chose the ladder.
	LadderGiven bool
	Hook        string
	HookTimeout time.Duration
	// FetchStatus: the report tells how each process ended.
	FetchStatus bool
	// Group and Session: the command leads one of its own.
	Group, Session bool
	// Linger waits for the descendants when the command has exited, KeepRemaining does not end them.
	Linger, KeepRemaining bool
	// Rewrites are the signals that are forwarded as another one, or not at all (0).
	Rewrites map[signals.Signal]signals.Signal
	// Remaps are the exit statuses of the command for which ExitStatus returns another one.
	Remaps map[int]int
	// ReportReaped reports each process that is reaped.
	ReportReaped bool
	// Init: the command has all the time that it wants after a TERM, and is signalled alone although it leads a group.
	Init bool
	// OnEvent, if set, is called for each event first.
	OnEvent func(*Event)
}

// Supervisor runs a command, forwards signals to it and ends what it leaves behind.
type Supervisor struct {
	Options
	Kernel   Kernel
	Proc     *procfs.FS // nil without /proc
	PID      int        // of this process
	Reporter Reporter

	// Command is the PID of the command, 0 once it has been reaped, and Status then says how it ended.
	Command int
	Status  *signals.Status
	// Deadline is the time limit of the command; TimedOut: it was reached.
	Deadline time.Time
	TimedOut bool

	earlier             map[procfs.ID]bool // children from before the command, and their descendants
	terminalFD          int                // the terminal whose foreground the command is given, or -1
	commandInForeground bool               // the command has been given the foreground
	containerStops      bool               // a TERM was forwarded that starts no clock: the container is to stop
	graceEnd            time.Time          // until when the command may take a TERM that was forwarded; zero without one
	graceOver           bool               // that time is over
	refusals            *refusals
}

// NewSupervisor returns a Supervisor whose command is still to be launched.
func NewSupervisor(k Kernel, proc *procfs.FS, pid int, rep Reporter, o Options) *Supervisor {
	return &Supervisor{Options: o, Kernel: k, Proc: proc, PID: pid, Reporter: rep, terminalFD: -1}
}

// Launch starts the command, in the foreground of the terminal if this process is in it. The error is a *LaunchError.
func (s *Supervisor) Launch(l *Spec) (err error) {
	k := s.Kernel
	fd, ok := k.Terminal()
	if !ok && s.Init && k.InForeground(0) {
		// The command leads a group in any case, and could not read from the background.
		fd, ok = 0, true
	}
	if ok && !l.Session {
		s.terminalFD, l.TerminalFD, l.Group, s.commandInForeground = fd, fd, true, true
	}
	if s.Command, err = k.Launch(l); err != nil {
		s.takeForeground()
	}
	return err
}

// Supervise waits for the command, forwards signals to it, and ends the processes that remain then.
func (s *Supervisor) Supervise() error {
	err := s.superviseCommand()
	s.takeForeground()
	if err == nil && (!s.KeepRemaining || s.Command != 0) {
		err = s.EndRemaining()
	}
	return err
}

// superviseCommand reaps and forwards signals until the command has exited, with --linger until all its descendants
// have, or until the remaining processes are to be ended.
func (s *Supervisor) superviseCommand() error {
	for {
		timeout := duration.Forever
		if s.Command != 0 && !s.Deadline.IsZero() {
			timeout = min(timeout, max(time.Until(s.Deadline), 0))
		}
		if !s.graceEnd.IsZero() {
			timeout = min(timeout, max(time.Until(s.graceEnd), 0))
		}
		events, err := s.Kernel.WaitAndReap(timeout)
		if err != nil {
			return err
		}
		over := false
		for _, e := range events {
			over = s.handleEvent(e) || over
		}
		switch {
		case over:
			return nil
		case s.Command == 0 && (!s.Linger || s.containerStops || s.reapExited()):
			return nil
		case s.Command != 0 && !s.Deadline.IsZero() && time.Until(s.Deadline) <= 0:
			s.TimedOut = true
			return nil
		case !s.graceEnd.IsZero() && time.Until(s.graceEnd) <= 0:
			s.graceOver = true
			return nil
		}
	}
}

// reapExited reaps, and reports whether only children from before the command are left.
func (s *Supervisor) reapExited() bool {
	if s.Kernel.ReapExited() {
		return true
	}
	if len(s.earlier) == 0 {
		return false
	}
	var table procfs.Snapshot
	if s.Kernel.Snapshot(&table) != nil {
		return false
	}
	return !slices.ContainsFunc(table.Procs, func(st procfs.Stat) bool { return st.PPID == s.PID && !s.earlier[st.ID] })
}

// handleEvent handles an event, and reports whether the remaining processes are to be ended.
func (s *Supervisor) handleEvent(e Event) bool {
	if s.OnEvent != nil {
		s.OnEvent(&e)
	}
	switch e.Kind {
	case Ended:
		s.RecordReaped(&e.Child)
	case Stopped:
		if e.Child.PID == s.Command && s.terminalFD >= 0 {
			s.stopWithCommand(true)
		}
	case Signal:
		return s.forwardSignal(e.Signal)
	case Hangup, Orphaned:
		return true
	}
	return false
}

// RecordReaped records that a child was reaped, which may be the command.
func (s *Supervisor) RecordReaped(c *Child) {
	if c.PID == s.Command {
		status := c.Status
		s.Status, s.Command = &status, 0
	}
	if s.ReportReaped {
		s.Reporter.Reaped(c)
	}
}

// ExitStatus returns the exit status of the call: that of the command, or TimeLimit.
func (s *Supervisor) ExitStatus() int {
	switch {
	case s.TimedOut:
		return TimeLimit
	case s.Status == nil:
		return Failed
	}
	code := s.Status.Shell()
	if to, ok := s.Remaps[code]; ok {
		return to
	}
	return code
}
