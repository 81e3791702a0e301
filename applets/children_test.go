package applets

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"killbox/internal/child"
	"killbox/internal/signals"
	"killbox/procfs"
)

// command is the PID that the scripted kernel gives to the command.
const command = 200

// children is a scripted cli.CommandKernel: WaitAndReap returns the events of the script. It records its calls in log.
type children struct {
	reaperErr, launchErr, parentErr, inputErr, pidfileErr, innerErr error
	logErr, redirectErr, privilegesErr                              error

	script      []waitResult
	living      int  // the number of children that no event has reported as ended
	terminal    bool // the result of Terminal
	orphaned    bool // the process group of this process is orphaned
	foreground  bool // the result of InForeground
	subreaper   bool // this process was a subreaper before the call
	inputClosed bool // the result of WatchInput
	innerKilled bool // KILL has ended the inner half at its start
	pair        bool // the call is made without --no-pair
	isInner     bool // this process is the inner half of a pair
	dropped     bool // DropTerminalSignals was called
	signalErr   error
	adopted     []int // the children that Children finds
	childrenErr error
	foundErr    error // the result of SignalFound
	report      []byte
	answer      string
	answerErr   error

	launched *child.Spec
	log      []string
	idle     int // the number of calls of WaitAndReap with timeout 0
}

// waitResult is what one call of WaitAndReap returns.
type waitResult struct {
	events []child.Event
	// pause: WaitAndReap sleeps until its timeout and returns no event.
	pause bool
	// afterCONT: if CONT was the last signal sent, WaitAndReap returns the events even with timeout 0.
	afterCONT bool
	// do is called before WaitAndReap returns.
	do func()
}

func (c *children) record(format string, args ...any) {
	c.log = append(c.log, fmt.Sprintf(format, args...))
}

func (c *children) StartReaper(bool) error { c.record("start reaper"); return c.reaperErr }

func (c *children) StartReaperFor(bool, []signals.Signal, []signals.Signal) error {
	c.record("start reaper")
	return c.reaperErr
}

func (c *children) SignalOwnGroup(sig signals.Signal) error {
	c.record("own group %v", sig)
	return nil
}

func (c *children) DisableCoreDump() error { c.record("no core"); return nil }

func (c *children) ReserveThreads() {}

func (c *children) Launch(l *child.Spec) (int, error) {
	c.record("launch")
	if c.launched = l; c.launchErr != nil {
		return 0, c.launchErr
	}
	return command, nil
}

var errScript = errors.New("the script is over")

func (c *children) WaitAndReap(timeout time.Duration, _ []child.Event) ([]child.Event, error) {
	if timeout == 0 {
		c.idle++
	}
	if c.idle > 1000 {
		return nil, errors.New("WaitAndReap is called in a busy loop")
	}
	if len(c.script) == 0 {
		if timeout == 0 {
			return nil, nil
		}
		return nil, errScript
	}
	h := c.script[0]
	if timeout == 0 && (!h.afterCONT || !strings.HasPrefix(c.log[len(c.log)-1], "CONT ")) {
		return nil, nil
	}
	c.script = c.script[1:]
	if h.do != nil {
		h.do()
	}
	if h.pause {
		time.Sleep(timeout)
		return nil, nil
	}
	for _, e := range h.events {
		if e.Kind == child.Ended {
			c.living--
			c.adopted = slices.DeleteFunc(c.adopted, func(pid int) bool { return pid == e.Child.PID })
		}
	}
	return h.events, nil
}

func (c *children) ReapExited() bool { return c.launched == nil || c.living <= 0 }

func (c *children) SignalChild(pid int, sig signals.Signal, group bool) error {
	if group {
		pid = -pid
	}
	c.record("%v %d", sig, pid)
	return c.signalErr
}

// Children returns the PIDs of adopted in the first block.
func (c *children) Children(block int) ([]int, error) {
	if block > 0 || c.childrenErr != nil {
		return nil, c.childrenErr
	}
	return c.adopted, nil
}

func (c *children) SignalFound(pid int, sig signals.Signal) error {
	c.record("%v %d", sig, pid)
	return c.foundErr
}

func (c *children) SignalAll(sig signals.Signal) error { c.record("%v all", sig); return nil }
func (c *children) WatchParent(pid int) error          { c.record("parent %d", pid); return c.parentErr }
func (c *children) Subreaper() bool                    { return c.subreaper }

func (c *children) WatchInput() (bool, error) {
	c.record("input")
	return c.inputClosed, c.inputErr
}

func (c *children) SetParentDeathSignal(sig signals.Signal) error {
	c.record("die with parent %v", sig)
	return nil
}

func (c *children) Terminal() (int, bool) { return 9, c.terminal }
func (c *children) InForeground(int) bool { return c.foreground }
func (c *children) SetForeground(_, group int) error {
	c.record("give %d", group)
	return nil
}
func (c *children) StopSelf(group bool) bool {
	if group {
		c.record("stop all")
	} else {
		c.record("stop")
	}
	return !c.orphaned
}

func (c *children) StartBackground(name string, argv, _ []string) (string, error) {
	c.record("background %s %q", name, argv)
	return c.answer, c.answerErr
}
func (c *children) SetProcessName(string) {}

func (c *children) OpenLog(path string) error {
	c.record("log %s", path)
	return c.logErr
}

func (c *children) RedirectErrors() (undo, keep func(), err error) {
	c.record("redirect")
	return func() { c.record("undo") }, func() { c.record("keep") }, c.redirectErr
}

func (c *children) ForbidNewPrivileges() error { c.record("no new privileges"); return c.privilegesErr }

func (c *children) CloseOnExec(fd int) { c.record("inherited %d", fd) }

func (c *children) WriterTo(fd int) (interface{ Write([]byte) (int, error) }, error) {
	if fd == 77 {
		return nil, errors.New("descriptor 77: bad file descriptor")
	}
	return writer(func(b []byte) (int, error) {
		c.report = append(c.report, b...)
		return len(b), nil
	}), nil
}

type writer func([]byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }

var _ io.Writer = writer(nil)

func (c *children) WritePidfile(path, content string) (int, func(), error) {
	c.record("pidfile %s %q", path, content)
	return pidfileFD, c.removePidfile, c.pidfileErr
}
func (c *children) removePidfile()                        { c.record("remove") }
func (c *children) InheritPidfile(string) (func(), error) { return c.removePidfile, c.pidfileErr }

// pidfileFD is the descriptor that WritePidfile returns, inner the PID that StartInner returns.
const (
	pidfileFD = 8
	inner     = 60
)

func (c *children) DropTerminalSignals() { c.dropped = true }

func (c *children) StartInner(argv, _ []string, o child.InnerOptions) (int, error) {
	c.record("inner %q %+v", argv, o)
	return inner, c.innerErr
}
func (c *children) AwaitInner() (bool, error) { return c.innerKilled, nil }

func (c *children) SendToHalf(m child.Message) error {
	c.record("send %d %d", m.Kind, m.Value)
	return nil
}
func (c *children) IsInner() bool   { return c.isInner }
func (c *children) IgnoreLostHalf() {}
func (c *children) StartInnerReaper(bool) error {
	c.record("start reaper")
	return c.reaperErr
}

// Each of the following functions returns an entry of a script: the result of one WaitAndReap.

// received returns the events of signals that this process receives.
func received(sigs ...signals.Signal) (h waitResult) {
	for _, s := range sigs {
		h.events = append(h.events, child.Event{Kind: child.Signal, Signal: s})
	}
	return h
}

// ended returns the event of a child that was reaped; raw is its status as in wait(2).
func ended(pid int, raw uint32) waitResult {
	return waitResult{events: []child.Event{{Kind: child.Ended, Child: child.Child{
		Stat: procfs.Stat{ID: procfs.ID{PID: pid}}, Status: signals.FromWait(raw),
	}}}}
}

// exited returns the event that the command exited.
func exited(status uint32) waitResult { return ended(command, status<<8) }

func event(k child.Kind) waitResult { return waitResult{events: []child.Event{{Kind: k}}} }

func afterCONT(h waitResult) waitResult { h.afterCONT = true; return h }

func stopped(pid int) waitResult {
	return waitResult{events: []child.Event{{Kind: child.Stopped, Signal: signals.TSTP, Child: child.Child{
		Stat: procfs.Stat{ID: procfs.ID{PID: pid}},
	}}}}
}

// newCommandBench returns a bench without /proc whose kernel follows the script.
func newCommandBench(t *testing.T, script ...waitResult) (*bench, *children) {
	t.Helper()
	b := newBench(t, "")
	c := &children{script: script, living: 1}
	b.k.CommandKernel = c
	b.Proc, b.ProcErr = nil, errors.New("no /proc")
	return b, c
}
