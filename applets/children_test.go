package applets

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"killbox/internal/child"
	"killbox/internal/signals"
	"killbox/procfs"
)

// command is the PID of the one that the scripted kernel launches.
const command = 200

// children is a cli.CommandKernel whose events are written down beforehand, and which
// writes down what it was asked.
type children struct {
	adoptErr, launchErr, parentErr, inputErr, pidfileErr error

	script     []happening
	living     int // besides a zombie that no event has told of
	terminal   bool
	orphaned   bool // its process group is orphaned
	foreground bool
	subreaper  bool // already, as the program before execve has asked
	passErr    error
	report     []byte
	answer     string
	answerErr  error

	launched *child.Spec
	log      []string
	idle     int // how often Next returned nothing
}

// happening is what a Next returns.
type happening struct {
	events []child.Event
	// pause: nothing, for as long as was asked for.
	pause bool
	// soon: not only whoever waits gets it, once all have been let go on.
	soon bool
	// then is called first.
	then func()
}

func (c *children) note(format string, args ...any) {
	c.log = append(c.log, fmt.Sprintf(format, args...))
}

func (c *children) StartReaper(bool) error { c.note("adopt"); return c.adoptErr }

func (c *children) StartReaperFor(bool, []signals.Signal, []signals.Signal) error {
	c.note("tend")
	return c.adoptErr
}

func (c *children) SignalOwnGroup(sig signals.Signal) error { c.note("own group %v", sig); return nil }

func (c *children) DisableCoreDump() error { c.note("no core"); return nil }

func (c *children) Launch(l *child.Spec) (int, error) {
	c.note("launch")
	if c.launched = l; c.launchErr != nil {
		return 0, c.launchErr
	}
	return command, nil
}

var errScript = errors.New("the script is over")

func (c *children) WaitAndReap(timeout time.Duration) ([]child.Event, error) {
	if timeout == 0 {
		c.idle++
	}
	if c.idle > 1000 {
		return nil, errors.New("Next is asked over and over")
	}
	if len(c.script) == 0 {
		if timeout == 0 {
			return nil, nil
		}
		return nil, errScript
	}
	h := c.script[0]
	if timeout == 0 && (!h.soon || !strings.HasPrefix(c.log[len(c.log)-1], "CONT ")) {
		return nil, nil
	}
	c.script = c.script[1:]
	if h.then != nil {
		h.then()
	}
	if h.pause {
		time.Sleep(timeout)
		return nil, nil
	}
	for _, e := range h.events {
		if e.Kind == child.Ended {
			c.living--
		}
	}
	return h.events, nil
}

func (c *children) ReapExited() bool { return c.living <= 0 }

func (c *children) SignalChild(pid int, sig signals.Signal, group bool) error {
	if group {
		pid = -pid
	}
	c.note("%v %d", sig, pid)
	return c.passErr
}

func (c *children) SignalAll(sig signals.Signal) error { c.note("%v all", sig); return nil }
func (c *children) WatchInput() error                  { c.note("input"); return c.inputErr }
func (c *children) WatchParent(pid int) error          { c.note("parent %d", pid); return c.parentErr }
func (c *children) Subreaper() bool                    { return c.subreaper }

func (c *children) SetParentDeathSignal(sig signals.Signal) error {
	c.note("die with parent %v", sig)
	return nil
}

func (c *children) Terminal() (int, bool) { return 9, c.terminal }
func (c *children) InForeground(int) bool { return c.foreground }
func (c *children) SetForeground(_, group int) error {
	c.note("give %d", group)
	return nil
}
func (c *children) StopSelf() bool { c.note("stop"); return !c.orphaned }

func (c *children) StartBackground(name string, argv, _ []string) (string, error) {
	c.note("background %s %q", name, argv)
	return c.answer, c.answerErr
}
func (c *children) CloseOnExec(fd int) { c.note("inherited %d", fd) }

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

func (c *children) WritePidfile(path, content string) (func(), error) {
	c.note("pidfile %s %q", path, content)
	return func() { c.note("remove") }, c.pidfileErr
}

// What happens.

func got(sigs ...signals.Signal) (h happening) {
	for _, s := range sigs {
		h.events = append(h.events, child.Event{Kind: child.Signal, Signal: s})
	}
	return h
}

func ended(pid int, raw uint32) happening {
	return happening{events: []child.Event{{Kind: child.Ended, Child: child.Child{
		Stat: procfs.Stat{ID: procfs.ID{PID: pid}}, Status: signals.FromWait(raw),
	}}}}
}

func exited(status uint32) happening { return ended(command, status<<8) }

func happens(k child.Kind) happening { return happening{events: []child.Event{{Kind: k}}} }

func soon(h happening) happening { h.soon = true; return h }

func stopped(pid int) happening {
	return happening{events: []child.Event{{Kind: child.Stopped, Signal: signals.TSTP, Child: child.Child{
		Stat: procfs.Stat{ID: procfs.ID{PID: pid}},
	}}}}
}

// newKeeping returns a bench without /proc whose children follow the script.
func newKeeping(t *testing.T, script ...happening) (*bench, *children) {
	t.Helper()
	b := newBench(t, "")
	c := &children{script: script, living: 1}
	b.k.CommandKernel = c
	b.Proc, b.ProcErr = nil, errors.New("no /proc")
	return b, c
}
