package escalate

import (
	"time"

	"killbox/internal/duration"
	"killbox/internal/signals"
	"killbox/procfs"
)

// account holds the results of a call. Only its methods change the Outcome of a result.
type account struct {
	call    *Call
	start   time.Time
	results batch
	byID    map[procfs.ID]*Result
	open    int // number of results with the outcome Survived
	gone    int // number of results with the outcome Gone
	rung    int // number of the current step, from 1
	sum     Summary
	// orphans returns Summary.Orphans; nil if the targets are no roots of trees.
	orphans func() []Orphan
}

// batch is a list of results, such as those to be sent one signal.
type batch []*Result

// newAccount returns an account without results. It reports to the observer which processes the plan excludes.
func newAccount(c *Call) *account {
	start := c.Plan.Began
	if start.IsZero() {
		start = time.Now()
	}
	a := &account{call: c, start: start, byID: make(map[procfs.ID]*Result, len(c.Plan.Targets))}
	a.results = make(batch, 0, len(c.Plan.Targets))
	a.sum.Proved = true
	for _, s := range c.Plan.Skipped {
		c.Observer.Skipped(s)
	}
	return a
}

// addTargets adds the targets of the plan, unless only their descendants are to be ended.
func (a *account) addTargets() {
	p := a.call.Plan
	if p.Tree != nil && p.Tree.Children {
		return
	}
	for _, t := range p.Targets {
		a.add(t)
	}
}

// add adds an opened target and returns its result. A target that is gone is marked as gone at once.
func (a *account) add(t Target) *Result {
	if res, ok := a.byID[t.ID]; ok {
		return res
	}
	res := newResult(t)
	a.byID[t.ID] = res
	a.results = append(a.results, res)
	a.open++
	if t.Stat.Gone() && !a.call.Plan.Reaped {
		a.markGone(res, false)
	}
	return res
}

// addMember adds an opened process that a tree or the cgroup implies.
func (a *account) addMember(st procfs.Stat) *Result { return a.add(Target{Stat: st}) }

// addOrphan is addMember for an orphan, and reports why it is attributed to the tree.
func (a *account) addOrphan(st procfs.Stat, evidence string) *Result {
	res := a.addMember(st)
	res.Evidence = evidence
	a.call.Observer.Attributed(res)
	return res
}

// addRefused adds a process that could not be opened, and reports the error.
func (a *account) addRefused(st procfs.Stat, err error) { a.refuse(a.addMember(st), err) }

// has reports whether the process has a result, and whether it remains: its outcome is Survived.
func (a *account) has(id procfs.ID) (known, remains bool) {
	res := a.byID[id]
	return res != nil, res != nil && res.Outcome == Survived
}

// freezesOnly reports whether the plan freezes its targets and sends no signal of the ladder.
func (a *account) freezesOnly() bool { return a.call.Plan.FreezeOnly }

// isGone reports whether the process has a result and is gone.
func (a *account) isGone(id procfs.ID) bool {
	res := a.byID[id]
	return res != nil && res.Outcome == Gone
}

// remaining returns the results with the outcome Survived.
func (a *account) remaining() batch { return a.results.remaining() }

func (b batch) remaining() batch {
	var list batch
	for _, res := range b {
		if res.Outcome == Survived {
			list = append(list, res)
		}
	}
	return list
}

// markSignalled notes that the target was sent the signal of this step.
func (a *account) markSignalled(res *Result, sig signals.Signal) {
	res.Rung = a.rung
	a.sum.Rung = max(a.sum.Rung, a.rung)
	a.call.Observer.Signalled(res, sig, a.rung, time.Since(a.start))
	if sig == signals.Null && a.isLastRung() {
		// Signal 0 on the last step ends nothing, so the target exists. On an earlier step the call waits for
		// the end of the target, as after any other signal.
		res.Outcome = Exists
		a.open--
	}
}

// markRefused notes that the target cannot be signalled, without a report.
func (a *account) markRefused(res *Result, err error) {
	res.Outcome, res.Err = Refused, err
	a.open--
}

// refuse notes that the target cannot be signalled, and reports the error.
func (a *account) refuse(res *Result, err error) {
	a.markRefused(res, err)
	a.reportFailure(res, err)
}

// reportFailure reports a failure. res is nil if the failure concerns the whole call.
func (a *account) reportFailure(res *Result, err error) { a.call.Observer.Failed(res, err) }

// reportFirstWait reports the targets that remain some time after the first signal.
func (a *account) reportFirstWait() {
	w := a.call.firstWait()
	w.Results = a.results
	a.call.Observer.FirstWait(w)
}

// reportFrozen reports the targets that a plan with FreezeOnly has frozen.
func (a *account) reportFrozen(list batch) { a.call.Observer.Frozen(list) }

// refuseAncestors marks the targets that are ancestors of this process as refused, and reports err for each.
func (a *account) refuseAncestors(err error) {
	for _, res := range a.results {
		if res.Last {
			a.refuse(res, err)
		}
	}
}

// markSurvivorsExist changes the outcome of the remaining targets to Exists, at the end of a call that was not to end
// them, or that has signalled nothing.
func (a *account) markSurvivorsExist() {
	for _, res := range a.results.remaining() {
		res.Outcome = Exists
	}
}

// mayAddMembers reports whether the targets are roots of trees, which may have members even if no target remains.
func (a *account) mayAddMembers() bool {
	return a.call.Plan.Tree != nil && len(a.call.Plan.Targets) > 0
}

// reportExcluded reports a process that is excluded.
func (a *account) reportExcluded(st *procfs.Stat, reason string) {
	a.call.Observer.Skipped(Skip{*st, reason})
}

// markGone notes that the target is gone, and reports that once. reaped says that it has been reaped as well: with
// Plan.Reaped a target is gone only then.
func (a *account) markGone(res *Result, reaped bool) {
	res.reaped = res.reaped || reaped
	if res.Outcome != Survived {
		return
	}
	if a.call.Plan.Status && res.Status == nil {
		a.fetchStatus(res)
	}
	if a.call.Plan.Reaped && !res.reaped {
		return
	}
	res.Outcome = Gone
	res.Elapsed = time.Since(a.start)
	a.open--
	a.gone++
	a.call.Observer.Gone(res)
	a.closeEnded(res)
}

// markAllGone calls markGone for the processes that have a result.
func (a *account) markAllGone(ids []procfs.ID, reaped bool) {
	for _, id := range ids {
		if res, ok := a.byID[id]; ok {
			a.markGone(res, reaped)
		}
	}
}

// interrupted returns a *signals.Interrupt if a signal has arrived that is to end this process.
func (a *account) interrupted() error { return a.call.Kernel.Interrupted() }

// pause gives up the processor for about d.
func (a *account) pause(d time.Duration) { a.call.Kernel.Pause(d) }

// stepsDone returns the number of steps that were carried out before the call.
func (a *account) stepsDone() int { return a.call.Plan.StepsDone }

// beginsWithHooks reports whether the hooks run before the first signal of the call, because the first step of the
// ladder was carried out before.
func (a *account) beginsWithHooks() bool { return a.stepsDone() > 0 && a.call.Plan.Hook != "" }

// beginRung sets the number of the current step, from 1.
func (a *account) beginRung(rung int) { a.rung = rung }

// isLastRung reports whether no step follows the current one.
func (a *account) isLastRung() bool { return a.rung >= len(a.call.Plan.Ladder) }

// isMixed reports whether the first step is for the masters alone.
func (a *account) isMixed() bool { return a.call.Plan.Mixed }

// isForMasters reports whether the current step is for the masters alone.
func (a *account) isForMasters() bool { return a.isMixed() && a.rung == 1 }

// awaitsAny reports whether the current step waits for a target that remains.
func (a *account) awaitsAny() bool {
	if !a.isForMasters() {
		return a.open > 0
	}
	for _, res := range a.results {
		if res.Master && res.Outcome == Survived {
			return true
		}
	}
	return false
}

// masters returns the masters that remain.
func (a *account) masters() (list batch) {
	for _, res := range a.remaining() {
		if res.Master {
			list = append(list, res)
		}
	}
	return list
}

// remainingTime returns the time until the limit of the whole call; duration.Forever without a limit. It is negative
// after the limit.
func (a *account) remainingTime() time.Duration {
	if a.call.Plan.Limit == 0 {
		return duration.Forever
	}
	return a.call.Plan.Limit - time.Since(a.start)
}

// isLimitOver reports whether the call has a limit that has been reached.
func (a *account) isLimitOver() bool {
	return a.call.Plan.Limit > 0 && time.Since(a.start) >= a.call.Plan.Limit
}

// proofTime returns how long a proof that begins now may take: Plan.Prove, but not beyond the limit of the whole call.
func (a *account) proofTime() time.Duration { return min(a.call.Plan.Prove, max(a.remainingTime(), 0)) }

// isProofOverdue reports whether a proof that began at the given time has taken longer than Plan.Prove.
func (a *account) isProofOverdue(began time.Time) bool { return time.Since(began) > a.call.Plan.Prove }

// isEnough reports whether as many targets are gone as Plan.Count asks for.
func (a *account) isEnough() bool {
	p := a.call.Plan
	return p.Count > 0 && a.gone+p.Ended >= p.Count
}

// isDone reports whether no target remains and it is proved that no process has escaped.
func (a *account) isDone() bool { return a.open == 0 && a.sum.Proved }

// setLimitReached notes whether the call ends because its time limit was reached.
func (a *account) setLimitReached(reached bool) { a.sum.LimitReached = reached }

// setUnproved notes that a process may have escaped. doubt is the reason.
func (a *account) setUnproved(doubt string) { a.sum.Proved, a.sum.Doubt = false, doubt }

// addDoubt is setUnproved, but keeps an earlier doubt.
func (a *account) addDoubt(doubt string) {
	if a.sum.Proved {
		a.setUnproved(doubt)
	}
}

// setLeftFrozen notes that a process or the cgroup could not be resumed.
func (a *account) setLeftFrozen() { a.sum.Failed = true }

// setGroupRefused notes that the kernel refused to signal a group that has no visible member.
func (a *account) setGroupRefused() { a.sum.Refused = true }

// clearDoubt removes the doubt before a further step: the scan of that step may find the process that evaded the scans
// before.
func (a *account) clearDoubt() { a.sum.Proved, a.sum.Doubt = true, "" }

// summary fetches the exit statuses that are still missing, and returns the summary.
func (a *account) summary() *Summary {
	a.awaitStatus()
	if a.orphans != nil {
		a.sum.Orphans = a.orphans()
	}
	a.sum.Results = a.results
	a.sum.Elapsed = time.Since(a.start)
	return &a.sum
}

// endsCgroup reports whether the targets are the members of a cgroup.
func (a *account) endsCgroup() bool { return a.call.Plan.Cgroup }

// endsTree reports whether the targets are the roots of trees, or single processes that are stopped before they are
// signalled.
func (a *account) endsTree() bool { return a.call.Plan.Tree != nil || a.call.Plan.Freeze }

// endsGroups reports whether the targets are the members of process groups.
func (a *account) endsGroups() bool { return a.call.Plan.Groups != nil }
