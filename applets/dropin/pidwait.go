package dropin

import (
	"fmt"

	"killbox/internal/cli"
	"killbox/procfs"
)

func pidwait() *cli.Applet {
	return pgrepApplet("pidwait", "wait for processes by name and other attributes", pgrepWait)
}

// waitAll waits until the processes that findProcesses has opened are gone, and returns the exit status.
func (p *pgrepCall) waitAll(list []pgrepProcess) int {
	if p.o.count {
		fmt.Fprintln(p.env.Stdout, len(list))
	}
	if p.o.echo {
		for _, found := range list {
			fmt.Fprintf(p.env.Stdout, "waiting for %s (pid %d)\n", found.text, found.PID)
		}
	}
	remaining := make(map[procfs.ID]bool)
	for _, found := range list {
		if found.err != nil {
			fmt.Fprintf(p.env.Stderr, "%s: opening pid %d failed: %s\n", p.name, found.PID, strerror(found.err))
			continue
		}
		remaining[found.ID] = true
	}
	opened := len(remaining)
	if code := waitGone(p.env, p.name, cli.ExitFailed, remaining, p.o.timeout); code != 0 {
		return code
	}
	return pgrepStatus(opened)
}
