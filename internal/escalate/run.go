package escalate

import (
	"errors"
	"strconv"
	"time"

	"killbox/internal/duration"
	"killbox/internal/signals"
	"killbox/procfs"
)

// run is the state of one call of Run.
type run struct {
	k     Kernel
	plan  *Plan
	obs   Observer
	start time.Time

	results []*Result
	byID    map[procfs.ID]*Result
	open    int // results that are neither gone nor refused
	gone    int
	rung    int // from 1

	tree   herd
	groups *groups
	sum    Summary
}

// herd is what belongs together and is frozen together: a tree, or a cgroup.
type herd interface {
	// gather brings it up to date, frozen where that is wanted, and returns
	// who was not known before.
	gather(signals.Signal) ([]*Result, error)
	// signal sends to the list at one stroke, where it can.
	signal([]*Result, signals.Signal) bool
	thaw(signals.Signal)
	// sweep is called when everybody known is gone. It returns true when
	// there is somebody new.
	sweep() (more bool, err error)
	// survivors takes in who was born last.
	survivors() error
	// holding tells whether everybody who is left is kept frozen.
	holding() bool
	// unboost gives up the better nice value of a freeze.
	unboost()
	// close leaves nobody frozen, whatever happened.
	close()
}

// Run carries out the plan and returns what became of everybody. The targets
// must have been opened on k. The error is a *signals.Interrupt, or a failure that
// made it impossible to go on; whatever was frozen has been thawed by then,
// and the summary is complete in both cases.
func Run(k Kernel, p *Plan, o Observer) (*Summary, error) {
	r := &run{k: k, plan: p, obs: o, start: time.Now(), byID: make(map[procfs.ID]*Result, len(p.Targets))}
	r.results = make([]*Result, 0, len(p.Targets))
	r.sum.Proved = true
	for _, s := range p.Skipped {
		o.Skipped(s)
	}
	if p.Cgroup != nil {
		r.tree = &cgroup{freezer: newFreezer(r)}
		defer r.tree.close()
	} else if p.Tree != nil || p.Freeze {
		r.tree = newTree(r)
		defer r.tree.close() // a panic must not leave anybody frozen
	}
	if p.Groups != nil {
		r.groups = newGroups(r)
	}
	if p.Tree == nil || !p.Tree.Children {
		for _, t := range p.Targets {
			r.add(t)
		}
	}
	var err error
	if r.waits() {
		err = k.PrepareWait()
	}
	switch {
	case err != nil:
	case r.vain():
		err = k.Interrupted()
	case p.Hold != nil:
		err = r.hold()
	default:
		err = r.climb()
	}
	if r.tree != nil {
		r.tree.close()
	}
	r.awaitStatus()
	r.sum.Results = r.results
	r.sum.Elapsed = time.Since(r.start)
	return &r.sum, err
}

// add takes in a target that has been opened; who is gone already is counted
// at once.
func (r *run) add(t Target) *Result {
	if res, ok := r.byID[t.ID]; ok {
		return res
	}
	res := &Result{Target: t}
	r.byID[t.ID] = res
	r.results = append(r.results, res)
	r.open++
	if t.Stat.Gone() && !r.plan.Reaped {
		r.leave(res, false)
	}
	return res
}

func (r *run) climb() error {
	if r.plan.WaitOnly {
		_, err := r.wait(duration.Forever)
		return err
	}
	for i, step := range r.plan.Ladder {
		r.rung = i + 1
		if i > 0 {
			if r.open == 0 && r.sum.Proved || r.enough() {
				break
			}
			// Somebody who is known to be there and not who he is may be met now.
			r.sum.Proved, r.sum.Doubt = true, ""
			r.hooks(step.Signal)
		}
		// The first signal is sent whatever it took to find everybody.
		if i > 0 && r.left() <= 0 {
			r.sum.LimitReached = true
			break
		}
		over, err := r.step(step)
		if err != nil || over {
			return err
		}
	}
	return r.k.Interrupted()
}

// step climbs one rung: signal, wait, and, of a tree or group, look for who was
// born meanwhile until nobody is left or the rung's time is over. It returns true
// when there is nothing more to do.
func (r *run) step(step Step) (over bool, err error) {
	var deadline time.Time
	for round := 0; ; round++ {
		if err := r.k.Interrupted(); err != nil {
			return true, err
		}
		newcomers := r.results
		if r.tree != nil {
			if newcomers, err = r.tree.gather(step.Signal); err != nil {
				return true, err
			}
			if round == 0 {
				newcomers = r.results
			}
			if t, ok := r.tree.(*tree); ok && !t.freezes() && step.Signal == signals.KILL {
				newcomers = t.deepestFirst(newcomers)
			}
		}
		if r.groups != nil {
			if newcomers, err = r.groups.gather(round == 0); err != nil {
				return true, err
			}
			newcomers = r.groups.stroke(newcomers, step.Signal)
		}
		if r.tree == nil || !r.tree.signal(newcomers, step.Signal) {
			r.signalAll(newcomers, step.Signal)
		}
		if r.tree != nil {
			r.tree.thaw(step.Signal)
		}
		if r.tested(step.Signal) {
			return true, nil
		}
		grace := step.Grace
		if round == 0 && grace != duration.Forever {
			deadline = time.Now().Add(grace)
		} else if grace != duration.Forever {
			grace = time.Until(deadline)
		}
		if over, err := r.wait(grace); over || err != nil || r.open > 0 {
			return over, err
		}
		more, err := r.sweep()
		if err != nil || !more {
			return true, err
		}
		limited := r.plan.Limit > 0 && time.Since(r.start) >= r.plan.Limit
		if limited || grace != duration.Forever && time.Until(deadline) <= 0 {
			// What keeps being reborn is met by the next rung; after the
			// last one it is a survivor.
			r.sum.LimitReached = limited
			return limited, r.survivors()
		}
	}
}

// sweep is called when everybody known is gone. It returns true when there is
// somebody new.
func (r *run) sweep() (more bool, err error) {
	switch {
	case r.tree != nil:
		return r.tree.sweep()
	case r.groups != nil:
		return r.groups.sweep()
	}
	return false, nil
}

// survivors takes in who was born last, so that the next rung, or the report,
// has them. Who outran this reading, too, is known to have been there.
func (r *run) survivors() error {
	var err error
	if r.groups != nil {
		_, err = r.groups.look()
	} else {
		err = r.tree.survivors()
	}
	if r.open == 0 {
		r.sum.Proved = false
		r.sum.Doubt = r.escaped()
	}
	return err
}

// signalAll sends to everybody that is left, ancestors of ours last: their
// end may be ours.
func (r *run) signalAll(to []*Result, sig signals.Signal) {
	for _, last := range [...]bool{false, true} {
		for _, res := range to {
			if res.Last == last && res.Outcome == Survived && !res.Stat.Gone() {
				r.signal(res, sig)
			}
		}
	}
	r.wake(to, sig)
}

// wake sends CONT to those who are stopped, and were sent what should end them.
func (r *run) wake(to []*Result, sig signals.Signal) {
	if !sig.Ends() || sig == signals.KILL {
		return
	}
	// A stopped process cannot act on what it was sent. Those that we froze
	// are woken by thaw.
	for _, res := range to {
		if res.Outcome != Survived || res.frozen || !r.isStopped(res) {
			continue
		}
		if err := r.k.Signal(res.ID, signals.CONT); err != nil && !errors.Is(err, procfs.ErrNoProcess) {
			r.obs.Failed(res, err)
		}
	}
}

// isStopped relies on what was read when the target was opened for the first
// rung, and reads again for the later ones.
func (r *run) isStopped(res *Result) bool {
	if r.rung == 1 {
		return res.stopped || res.Stat.Stopped()
	}
	st, err := r.k.Stat(res.ID)
	return err == nil && st.Stopped()
}

func (r *run) signal(res *Result, sig signals.Signal) {
	err := r.k.Signal(res.ID, sig)
	switch {
	case err == nil:
		r.sent(res, sig)
		if r.tested(sig) {
			res.Outcome = Exists
			r.open--
		}
	case errors.Is(err, procfs.ErrNoProcess):
		r.leave(res, true)
	default:
		r.refuse(res, err)
		r.obs.Failed(res, err)
	}
}

// tested tells whether the signal is the null signal, and all that there is to
// be: before another rung it is waited for the end as after any.
func (r *run) tested(sig signals.Signal) bool {
	return sig == signals.Null && r.rung >= len(r.plan.Ladder)
}

// vain reports whether the plan has no target, and nothing in it can bring one in.
func (r *run) vain() bool {
	p := r.plan
	opens := p.Groups != nil || p.Cgroup != nil || p.Tree != nil && (p.Tree.Select != nil || len(p.Tree.Groups) > 0)
	return len(p.Targets) == 0 && !opens
}

// waits reports whether the plan waits for processes. It does not if the null signal is all that is sent.
func (r *run) waits() bool {
	p := r.plan
	asks := p.Hold == nil && !p.WaitOnly && len(p.Ladder) == 1 && p.Ladder[0].Signal == signals.Null
	return !asks && !r.vain()
}

// sent notes that res got the signal of this rung.
func (r *run) sent(res *Result, sig signals.Signal) {
	res.Rung = r.rung
	r.sum.Rung = max(r.sum.Rung, r.rung)
	r.obs.Signalled(res, sig, r.rung, time.Since(r.start))
}

// refuse notes that res cannot be signalled.
func (r *run) refuse(res *Result, err error) {
	res.Outcome, res.Err = Refused, err
	r.open--
}

// leave notes that res is gone, once.
func (r *run) leave(res *Result, reaped bool) {
	res.reaped = res.reaped || reaped
	if res.Outcome != Survived {
		return
	}
	if r.plan.Status && res.Status == nil {
		res.fetchStatus(r.k)
	}
	if r.plan.Reaped && !res.reaped {
		return
	}
	res.Outcome = Gone
	res.Elapsed = time.Since(r.start)
	r.open--
	r.gone++
	r.obs.Gone(res)
	if !errors.Is(res.StatusErr, signals.ErrNotReaped) {
		r.k.Close(res.ID)
	}
}

func (r *run) leaveAll(ids []procfs.ID, reaped bool) {
	for _, id := range ids {
		if res, ok := r.byID[id]; ok {
			r.leave(res, reaped)
		}
	}
}

func (res *Result) fetchStatus(k Kernel) {
	status, err := k.Status(res.ID)
	if res.StatusErr = err; err == nil {
		res.Status = &status
	}
}

// awaitStatus gives the parents of those who are gone the time to reap them:
// the status is there only afterwards.
func (r *run) awaitStatus() {
	began := time.Now()
	for _, res := range r.results {
		for errors.Is(res.StatusErr, signals.ErrNotReaped) && time.Since(began) < r.plan.StatusWait {
			r.k.Pause(time.Millisecond)
			res.fetchStatus(r.k)
		}
	}
}

func (r *run) enough() bool { return r.plan.Count > 0 && r.gone+r.plan.Ended >= r.plan.Count }

// wait returns when nobody is left, when grace is over, or (over) when the
// call is: its limit reached, or as many gone as were asked for.
func (r *run) wait(grace time.Duration) (over bool, err error) {
	began := time.Now()
	tick := r.obs.Tick()
	for r.open > 0 && !r.enough() && !(r.tree != nil && r.tree.holding()) {
		left := duration.Forever
		if grace != duration.Forever {
			left = grace - time.Since(began)
		}
		limited := false
		if l := r.left(); l < left {
			left, limited = l, true
		}
		timeout := max(left, 0)
		if tick > 0 {
			timeout = min(timeout, tick)
		}
		gone, reaped, err := r.k.Wait(timeout)
		if err != nil {
			return true, err
		}
		r.leaveAll(gone, false)
		r.leaveAll(reaped, true)
		if len(gone)+len(reaped) > 0 {
			continue
		}
		if left <= timeout {
			r.sum.LimitReached = limited
			return limited, nil
		}
		r.obs.Waiting(r.progress(left, limited))
	}
	return r.enough(), nil
}

// left returns what is left of the limit of the whole call.
func (r *run) left() time.Duration {
	if r.plan.Limit == 0 {
		return duration.Forever
	}
	return r.plan.Limit - time.Since(r.start)
}

// prove returns how long a proof may take, within the limit of the whole call.
func (r *run) prove() time.Duration { return min(r.plan.Prove, max(r.left(), 0)) }

func (r *run) progress(left time.Duration, limited bool) Progress {
	p := Progress{Total: r.open + r.gone, Gone: r.gone, Elapsed: time.Since(r.start), In: left}
	if !limited && r.rung > 0 && r.rung < len(r.plan.Ladder) {
		p.Next = r.plan.Ladder[r.rung].Signal
	}
	return p
}

// stillThere reports whether an entry of the last scan can be that of the opened process with the same ID.
// Once that process has been reaped, another one may have its PID and start time.
func (r *run) stillThere(st *procfs.Stat) bool {
	if res := r.byID[st.ID]; res != nil && res.Outcome == Gone {
		return st.Gone() // the zombie of that process
	}
	return r.k.Exists(st.ID) == nil
}

// hooks runs the hook for each remaining process that is not frozen. Each run has a time limit, and a
// failure is only reported.
func (r *run) hooks(next signals.Signal) {
	if r.plan.Hook == "" {
		return
	}
	var survivors []*Result
	var envs [][]string
	for _, res := range r.results {
		// A debugger would wait in vain for a frozen process.
		if res.Outcome != Survived || res.frozen {
			continue
		}
		survivors = append(survivors, res)
		envs = append(envs, []string{
			"KILLBOX_PID=" + strconv.Itoa(res.PID),
			"KILLBOX_HANDLE=" + res.Handle(),
			"KILLBOX_COMM=" + res.Comm,
			"KILLBOX_NEXT=" + next.String(),
		})
	}
	limit := min(r.plan.HookTimeout, max(r.left(), 0))
	for i, err := range r.k.Hooks(r.plan.Hook, envs, limit) {
		if err != nil {
			r.obs.Failed(survivors[i], err)
		}
	}
}
