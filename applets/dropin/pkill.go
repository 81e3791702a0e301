package dropin

import (
	"errors"
	"fmt"

	"killbox/internal/cli"
	"killbox/internal/escalate"
	"killbox/procfs"
)

func pkill() *cli.Applet {
	return pgrepApplet("pkill", "signal processes by name and other attributes", pgrepSignal)
}

// signalAll signals the processes that findProcesses has opened, and returns the exit status.
func (p *pgrepCall) signalAll(list []pgrepProcess) int {
	if p.o.dryRun {
		return p.printDryRun(list)
	}
	k := p.env.Kernel
	done := 0
	for _, found := range list {
		err := found.err
		if err == nil {
			err = p.sendSignal(found.ID)
		}
		if errors.Is(err, procfs.ErrNoProcess) {
			continue // gone already, which is no error
		}
		if err != nil {
			fmt.Fprintf(p.env.Stderr, "%s: killing pid %d failed: %s\n", p.name, found.PID, strerror(err))
			continue
		}
		if p.o.release {
			err = k.ReleaseMemory(found.ID)
		}
		if err != nil && !errors.Is(err, procfs.ErrNoProcess) {
			fmt.Fprintf(p.env.Stderr, "%s: pid %d was signalled, but releasing its memory failed: %s\n", p.name, found.PID, strerror(err))
			continue
		}
		done++
		if p.o.echo {
			fmt.Fprintf(p.env.Stdout, "%s killed (pid %d)\n", found.text, found.PID)
		}
	}
	if p.o.count {
		fmt.Fprintln(p.env.Stdout, len(list))
	}
	return pgrepStatus(done)
}

// printDryRun prints what signalAll would signal, and returns the exit status.
func (p *pgrepCall) printDryRun(list []pgrepProcess) int {
	var open []*procfs.Stat
	for i := range list {
		if err := list[i].err; err != nil {
			fmt.Fprintf(p.env.Stderr, "%s: killing pid %d would fail: %s\n", p.name, list[i].PID, strerror(err))
			continue
		}
		open = append(open, &list[i].Stat)
	}
	printDryRun(p.env, p.name, open, escalate.Ladder{{Signal: p.o.signalSent()}})
	if p.o.count {
		fmt.Fprintln(p.env.Stdout, len(list))
	}
	return pgrepStatus(len(open))
}

func (p *pgrepCall) sendSignal(id procfs.ID) error {
	if p.o.queue != nil {
		return p.env.Kernel.SignalWithValue(id, p.o.signalSent(), *p.o.queue)
	}
	return p.env.Kernel.Signal(id, p.o.signalSent())
}
