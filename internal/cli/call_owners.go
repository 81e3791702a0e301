package cli

import (
	"killbox/internal/report"
	"killbox/internal/target"
	"killbox/procfs"
)

// leftAlone counts the processes that --owner-gone, --port, --open or --mount has left alone, except those that are
// excluded anyway.
func (c *Call) leftAlone() (n report.LeftAlone) {
	if owners := c.Request.Selector.Owners; owners != nil {
		n = report.LeftAlone(owners.LeftAlone(c.exclude))
	}
	if holders := c.Request.Selector.Holders; holders != nil {
		n.Unexamined += holders.Unexamined(c.exclude)
	}
	return n
}

// countUnexamined counts the processes that may match the selector, but could not be examined, except those that are
// excluded anyway.
func (c *Call) countUnexamined() int {
	return c.Request.Selector.Unexamined.Count(c.exclude) + c.leftAlone().Unexamined
}

// ReportLeftAlone reports the processes that --owner-gone has left alone, and those that could not be examined. The
// applet calls it once, at the end of a call that neither runs nor prints a plan.
func (c *Call) ReportLeftAlone() {
	c.Report.LeftAlone(c.leftAlone(), c.unexamined)
	c.Report.Unexamined(c.Request.Selector.Unexamined.Count(c.exclude), c.unexamined)
}

// owner returns the handle of the owner that is gone, if --owner-gone has selected the process, and otherwise "".
func (c *Call) owner(id procfs.ID) string {
	if owners := c.Request.Selector.Owners; owners != nil {
		if mark, ok := owners.Mark(id); ok {
			return mark.Handle()
		}
	}
	return ""
}

// OwnerMark returns the owner mark of the process that has the PID or handle of the operand.
func OwnerMark(env *Env, op target.Operand) (st procfs.Stat, mark string, err error) {
	if env.Proc == nil {
		return st, "", env.ProcErr
	}
	if err := env.CheckNamespace(); err != nil {
		return st, "", err
	}
	if st, err = env.Kernel.Identify(op.PID); err != nil {
		return procfs.Stat{}, "", err
	}
	same, err := op.Names(&st)
	if err == nil && !same {
		err = procfs.ErrNoProcess
	}
	if err != nil {
		return st, "", err
	}
	m, err := target.NewOwnerMark(env.Proc, &st)
	if err != nil {
		return st, "", err
	}
	return st, m.String(), nil
}
