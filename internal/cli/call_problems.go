package cli

import (
	"errors"
	"fmt"

	"killbox/internal/escalate"
	"killbox/internal/report"
	"killbox/procfs"
)

// ErrNothing means that no process is a target.
var ErrNothing = errors.New("nothing matches")

// noTarget is the error if there is no target.
func (c *Call) noTarget() error {
	if skipped := c.Found.Skipped; len(skipped) > 0 {
		first := report.Process(&skipped[0].Stat) + ": " + skipped[0].Reason
		if len(skipped) == 1 {
			return fmt.Errorf("%w but %s", ErrNothing, first)
		}
		return fmt.Errorf("%w but %d excluded processes, such as %s", ErrNothing, len(skipped), first)
	}
	if !c.Request.Selector.Empty() && c.Env.Proc != nil && c.Env.Proc.HidesProcesses() {
		return fmt.Errorf("%w, and /proc may hide processes of other users (hidepid)", ErrNothing)
	}
	return ErrNothing
}

// ReportProblems reports the operands that came to nothing. With exited, an operand that names no process is no problem.
func (c *Call) ReportProblems(exited bool) {
	for _, p := range c.Found.Missing {
		switch {
		case exited:
		case p.Operand.PID == 0: // a file that names no process
			c.Fail(nil, p.Err, ExitMissing)
		default:
			c.Fail(&procfs.Stat{ID: procfs.ID{PID: p.Operand.PID}}, p.Err, ExitMissing)
		}
	}
	if !c.AsksOnly() {
		for _, op := range c.Found.Hidden {
			c.Fail(nil, fmt.Errorf("group %d exists, and /proc hides its members (hidepid): pgkill signals it as a whole", op.PID), ExitFailed)
		}
	}
	for _, p := range c.Found.Refused {
		st := p.Stat
		st.PID = p.Operand.PID
		c.Fail(&st, p.Err, ExitFailed)
	}
}

// Fail reports that something could not be done, to the process or, if st is nil, to the call, and adds code to the exit
// statuses of which the worst counts.
func (c *Call) Fail(st *procfs.Stat, err error, code int) {
	var res *escalate.Result
	if st != nil {
		res = &escalate.Result{Target: escalate.Target{Stat: *st}}
	}
	c.Report.Failed(res, err)
	c.Codes = append(c.Codes, code)
}
