package cli

import (
	"errors"
	"fmt"
	"strings"

	"killbox/internal/escalate"
	"killbox/internal/report"
	"killbox/internal/target"
	"killbox/procfs"
)

// ErrNothing is the error of a call that has no target.
var ErrNothing = errors.New("nothing matches")

// noTarget returns the error of a call that has no target: nothing, and the reason if one is known, or an error that
// names the excluded processes.
func (c *Call) noTarget() error {
	if len(c.Found.Skipped) > 0 {
		return ExcludedError(c.Found.Skipped)
	}
	if missing := c.Request.Selector.Missing; missing != nil {
		return fmt.Errorf("%w: %w", ErrNothing, missing)
	}
	nothing := ErrNothing
	if s := &c.Request.Selector; s.OnlyHolders() {
		nothing = errors.New(s.Holders.Nothing())
	}
	if s := &c.Request.Selector; !s.Empty() && c.Env.Proc != nil && c.Env.Proc.HidesProcesses() &&
		(!s.OnlyHolders() || s.Holders.Incomplete(true)) {
		return fmt.Errorf("%w, and /proc may hide processes of other users (hidepid)", nothing)
	}
	return nothing
}

// ExcludedError returns the error of a call whose matches were all excluded. It names the first of them, each with the
// reason.
func ExcludedError(skipped []target.Skip) error {
	const most = 4
	var text strings.Builder
	for i := range skipped {
		if i == most && len(skipped) > most+1 {
			fmt.Fprintf(&text, "; and %d more", len(skipped)-most)
			break
		}
		if i > 0 {
			text.WriteString("; ")
		}
		fmt.Fprintf(&text, "%s: %s", report.Process(&skipped[i].Stat), skipped[i].Reason)
	}
	return errors.New("every process that matches is excluded: " + text.String())
}

// reportNothing reports that the call has no target, if that is so.
func (c *Call) reportNothing() {
	found := c.Found
	if len(found.Processes)+len(found.Missing)+len(found.Refused)+len(found.Ended)+len(found.Hidden) > 0 {
		return
	}
	switch n := c.countUnexamined(); {
	case n > 0:
		c.unexamined = true
		c.Fail(nil, fmt.Errorf("%w, and %s", c.noTarget(), report.Unexamined(n)), ExitFailed)
		return
	case c.mayHaveHiddenHolder():
		c.Fail(nil, c.noTarget(), ExitFailed)
	case !c.Targets.Exited:
		c.Fail(nil, c.noTarget(), ExitMissing)
	}
	if h := c.mustRelease(); h != nil {
		c.reportMountUsers(h)
	}
}

// ReportProblems reports the operands that yield no target: missing, hidden or refused. With exited, a missing process
// is not reported.
func (c *Call) ReportProblems(exited bool) {
	for _, p := range c.Found.Missing {
		switch {
		case exited:
		case p.Operand.PID == 0: // from a pidfile, not from an operand
			c.Fail(nil, p.Err, ExitMissing)
		default:
			c.Fail(&procfs.Stat{ID: procfs.ID{PID: p.Operand.PID}}, ExplainMissing(c.Request.Operands, p.Operand, p.Err), ExitMissing)
		}
	}
	if !c.AsksOnly() {
		for _, op := range c.Found.Hidden {
			err := HiddenGroupError(op.PID)
			if !c.SignalsNothing {
				err = fmt.Errorf("%w: only pgkill can signal it", err)
			}
			c.Fail(nil, err, ExitFailed)
		}
	}
	for _, p := range c.Found.Refused {
		st := p.Stat
		st.PID = p.Operand.PID
		c.Fail(&st, p.Err, ExitFailed)
	}
}

// ReportEnded reports the handles whose process is gone, which are no error. With dryRun, they are the reason why the
// list of targets is short or empty, so that they are always reported, unless --exited is given.
func (c *Call) ReportEnded(dryRun bool) {
	if c.Found == nil {
		return
	}
	for _, op := range c.Found.Ended {
		st := op.Stat()
		c.Report.Ended(op.Text, &st, dryRun && !c.Targets.Exited)
	}
}

// HiddenGroupError returns the error of a group that exists and of which /proc shows no member.
func HiddenGroupError(pgid int) error {
	return fmt.Errorf("group %d exists, and /proc hides its members (hidepid)", pgid)
}

// Fail reports an error and adds code to the exit statuses of the call. The error concerns the process st, or the whole
// call if st is nil.
func (c *Call) Fail(st *procfs.Stat, err error, code int) {
	var res *escalate.Result
	if st != nil {
		res = &escalate.Result{Target: escalate.Target{Stat: *st}}
	}
	c.Report.Failed(res, err)
	c.Codes = append(c.Codes, code)
}
