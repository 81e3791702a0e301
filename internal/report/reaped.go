package report

import (
	"fmt"
	"time"

	"killbox/internal/child"
	"killbox/internal/show"
	"killbox/internal/signals"
	"killbox/procfs"
)

// Reaped reports a process that this process has reaped, with its status and the resources that it used.
func (r *Reporter) Reaped(c *child.Child) {
	if r.opts.JSON {
		e := r.newEvent(&c.Stat, "reaped")
		e.setStatus(&c.Status)
		e.PPID = c.PPID
		if c.Run > 0 || c.Start != 0 {
			e.Run = toSeconds(c.Run)
		}
		e.CPU, e.Peak = toSeconds(c.CPU), &c.Peak
		r.printJSON(e)
		return
	}
	run := "?"
	if c.Run > 0 || c.Start != 0 {
		run = Seconds(c.Run)
	}
	r.clearStatusLine()
	fmt.Fprintf(r.opts.Out, "%s: %s: %v, ran %s, CPU %s, peak %d KiB\n",
		r.opts.Applet, Process(&c.Stat), c.Status, run, Seconds(c.CPU), c.Peak>>10)
}

// Forwarded implements child.ForwardReporter.
func (r *Reporter) Forwarded(st *procfs.Stat, sig signals.Signal) {
	switch {
	case r.opts.JSON:
		e := r.newEvent(st, "signal")
		e.Signal = sig.String()
		r.printJSON(e)
	case r.opts.Verbose:
		r.printOut("%s: %v forwarded", Process(st), sig)
	}
}

// ExitStatus prints the exit status of a target, as a shell would have it. name is how the user wrote the target.
func (r *Reporter) ExitStatus(name string, st *procfs.Stat, status int) {
	if r.opts.JSON {
		e := r.newEvent(st, "status")
		e.Exit = &status
		r.printJSON(e)
		return
	}
	r.clearStatusLine()
	fmt.Fprintf(r.opts.Out, "%s %d\n", show.Word(name), status)
}

// Zombie prints a zombie for reapwait -z. age is the time since the process was started.
func (r *Reporter) Zombie(st *procfs.Stat, age time.Duration, why string) {
	if r.opts.JSON {
		e := r.newEvent(st, "zombie")
		e.PPID, e.State, e.Age, e.Why = st.PPID, string(st.State), toSeconds(age), why
		r.printJSON(e)
		return
	}
	if !r.opts.Quiet {
		r.clearStatusLine()
		fmt.Fprintf(r.opts.Out, "%s: started %s ago, %s\n", Process(st), Seconds(age), why)
	}
}
