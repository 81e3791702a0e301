package child

import (
	"errors"
	"syscall"

	"killbox/internal/escalate"
	"killbox/procfs"
)

// teardownObserver is the observer of the runs of the ladder. It reports a process that may not be signalled (EPERM)
// only once in a call, however many signals fail; see also its methods in command_signalled.go.
type teardownObserver struct {
	Reporter
	s        *Supervisor
	reported map[procfs.ID]bool // processes that may not be signalled
}

// Failed implements escalate.Observer.
func (o *teardownObserver) Failed(res *escalate.Result, err error) {
	if res == nil || !errors.Is(err, syscall.EPERM) {
		o.Reporter.Failed(res, err)
		return
	}
	if !o.reported[res.ID] {
		o.reported[res.ID] = true
		proc := o.s.Proc
		if proc != nil && o.s.ForeignProc() {
			proc = nil // the process with this PID is another one there
		}
		o.Reporter.Refused(proc, res, err)
	}
}

// FirstWait implements escalate.Observer. A teardown is silent until a process remains.
func (o *teardownObserver) FirstWait(*escalate.FirstWait) {}

// Observer returns the observer for escalate.Run.
func (s *Supervisor) Observer() escalate.Observer {
	if s.observer == nil {
		s.observer = &teardownObserver{Reporter: s.Reporter, s: s, reported: make(map[procfs.ID]bool)}
	}
	return s.observer
}

// ReportCommandFailed reports the error err of signalling the command.
func (s *Supervisor) ReportCommandFailed(err error) {
	st, ok := s.statCommand()
	if !ok {
		st = procfs.Stat{ID: procfs.ID{PID: s.Command}}
	}
	s.Observer().Failed(&escalate.Result{Target: escalate.Target{Stat: st}}, err)
}

// statCommand reads the stat file of the command. ok is false if /proc does not show it.
func (s *Supervisor) statCommand() (st procfs.Stat, ok bool) {
	if s.Proc == nil || s.ForeignProc() {
		return st, false
	}
	st, err := s.Proc.Stat(s.Command)
	return st, err == nil
}

// onlyRefused reports whether all known remaining processes are ones that may not be signalled (EPERM). Signalling them
// again would fail again.
func (s *Supervisor) onlyRefused(sum *escalate.Summary) bool {
	return sum.Count(escalate.Survived) == 0 && s.countRefused(sum) > 0
}

// countRefused returns the number of processes that may not be signalled (EPERM) and still exist.
func (s *Supervisor) countRefused(sum *escalate.Summary) int {
	n := 0
	for _, res := range sum.Results {
		if res.Outcome == escalate.Refused && errors.Is(res.Err, syscall.EPERM) && s.Kernel.Exists(res.ID) == nil {
			n++
		}
	}
	return n
}
