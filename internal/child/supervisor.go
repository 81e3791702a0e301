package child

import (
	"slices"
	"time"

	"killbox/internal/duration"
	"killbox/internal/escalate"
	"killbox/internal/signals"
	"killbox/procfs"
)

// Options are the options of a Supervisor.
type Options struct {
	Ladder escalate.Ladder
	// LadderGiven: the caller chose the ladder.
	LadderGiven bool
	Hook        string
	HookTimeout time.Duration
	// FetchStatus fetches the exit status of each process that the ladder ends, for the report.
	FetchStatus bool
	// Group and Session say that the command leads a process group or session of its own. With Group, signals are
	// forwarded to the whole group.
	Group, Session bool
	// Linger: when the command has exited, wait for the remaining processes instead of ending them. KeepRemaining:
	// neither wait for them nor end them.
	Linger, KeepRemaining bool
	// Limit is the length of the time limit that Deadline ends, for the report.
	Limit time.Duration
	// Rewrites maps a signal to the signal that is forwarded instead; to 0 if it is not forwarded.
	Rewrites map[signals.Signal]signals.Signal
	// Remaps maps an exit status of the command to the one that ExitStatus returns instead.
	Remaps map[int]int
	// ReportReaped reports each child that is reaped.
	ReportReaped bool
	// Init is for tini: a forwarded TERM never begins the grace period, and the command leads a process group even
	// without Group.
	Init bool
	// Inner is for the inner half of a pair.
	Inner bool
	// OnEvent, if set, is called with each event before the Supervisor handles it.
	OnEvent func(*Event)
	LeakOptions
}

// Supervisor runs a command, which is its child, and forwards signals to it. When the command has exited it ends the
// remaining processes: all other descendants of this process, orphans included if it is a subreaper or PID 1.
type Supervisor struct {
	Options
	Kernel   Kernel
	Proc     *procfs.FS // nil without /proc
	PID      int        // of this process
	Reporter Reporter

	// Command is the PID of the command; 0 when it has been reaped. Status is then how it ended.
	Command int
	Status  *signals.Status
	// Deadline ends the time limit of the command and, with Linger, of the remaining processes; zero means no limit.
	// TimedOut says that it was reached.
	Deadline time.Time
	TimedOut bool
	// HalfLost: the outer half of a pair was killed.
	HalfLost bool

	earlier             map[procfs.ID]bool // descendants from before the command; see RecordEarlierChildren
	earlierUnknown      bool               // there are children from before the command, and /proc does not show them
	terminalFD          int                // the terminal in which the command is put into the foreground, or -1
	commandInForeground bool               // the command has been put into the foreground
	containerStops      bool               // a TERM was forwarded and began no grace period: Linger no longer applies
	began               time.Time          // the first step of the ladder; zero if it has not begun
	signalled           escalate.Result    // the command, if its last signal has been reported; else Rung is 0
	graceEnd            time.Time          // the end of the grace period; zero if none has begun
	graceOver           bool               // the grace period has ended
	resumed             bool               // this process was stopped and resumed while the current events are handled
	resumeWhenStopped   bool               // the command is sent CONT when it stops; see stopWithCommand
	endsNow             bool               // an event has ended the wait (handleEvent)
	leaked              bool               // the command has left processes behind
	ended               endedCount
	unseen              unseenState
	observer            *teardownObserver
}

// NewSupervisor returns a Supervisor that has not launched a command.
func NewSupervisor(k Kernel, proc *procfs.FS, pid int, rep Reporter, o Options) *Supervisor {
	return &Supervisor{Options: o, Kernel: k, Proc: proc, PID: pid, Reporter: rep, terminalFD: -1}
}

// Launch starts the command. If this process is in the foreground of its terminal, the command is put there instead.
// The error is a *LaunchError.
func (s *Supervisor) Launch(l *Spec) (err error) {
	k := s.Kernel
	fd, ok := k.Terminal()
	if !ok && s.Init && k.InForeground(0) {
		// With Init the command leads a group of its own. If that group stayed in the background, the command could not
		// read from the terminal.
		fd, ok = 0, true
	}
	if ok && !l.Session {
		s.terminalFD, l.TerminalFD, l.Group, s.commandInForeground = fd, fd, true, true
	}
	k.ReserveThreads()
	if s.Command, err = k.Launch(l); err != nil {
		s.takeForeground()
	}
	return err
}

// Supervise forwards signals to the command until it exits, lets the remaining processes settle, and then ends those
// that still remain.
func (s *Supervisor) Supervise() error {
	err := s.superviseCommand()
	s.takeForeground()
	if err == nil {
		err = s.letSettle()
	}
	if err == nil && (!s.KeepRemaining || s.Command != 0 && !s.HalfLost) {
		s.reportLeaks()
		err = s.EndRemaining()
	}
	s.reportLimit()
	return err
}

// superviseCommand reaps children and forwards signals. It returns when the command has exited (with Linger, when no
// child remains), or when the remaining processes must be ended: at the deadline, at the end of the grace period, or if
// handleEvent says so.
func (s *Supervisor) superviseCommand() (err error) {
	var events []Event
	for {
		timeout := duration.Forever
		if s.limitApplies() {
			timeout = min(timeout, max(time.Until(s.Deadline), 0))
		}
		if !s.graceEnd.IsZero() {
			timeout = min(timeout, max(time.Until(s.graceEnd), 0))
		}
		if events, err = s.Kernel.WaitAndReap(timeout, events); err != nil {
			return err
		}
		over := false
		s.resumed = false
		for i := range events {
			e := &events[i]
			if s.resumed && e.IsSignal(signals.TSTP) {
				continue // CONT discards a pending TSTP
			}
			over = s.handleEvent(e) || over
		}
		switch {
		case over:
			s.endsNow = true
			return nil
		case s.Command == 0 && (!s.Linger || s.containerStops || s.reapExited()):
			return nil
		case s.limitApplies() && time.Until(s.Deadline) <= 0:
			s.TimedOut = true
			return nil
		case !s.graceEnd.IsZero() && time.Until(s.graceEnd) <= 0:
			s.graceOver = true
			return nil
		}
	}
}

// reapExited reaps the children that have exited, and reports whether no child remains but those from before the
// command.
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

// handleEvent handles an event, and reports whether the remaining processes must be ended now.
func (s *Supervisor) handleEvent(e *Event) bool {
	if s.OnEvent != nil {
		s.OnEvent(e)
	}
	switch e.Kind {
	case Ended:
		s.RecordReaped(&e.Child)
	case Stopped:
		s.handleStop(&e.Child)
	case Signal:
		return s.forwardSignal(e.Signal)
	case Hangup, Orphaned:
		return true
	case HalfLost:
		s.loseHalf()
		return true
	}
	return false
}

// loseHalf is called when the outer half of a pair was killed. The sender of a KILL wants the processes to end now, so
// the ladder consists of KILL alone.
func (s *Supervisor) loseHalf() {
	s.HalfLost, s.Ladder, s.graceEnd, s.began = true, KillLadder(), time.Time{}, time.Time{}
	s.Kernel.IgnoreLostHalf()
}

// KillLadder returns the ladder that consists of KILL alone.
func KillLadder() escalate.Ladder {
	return escalate.Ladder{{Signal: signals.KILL, Grace: escalate.KillGrace}}
}

// RecordReaped records that a child was reaped. If it is the command, its status is kept for ExitStatus.
func (s *Supervisor) RecordReaped(c *Child) {
	if c.PID == s.Command {
		status := c.Status
		s.Status, s.Command = &status, 0
		s.reportCommandGone(status)
	}
	s.noteAdoption(c)
	s.ended.reaped++
	if s.ReportReaped {
		s.Reporter.Reaped(c)
	}
}

// ExitStatus returns the exit status of the call: 124 (TimeLimit) if the time limit was reached, or else the status of
// the command, as changed by Remaps. If that is 0 and the command has left processes behind, it is LeakStatus.
func (s *Supervisor) ExitStatus() int {
	switch {
	case s.TimedOut:
		return TimeLimit
	case s.Status == nil:
		return Failed
	}
	code := s.Status.Shell()
	if to, ok := s.Remaps[code]; ok {
		code = to
	}
	if code == 0 && s.leaked {
		return s.LeakStatus
	}
	return code
}
