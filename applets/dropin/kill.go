package dropin

import (
	"errors"
	"fmt"
	"strconv"

	"killbox/internal/cli"
	"killbox/internal/escalate"
	"killbox/internal/show"
	"killbox/internal/signals"
	"killbox/internal/target"
	"killbox/procfs"
)

// The exit statuses of util-linux's kill.
const (
	killFailed   = 1  // no process was signalled, or usage error
	killSomeDone = 64 // some processes were signalled, some were not
)

func kill() *cli.Applet {
	return &cli.Applet{
		Name:      "kill",
		Summary:   "send signals to processes",
		Usage:     "[OPTION]... PID|HANDLE|-PGID|NAME...\n       kill -l [SIG|STATUS]...",
		Uncaught:  true,
		WriteExit: killFailed, FailExit: killFailed,
		Raw: func(env *cli.Env, a *cli.Applet, args []string) int {
			c := &killCall{env: env, applet: a, signal: signals.TERM}
			operands, code, over := c.parse(args)
			if over {
				return code
			}
			return c.run(operands)
		},
	}
}

// killCall is one call of kill.
type killCall struct {
	env    *cli.Env
	applet *cli.Applet

	signal   signals.Signal
	chosen   bool  // a signal was given
	value    int32 // sent with each signal if queue is set
	queue    bool
	all      bool // a name selects the processes of all users
	pidOnly  bool // print PIDs instead of signalling
	handler  bool // signal only processes with a handler for the signal
	verbose  bool
	dryRun   bool            // print what would be signalled
	followUp []escalate.Step // of --timeout; Grace is the wait before the signal

	done, failed int
	targets      []escalate.Target // of --timeout; all are open
	planned      []*procfs.Stat    // of --dry-run
}

func (c *killCall) say(format string, args ...any) {
	fmt.Fprintf(c.env.Stderr, c.applet.Name+": "+format+"\n", args...)
}

// fail reports an error that ends the call, and returns its exit status.
func (c *killCall) fail(format string, args ...any) int {
	c.say(format, args...)
	return killFailed
}

func (c *killCall) run(operands []string) int {
	if len(operands) == 0 {
		return c.fail("not enough arguments")
	}
	if len(c.followUp) > 0 || c.handler || c.dryRun {
		// The targets are looked up in /proc, so its PIDs must be those of this PID namespace.
		if err := c.env.CheckNamespace(); err != nil {
			return c.fail("%v", err)
		}
		if err := c.env.Kernel.Catch(cli.Caught[:]...); err != nil {
			return c.fail("%v", err)
		}
	}
	if c.dryRun && c.env.Proc == nil {
		return c.fail("%v", c.env.ProcErr)
	}
	for _, word := range operands {
		c.signalOperand(word)
	}
	if c.dryRun && !c.pidOnly {
		printDryRun(c.env, c.applet.Name, c.planned, c.ladder())
	}
	if len(c.targets) > 0 {
		if code := c.runLadder(); code != 0 {
			return code
		}
	}
	switch {
	case c.failed == 0 && c.done > 0:
		return 0
	case c.done == 0:
		return killFailed // every operand failed, or with -r was skipped
	}
	return killSomeDone
}

// failOperand reports that an operand could not be signalled.
func (c *killCall) failOperand(word string, err error) {
	c.failed++
	c.say("sending signal to %s failed: %s", show.Word(word), cli.StrError(err))
}

func (c *killCall) signalOperand(word string) {
	word = trimNumber(word)
	if n, err := strconv.ParseInt(word, 10, 32); err == nil {
		c.signalPID(word, int(n))
		return
	}
	if op, err := target.ParsePID(word); err == nil && (op.Form == target.Inode || op.Form == target.Handle) {
		st, err := op.Open(c.env.Kernel)
		if err != nil {
			c.failOperand(word, err)
			return
		}
		c.signalOpened(word, st.ID)
		return
	}
	c.signalByName(word)
}

// signalPID signals a process, or a group if pid is below 1. Without -r and --timeout it calls kill(2) directly:
// nothing is read about the process before the signal, so a pidfd would close no race.
func (c *killCall) signalPID(word string, pid int) {
	if c.pidOnly && !c.handler {
		fmt.Fprintln(c.env.Stdout, pid)
		c.done++
		return
	}
	if c.handler || len(c.followUp) > 0 {
		if pid <= 0 {
			// util-linux signals no group with these options either.
			c.failOperand(word, errors.New("--timeout and --require-handler take processes, not groups: see pgkill"))
			return
		}
		st, err := c.env.Kernel.Open(pid)
		if err != nil {
			c.failOperand(word, err)
			return
		}
		c.signalOpened(word, st.ID)
		return
	}
	if c.dryRun {
		c.planPID(word, pid)
		return
	}
	c.printSending(pid)
	var err error
	if c.queue {
		err = c.env.Kernel.KillWithValue(pid, c.signal, c.value)
	} else {
		err = c.env.Kernel.Kill(pid, c.signal)
	}
	if err != nil {
		c.failOperand(word, err)
		return
	}
	c.done++
}

func (c *killCall) printSending(pid int) {
	if c.verbose {
		fmt.Fprintf(c.env.Stdout, "sending signal %d to pid %d\n", int(c.signal), pid)
	}
}

// signalOpened signals a process that is open, or makes it a target of --timeout.
func (c *killCall) signalOpened(word string, id procfs.ID) {
	if c.handler {
		if c.env.Proc == nil {
			c.failOperand(word, c.env.ProcErr)
			return
		}
		status, err := c.env.Proc.Status(id.PID)
		if err != nil {
			c.failOperand(word, err)
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
	if c.dryRun {
		st, err := c.env.Kernel.Stat(id)
		if err != nil {
			c.failOperand(word, err)
			return
		}
		c.planned = append(c.planned, &st)
		c.done++
		return
	}
	c.printSending(id.PID)
	if len(c.followUp) > 0 {
		c.targets = append(c.targets, escalate.Target{Stat: procfs.Stat{ID: id}, Name: word})
		return
	}
	if err := c.sendSignal(id); err != nil {
		c.failOperand(word, err)
		return
	}
	c.done++
}

func (c *killCall) sendSignal(id procfs.ID) error {
	if c.queue {
		return c.env.Kernel.SignalWithValue(id, c.signal, c.value)
	}
	return c.env.Kernel.Signal(id, c.signal)
}
