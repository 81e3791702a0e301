//go:build !nodropins

package applets

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"killbox/internal/escalate"
	"killbox/internal/show"
	"killbox/internal/signals"
	"killbox/internal/target"
	"killbox/procfs"
)

// The exit statuses of util-linux's kill.
const (
	killFailed   = 1  // nobody was signalled, or the command line was wrong
	killSomeDone = 64 // some were, and some were not
)

func kill() *Applet {
	return &Applet{
		Name:      "kill",
		Summary:   "send signals to processes",
		Usage:     "[OPTION]... PID|PID:INODE|PID@START[:INODE]|-PGID|NAME...",
		Uncaught:  true,
		WriteExit: killFailed,
		Raw: func(env *Env, a *Applet, args []string) int {
			c := &killCall{env: env, applet: a, signal: signals.TERM}
			operands, code, over := c.parse(args)
			if over {
				return code
			}
			return c.run(operands)
		},
	}
}

// killCall is one use of kill.
type killCall struct {
	env    *Env
	applet *Applet

	signal   signals.Signal
	chosen   bool // a signal was given
	value    int32
	queue    bool
	all      bool
	pidOnly  bool
	handler  bool // only to who has one
	verbose  bool
	followUp []escalate.Step // each with the wait before it

	done, failed int
	targets      []escalate.Target // of --timeout
}

func (c *killCall) say(format string, args ...any) {
	fmt.Fprintf(c.env.Stderr, c.applet.Name+": "+format+"\n", args...)
}

// wrong reports an error that makes the call impossible.
func (c *killCall) wrong(format string, args ...any) int {
	c.say(format, args...)
	return killFailed
}

func (c *killCall) run(operands []string) int {
	if len(operands) == 0 {
		return c.wrong("not enough arguments")
	}
	if len(c.followUp) > 0 || c.handler {
		// Numbers that are compared with /proc have to be those of /proc.
		if err := c.env.sameNamespace(); err != nil {
			return c.wrong("%v", err)
		}
		if err := c.env.Kernel.Catch(caught[:]...); err != nil {
			return c.wrong("%v", err)
		}
	}
	for _, word := range operands {
		c.operand(word)
	}
	if len(c.targets) > 0 {
		if code := c.climb(); code != 0 {
			return code
		}
	}
	switch {
	case c.failed == 0 && c.done > 0:
		return 0
	case c.done == 0:
		return killFailed // with nobody skipped for want of a handler, all failed
	}
	return killSomeDone
}

// failedFor reports an operand that came to nothing.
func (c *killCall) failedFor(word string, err error) {
	c.failed++
	c.say("sending signal to %s failed: %s", show.Word(word), cError(err))
}

func (c *killCall) operand(word string) {
	word = cNumber(word)
	if n, err := strconv.ParseInt(word, 10, 32); err == nil {
		c.number(word, int(n))
		return
	}
	if op, err := target.ParsePID(word); err == nil && (op.Form == target.Inode || op.Form == target.Handle) {
		id, err := pinOperand(c.env, op)
		if err != nil {
			c.failedFor(word, err)
			return
		}
		c.process(word, id)
		return
	}
	c.named(word)
}

// cNumber takes off what strtol(3) passes over before a number: ps(1) and others
// pad theirs.
func cNumber(word string) string {
	text := strings.TrimLeft(word, blanks)
	text = strings.TrimPrefix(text, "+")
	if text == "" || text[0] < '0' || text[0] > '9' {
		return word
	}
	return text
}

// number signals a PID or a group. Where nothing is asked about the process
// first, nothing is gained by opening it, and one system call is enough.
func (c *killCall) number(word string, pid int) {
	if c.pidOnly && !c.handler {
		fmt.Fprintln(c.env.Stdout, pid)
		c.done++
		return
	}
	if c.handler || len(c.followUp) > 0 {
		if pid <= 0 {
			// Nor does util-linux's.
			c.failedFor(word, errors.New("--timeout and --require-handler take processes, not groups: see pgkill"))
			return
		}
		st, err := c.env.Kernel.Open(pid)
		if err != nil {
			c.failedFor(word, err)
			return
		}
		c.process(word, st.ID)
		return
	}
	c.tell(pid)
	var err error
	if c.queue {
		err = c.env.Kernel.KillQueue(pid, c.signal, c.value)
	} else {
		err = c.env.Kernel.Kill(pid, c.signal)
	}
	if err != nil {
		c.failedFor(word, err)
		return
	}
	c.done++
}

func (c *killCall) tell(pid int) {
	if c.verbose {
		fmt.Fprintf(c.env.Stdout, "sending signal %d to pid %d\n", int(c.signal), pid)
	}
}

// process signals one that was opened.
func (c *killCall) process(word string, id procfs.ID) {
	if c.handler {
		if c.env.Proc == nil {
			c.failedFor(word, c.env.ProcErr)
			return
		}
		status, err := c.env.Proc.Status(id.PID)
		if err != nil {
			c.failedFor(word, err)
			return
		}
		if !status.Caught.Has(int(c.signal)) {
			if c.verbose {
				fmt.Fprintf(c.env.Stdout, "not signalling pid %d, it has no userspace handler for signal %d\n", id.PID, int(c.signal))
			}
			return
		}
	}
	if c.pidOnly {
		fmt.Fprintln(c.env.Stdout, id.PID)
		c.done++
		return
	}
	c.tell(id.PID)
	if len(c.followUp) > 0 {
		c.targets = append(c.targets, escalate.Target{Stat: procfs.Stat{ID: id}, Name: word})
		return
	}
	if err := c.send(id); err != nil {
		c.failedFor(word, err)
		return
	}
	c.done++
}

func (c *killCall) send(id procfs.ID) error {
	if c.queue {
		return c.env.Kernel.Queue(id, c.signal, c.value)
	}
	return c.env.Kernel.Signal(id, c.signal)
}

// named signals everybody of that name: whoever runs under the caller's user,
// or all with --all; never this process.
func (c *killCall) named(name string) {
	missing := func() {
		c.failed++
		c.say("cannot find process \"%s\"", show.Word(name))
	}
	if name == "" {
		missing()
		return
	}
	if c.env.Proc == nil {
		c.failedFor(name, c.env.ProcErr)
		return
	}
	if err := c.env.sameNamespace(); err != nil {
		c.failedFor(name, err)
		return
	}
	s := target.Selector{Name: name, Zombies: true}
	if !c.all {
		s.UID, s.HasUID = os.Getuid(), true
	}
	pids, err := c.env.Proc.PIDs(nil)
	if err != nil {
		c.failedFor(name, err)
		return
	}
	slices.Sort(pids)
	found := false
	for _, pid := range pids {
		st, err := c.env.Proc.Stat(pid)
		if err != nil || pid == c.env.PID {
			continue
		}
		if ok, err := s.Matches(c.env.Proc, &st); err != nil || !ok {
			continue
		}
		// It is opened, and then asked again: the number may be another's by
		// now.
		opened, err := c.env.Kernel.Open(pid)
		if err != nil {
			continue
		}
		if ok, err := s.Matches(c.env.Proc, &opened); err != nil || !ok {
			continue
		}
		if _, err := c.env.Kernel.Stat(opened.ID); err != nil {
			continue
		}
		found = true
		c.process(name, opened.ID)
	}
	if !found {
		missing()
	}
}

// climb runs the ladder of --timeout for all targets at once.
func (c *killCall) climb() int {
	plan := &escalate.Plan{Targets: c.targets}
	at := c.signal
	for _, step := range c.followUp {
		plan.Ladder = append(plan.Ladder, escalate.Step{Signal: at, Grace: step.Grace})
		at = step.Signal
	}
	plan.Ladder = append(plan.Ladder, escalate.Step{Signal: at, Grace: escalate.KillGrace})
	for i := range plan.Targets {
		if st, err := c.env.Kernel.Stat(plan.Targets[i].ID); err == nil {
			plan.Targets[i].Stat = st
		}
	}
	var k escalate.Kernel = c.env.Kernel
	if c.queue {
		k = queueing{c.env.Kernel, c.value}
	}
	_ = c.env.Kernel.Hold()
	sum, err := escalate.Run(escalate.Call{Plan: plan, Kernel: k, Observer: killWatch{c}})
	if i := new(signals.Interrupt); errors.As(err, &i) {
		c.env.Die(i.Signal)
		return 128 + int(i.Signal)
	}
	if err != nil {
		return c.wrong("%v", err)
	}
	for _, res := range sum.Results {
		switch res.Outcome {
		case escalate.Survived, escalate.Exists:
			c.failed++
			c.say("%d is still there", res.PID)
		case escalate.Refused:
			c.failed++
		default:
			c.done++
		}
	}
	return 0
}

// queueing sends every signal with a value.
type queueing struct {
	Kernel
	value int32
}

func (q queueing) Signal(id procfs.ID, sig signals.Signal) error {
	return q.Queue(id, sig, q.value)
}
