//go:build !nodropins

package applets

import (
	"errors"
	"time"

	"killbox/internal/escalate"
	"killbox/internal/fmt"
	"killbox/internal/signals"
	"killbox/procfs"
)

// send signals the command, and whoever else is to be timed out.
func (l *limited) send(sig signals.Signal) error {
	if l.pid == 0 {
		return nil
	}
	k := l.env.Kernel
	switch sig {
	case l.o.signal.s, signals.TERM, signals.INT, signals.HUP, signals.QUIT, signals.KILL:
		l.ending = true
	}
	if l.killAt.IsZero() {
		grace := escalate.DefaultGrace
		if l.o.killAfter.d > 0 {
			grace = l.o.killAfter.d
		}
		l.killAt = time.Now().Add(min(grace, 1<<61))
	}
	if l.o.killAfter.d > 0 {
		// Later signals do not put it off.
		l.next = signals.KILL
		if l.o.killAfter.d != escalate.Forever {
			l.deadline = l.killAt
		}
		l.o.killAfter.d = 0
	}
	if l.o.verbose {
		fmt.Fprintf(l.env.Stderr, "timeout: sending signal %s to command %s\n", gnuName(sig), l.command)
	}
	l.killed = l.killed || sig == signals.KILL
	if sig == signals.Null {
		return nil
	}
	if !l.gnu() {
		return l.sendFamily(sig)
	}
	list := []signals.Signal{sig}
	if sig != signals.KILL && sig != signals.CONT && !l.o.foreground {
		list = append(list, signals.CONT)
	}
	for _, sig := range list {
		if err := k.Pass(l.pid, sig, false); err != nil && !errors.Is(err, procfs.ErrNoProcess) {
			l.commandFailed(err)
		}
		if !l.o.foreground {
			_ = k.OwnGroup(sig)
		}
	}
	return nil
}

// sendFamily signals everybody who descends from us, each once, and the rest
// of our group, such as another stage of a shell's pipeline.
func (l *limited) sendFamily(sig signals.Signal) error {
	step := escalate.Step{Signal: sig}
	if sig == signals.KILL {
		step.Grace = escalate.KillGrace
	}
	p, err := l.plan(escalate.Ladder{step})
	if err != nil {
		return err
	}
	_, err = escalate.Run(l.env.Kernel, p, l.observer())
	l.rep.Close()
	if err == nil && sig != signals.KILL && !sig.Stops() && l.strangers() {
		for _, s := range []signals.Signal{sig, signals.CONT} {
			_ = l.env.Kernel.OwnGroup(s)
		}
	}
	return err
}

// strangers tells whether our group has members that we have not started.
func (l *limited) strangers() bool {
	var table procfs.Snapshot
	self, err := l.env.Proc.Stat(l.env.PID)
	if err != nil || l.env.Kernel.Snapshot(&table) != nil {
		return false
	}
	ours := map[int]bool{l.env.PID: true}
	for _, st := range table.Family(procfs.Family{Roots: []procfs.ID{self.ID}}) {
		ours[st.PID] = true
	}
	for _, st := range table.Procs {
		if st.PGID == self.PGID && !ours[st.PID] && !st.Gone() {
			return true
		}
	}
	return false
}

// endRest ends who is left of the family when the command is gone. They have
// been sent the signal with it, so that nothing but KILL is to come.
func (l *limited) endRest() error {
	l.steps = escalate.Ladder{{Signal: signals.CONT, Grace: max(time.Until(l.killAt), 0)}, {Signal: signals.KILL, Grace: escalate.KillGrace}}
	if l.killed {
		l.steps = l.steps[1:]
	}
	return l.teardown()
}
