package child

import (
	"slices"
	"time"

	"killbox/internal/duration"
	"killbox/internal/escalate"
	"killbox/internal/signals"
	"killbox/procfs"
)

// Launcher starts programs.
type Launcher interface {
	// Launch starts a program. The error is a *LaunchError.
	Launch(*Launch) (pid int, err error)
}

// Reaper reaps children.
type Reaper interface {
	// Next returns what has happened, at the latest after the timeout.
	WaitAndReap(timeout time.Duration) ([]Event, error)
	// Alone reports whether no child is left, not even a zombie.
	ReapedAll() bool
}

// Signaller signals children, which /proc may not show.
type Signaller interface {
	// Pass signals a child that has not been reaped, or the process group that it leads.
	SignalChild(pid int, sig signals.Signal, group bool) error
	// Everybody signals all processes of the PID namespace whose PID 1 this process is.
	SignalAll(signals.Signal) error
}

// Terminal is job control.
type Terminal interface {
	// Terminal returns the controlling terminal if this process may give its foreground away.
	Terminal() (fd int, ok bool)
	// Foreground reports whether this process is in the foreground of the terminal.
	InForeground(fd int) bool
	// GiveTerminal puts a process group into the foreground; 0 is that of this process.
	SetForeground(fd, group int) error
	// Stop stops this process as SIGTSTP does, and reports whether the kernel did that.
	StopSelf() bool
}

// Kernel is what a Supervisor needs of the system.
type Kernel interface {
	escalate.Kernel
	Launcher
	Reaper
	Signaller
	Terminal
}

// Reporter prints what a Supervisor reports.
type Reporter interface {
	escalate.Observer
	// Reaped reports a process that was reaped.
	Reaped(*Child)
	// Refused reports a process that may not be signalled, and names its user.
	Refused(proc *procfs.FS, res *escalate.Result, err error)
	// Remains explains a process that remains; last is the signal that it was sent last.
	Remains(proc *procfs.FS, res *escalate.Result, last signals.Signal)
	// Note reports what concerns no process.
	Note(string)
	// Close ends the status line.
	Close()
}

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
	// Linger waits for the descendants when the command has exited, Keep leaves them alone.
	Linger, Keep bool
	// Rewrites are the signals that are forwarded as another one, or not at all (0).
	Rewrites map[signals.Signal]signals.Signal
	// Remaps are the exit statuses of the command for which ExitStatus returns another one.
	Remaps map[int]int
	// ReportReaped reports each process that is reaped.
	ReportReaped bool
	// Init: the command has all the time that it wants after a TERM, and is signalled alone although it leads a group.
	Init bool
	// Notice, if set, is told of each event first.
	Notice func(*Event)
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
	// Deadline is the time limit of the command; Late: it was reached.
	Deadline time.Time
	Late     bool

	before   map[procfs.ID]bool // children from before, which are none of the command's
	terminal int                // whose foreground the command is given, or -1
	lent     bool               // the command is in the foreground
	stopping bool               // a TERM was forwarded that starts no clock: the container is to stop
	grace    time.Time          // until when the command may take a TERM that was forwarded
	urgent   bool               // the remaining processes have had their time
	refused  *refusals
}

// NewSupervisor returns a Supervisor whose command is still to be launched.
func NewSupervisor(k Kernel, proc *procfs.FS, pid int, rep Reporter, o Options) *Supervisor {
	return &Supervisor{Options: o, Kernel: k, Proc: proc, PID: pid, Reporter: rep, terminal: -1}
}

// Launch starts the command, with the foreground if that is ours.
func (s *Supervisor) Launch(l *Launch) (err error) {
	k := s.Kernel
	fd, ok := k.Terminal()
	if !ok && s.Init && k.InForeground(0) {
		// It leads a group in any case, and could not read otherwise.
		fd, ok = 0, true
	}
	if ok && !l.Session {
		s.terminal, l.Terminal, l.Group, s.lent = fd, fd, true, true
	}
	if s.Command, err = k.Launch(l); err != nil {
		s.restoreTerminal()
	}
	return err
}

// Supervise returns when the command is gone, and all that it left behind.
func (s *Supervisor) Supervise() error {
	err := s.watch()
	s.restoreTerminal()
	if err == nil && (!s.Keep || s.Command != 0) {
		err = s.EndRemaining()
	}
	return err
}

// NoteChildren notes whom this process had for children before COMMAND,
// from what ran in it before an exec.
func (s *Supervisor) NoteChildren() {
	s.before = make(map[procfs.ID]bool)
	if s.PID == 1 || s.Proc == nil || s.Kernel.ReapedAll() || s.ForeignProc() {
		return
	}
	var table procfs.Snapshot
	if s.Kernel.Snapshot(&table) != nil {
		return
	}
	self, err := s.Proc.Stat(s.PID)
	if err != nil {
		return
	}
	for _, st := range table.Descendants(procfs.TreeQuery{Roots: []procfs.ID{self.ID}}) {
		s.before[st.ID] = true
	}
}

// watch returns when COMMAND has exited, with --linger when all have, or when
// everything is to be ended.
func (s *Supervisor) watch() error {
	for {
		timeout := duration.Forever
		if s.Command != 0 && !s.Deadline.IsZero() {
			timeout = min(timeout, max(time.Until(s.Deadline), 0))
		}
		if !s.grace.IsZero() {
			timeout = min(timeout, max(time.Until(s.grace), 0))
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
		case s.Command == 0 && (!s.Linger || s.stopping || s.alone()):
			return nil
		case s.Command != 0 && !s.Deadline.IsZero() && time.Until(s.Deadline) <= 0:
			s.Late = true
			return nil
		case !s.grace.IsZero() && time.Until(s.grace) <= 0:
			s.urgent = true
			return nil
		}
	}
}

// alone holds when nobody is left but who was there before.
func (s *Supervisor) alone() bool {
	if s.Kernel.ReapedAll() {
		return true
	}
	if len(s.before) == 0 {
		return false
	}
	var table procfs.Snapshot
	if s.Kernel.Snapshot(&table) != nil {
		return false
	}
	return !slices.ContainsFunc(table.Procs, func(st procfs.Stat) bool { return st.PPID == s.PID && !s.before[st.ID] })
}

// handleEvent returns true when everything is to be ended.
func (s *Supervisor) handleEvent(e Event) bool {
	if s.Notice != nil {
		s.Notice(&e)
	}
	switch e.Kind {
	case Ended:
		s.NoteReaped(&e.Child)
	case Stopped:
		if e.Child.PID == s.Command && s.terminal >= 0 {
			s.suspend(true)
		}
	case Signal:
		return s.forward(e.Signal)
	case Hangup, Orphaned:
		return true
	}
	return false
}

func (s *Supervisor) NoteReaped(c *Child) {
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
	case s.Late:
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
