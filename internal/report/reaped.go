package report

import (
	"fmt"

	"killbox/internal/family"
)

// Reaped reports a process that was reaped.
func (r *Reporter) Reaped(c *family.Child) {
	if r.opts.JSON {
		e := about(&c.Stat, "reaped")
		e.setStatus(&c.Status)
		e.PPID = c.PPID
		if c.Run > 0 || c.Start != 0 {
			e.Run = seconds(c.Run)
		}
		e.CPU, e.Peak = seconds(c.CPU), &c.Peak
		r.json(e)
		return
	}
	run := "?"
	if c.Run > 0 || c.Start != 0 {
		run = Seconds(c.Run)
	}
	r.wipe()
	fmt.Fprintf(r.opts.Out, "%s: %s: %v, ran %s, CPU %s, peak %d KiB\n",
		r.opts.Applet, Process(&c.Stat), c.Status, run, Seconds(c.CPU), c.Peak>>10)
}
