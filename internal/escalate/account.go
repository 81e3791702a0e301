package escalate

import (
	"time"

	"killbox/internal/duration"
	"killbox/internal/signals"
	"killbox/procfs"
)

// account is the account of a call: its results, and the only code that changes their outcome.
type account struct {
	call    *Call
	start   time.Time
	results batch
	byID    map[procfs.ID]*Result
	open    int // results that are neither gone nor refused
	gone    int
	rung    int // from 1
	sum     Summary
}

// batch is a list of results, such as those to be sent one signal.
type batch []*Result

// newAccount returns an account without results, and reports the processes that the plan excludes.
func newAccount(c *Call) *account {
	a := &account{call: c, start: time.Now(), byID: make(map[procfs.ID]*Result, len(c.Plan.Targets))}
	a.results = make(batch, 0, len(c.Plan.Targets))
	a.sum.Proved = true
	for _, s := range c.Plan.Skipped {
		c.Observer.Skipped(s)
	}
	return a
}

// addTargets adds the targets of the plan, unless only their descendants are meant.
func (a *account) addTargets() {
	p := a.call.Plan
	if p.Tree != nil && p.Tree.Children {
		return
	}
	for _, t := range p.Targets {
		a.add(t)
	}
}

// add adds a target that has been opened. One that is gone already is counted at once.
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

// addMember adds a process that a tree, a group or the cgroup implies.
func (a *account) addMember(st procfs.Stat) *Result { return a.add(Target{Stat: st}) }

// addRefused adds a process that could not be opened, and reports that.
func (a *account) addRefused(st procfs.Stat, err error) { a.refuse(a.addMember(st), err) }

// has reports whether the process is a target, and whether it remains: it is neither gone nor refused.
func (a *account) has(id procfs.ID) (known, remains bool) {
	res := a.byID[id]
	return res != nil, res != nil && res.Outcome == Survived
}

// freezesOnly reports whether no ladder is climbed.
func (a *account) freezesOnly() bool { return a.call.Plan.FreezeOnly }

// isGone reports whether the process is a target that is gone.
func (a *account) isGone(id procfs.ID) bool {
	res := a.byID[id]
	return res != nil && res.Outcome == Gone
}

// remaining returns the results that are neither gone nor refused.
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
		// Before another step the end is waited for, as after any signal.
		res.Outcome = Exists
		a.open--
	}
}

// markRefused notes that the target cannot be signalled.
func (a *account) markRefused(res *Result, err error) {
	res.Outcome, res.Err = Refused, err
	a.open--
}

// refuse notes that the target cannot be signalled, and reports it.
func (a *account) refuse(res *Result, err error) {
	a.markRefused(res, err)
	a.reportFailure(res, err)
}

// reportFailure reports what did not work; res is nil if it concerns the call.
func (a *account) reportFailure(res *Result, err error) { a.call.Observer.Failed(res, err) }

// reportFrozen reports which targets a plan that only freezes has frozen.
func (a *account) reportFrozen(list batch) { a.call.Observer.Frozen(list) }

// refuseAncestors refuses the targets that are ancestors of killbox.
func (a *account) refuseAncestors(err error) {
	for _, res := range a.results {
		if res.Last {
			a.refuse(res, err)
		}
	}
}

// markSurvivorsExist notes that the remaining targets were not to end.
func (a *account) markSurvivorsExist() {
	for _, res := range a.results.remaining() {
		res.Outcome = Exists
	}
}

// mayAddMembers reports whether the trees of the targets may have members even if no target remains.
func (a *account) mayAddMembers() bool {
	return a.call.Plan.Tree != nil && len(a.call.Plan.Targets) > 0
}

// reportExcluded reports a process that is excluded.
func (a *account) reportExcluded(st *procfs.Stat, reason string) {
	a.call.Observer.Skipped(Skip{*st, reason})
}

// markGone notes that the target is gone, once.
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

// markAllGone notes that the processes are gone.
func (a *account) markAllGone(ids []procfs.ID, reaped bool) {
	for _, id := range ids {
		if res, ok := a.byID[id]; ok {
			a.markGone(res, reaped)
		}
	}
}

// interrupted returns a *signals.Interrupt if killbox itself is to end.
func (a *account) interrupted() error { return a.call.Kernel.Interrupted() }

// pause gives up the processor for about that long.
func (a *account) pause(d time.Duration) { a.call.Kernel.Pause(d) }

// beginRung begins a step of the ladder, from 1.
func (a *account) beginRung(rung int) { a.rung = rung }

func (a *account) isLastRung() bool { return a.rung >= len(a.call.Plan.Ladder) }

// remainingTime returns what is left of the limit of the whole call.
func (a *account) remainingTime() time.Duration {
	if a.call.Plan.Limit == 0 {
		return duration.Forever
	}
	return a.call.Plan.Limit - time.Since(a.start)
}

// isLimitOver reports whether the call has a limit, which is over.
func (a *account) isLimitOver() bool {
	return a.call.Plan.Limit > 0 && time.Since(a.start) >= a.call.Plan.Limit
}

// proofTime returns how long a proof may take, within the limit of the whole call.
func (a *account) proofTime() time.Duration { return min(a.call.Plan.Prove, max(a.remainingTime(), 0)) }

// isProofOverdue reports whether the time for a proof that began then is over.
func (a *account) isProofOverdue(began time.Time) bool { return time.Since(began) > a.call.Plan.Prove }

// isEnough reports whether as many targets are gone as were asked for.
func (a *account) isEnough() bool {
	p := a.call.Plan
	return p.Count > 0 && a.gone+p.Ended >= p.Count
}

// isDone reports whether all targets are gone or refused, and it is proved that there are no others.
func (a *account) isDone() bool { return a.open == 0 && a.sum.Proved }

// setLimitReached notes whether the limit of the whole call cut it short.
func (a *account) setLimitReached(reached bool) { a.sum.LimitReached = reached }

// setUnproved notes that something may have escaped.
func (a *account) setUnproved(doubt string) { a.sum.Proved, a.sum.Doubt = false, doubt }

// addDoubt notes that something may have escaped, unless there is a doubt already.
func (a *account) addDoubt(doubt string) {
	if a.sum.Proved {
		a.setUnproved(doubt)
	}
}

// setLeftFrozen notes that a process may have been left frozen.
func (a *account) setLeftFrozen() { a.sum.Failed = true }

// setGroupRefused notes that a group without a visible member may not be signalled.
func (a *account) setGroupRefused() { a.sum.Refused = true }

// clearDoubt forgets what was in doubt: a process that is known to exist and that could not be named may be found now.
func (a *account) clearDoubt() { a.sum.Proved, a.sum.Doubt = true, "" }

// summary completes the account.
func (a *account) summary() *Summary {
	a.awaitStatus()
	a.sum.Results = a.results
	a.sum.Elapsed = time.Since(a.start)
	return &a.sum
}

// endsCgroup reports whether the targets are the members of a cgroup.
func (a *account) endsCgroup() bool { return a.call.Plan.Cgroup }

// endsTree reports whether the targets are the roots of trees, or are stopped like those.
func (a *account) endsTree() bool { return a.call.Plan.Tree != nil || a.call.Plan.Freeze }

// endsGroups reports whether the targets are the members of process groups.
func (a *account) endsGroups() bool { return a.call.Plan.Groups != nil }
