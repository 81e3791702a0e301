package applets

import (
	"errors"
	"syscall"

	"killbox/internal/escalate"
	"killbox/internal/report"
	"killbox/procfs"
)

// refusals reports each process that may not be signalled once in a call, with its user, however often and by
// whatever signal that is tried.
type refusals struct {
	*report.Reporter
	proc *procfs.FS
	told map[procfs.ID]bool
}

// Failed implements escalate.Observer.
func (o *refusals) Failed(res *escalate.Result, err error) {
	if res == nil || !errors.Is(err, syscall.EPERM) {
		o.Reporter.Failed(res, err)
		return
	}
	if !o.told[res.ID] {
		o.told[res.ID] = true
		o.Reporter.Failed(res, report.Refusal(o.proc, &res.Stat, err))
	}
}

// observer returns what escalate.Run reports to.
func (r *keeping) observer() *refusals {
	if r.refused == nil {
		r.refused = &refusals{Reporter: r.rep, proc: r.env.Proc, told: make(map[procfs.ID]bool)}
	}
	return r.refused
}

// commandFailed reports that COMMAND could not be signalled.
func (r *keeping) commandFailed(err error) {
	st, ok := r.command()
	if !ok {
		st = procfs.Stat{ID: procfs.ID{PID: r.pid}}
	}
	r.observer().Failed(&escalate.Result{Target: escalate.Target{Stat: st}}, err)
}

// command returns what /proc tells of COMMAND.
func (r *keeping) command() (st procfs.Stat, ok bool) {
	if r.env.Proc == nil || r.foreignProc() {
		return st, false
	}
	st, err := r.env.Proc.Stat(r.pid)
	return st, err == nil
}

// onlyRefused reports whether all that is known to remain are processes that may not be signalled. Another
// round would be refused as well.
func (r *keeping) onlyRefused(sum *escalate.Summary) bool {
	return sum.Count(escalate.Survived) == 0 && r.countRefused(sum) > 0
}

// countRefused returns the number of processes that may not be signalled and still exist.
func (r *keeping) countRefused(sum *escalate.Summary) int {
	n := 0
	for _, res := range sum.Results {
		if res.Outcome == escalate.Refused && errors.Is(res.Err, syscall.EPERM) && r.env.Kernel.Exists(res.ID) == nil {
			n++
		}
	}
	return n
}
