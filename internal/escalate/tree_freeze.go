package escalate

import (
	"math"
	"time"

	"killbox/internal/freeze"
	"killbox/internal/signals"
)

// treeFreezer stops the members of a tree.
type treeFreezer struct {
	*treeScan
	account memberAccount
	stopped *freeze.Stopped
}

func newTreeFreezer(acc *account) *treeFreezer {
	f := newFreezer(acc)
	c := acc.call
	scan := newTreeScan(acc, c.Kernel, newAttribution(c.Kernel, c.Plan, c.Policy, f))
	members := memberAccount{acc}
	return &treeFreezer{
		treeScan: scan, account: members,
		stopped: freeze.NewStopped(scan.k, f, scan.proof, members, &scan.snap),
	}
}

// afterScan says what to do after a scan of a freeze.
type afterScan int

const (
	pauseAndScan afterScan = iota // unless the time for the freeze is over
	scanAtOnce
	endFreeze
)

// freezeAttempt is the state of one freeze.
type freezeAttempt struct {
	began   time.Time
	restops int // how often members that block the signal were resumed and stopped again
	fewest  int // the smallest number of running members so far
}

// prepare prepares a freeze. It returns false if nothing is to be frozen on this step, or if the freeze could not be
// prepared.
func (t *treeFreezer) prepare() (ok bool, err error) {
	t.proof.DropBaseline()
	if !t.freezes() {
		return false, nil
	}
	return t.freezer.PrepareWithGuardian()
}

// freezeMembers stops the members and scans the tree, until a scan finds no newcomer and no running member and the
// proof is complete, or until the time for the freeze is over. It returns the newcomers.
func (t *treeFreezer) freezeMembers(sig signals.Signal) (batch, error) {
	var newcomers batch
	a := freezeAttempt{began: time.Now(), fewest: math.MaxInt}
	pause := 50 * time.Microsecond
	t.proof.BeginFreeze()
	for pass := 0; ; pass++ {
		if err := t.k.Interrupted(); err != nil {
			return newcomers, err
		}
		found, running, err := t.scanAndStopMembers()
		newcomers = append(newcomers, found...)
		if err != nil {
			return newcomers, err
		}
		if pass > 0 && len(found) > 0 {
			t.proof.NoteChurn()
		}
		next := pauseAndScan
		if len(found) == 0 && running == 0 && !t.proof.Missed() {
			next = t.restopOrJudge(&a, sig)
		}
		if next == pauseAndScan && t.isOverdue(&a, running) {
			// The call continues without a proof. sweep tries to complete the proof later.
			t.proof.NoteChurn()
			next = endFreeze
		}
		switch {
		case next == endFreeze:
			return newcomers, nil
		case next == pauseAndScan && len(found) == 0:
			t.k.Pause(pause)
			pause = min(2*pause, 2*time.Millisecond)
		}
	}
}

// stopAtOnce is how many newcomers are opened before they are stopped. In a tree of thousands, the first members are
// stopped before the last ones are opened.
const stopAtOnce = 128

// scanAndStopMembers scans the tree and sends SIGSTOP to all members that run. It returns the newcomers, and the number
// of frozen members that may have run when the scan began.
func (t *treeFreezer) scanAndStopMembers() (found batch, running int, err error) {
	stopped := 0
	found, err = t.scanMembers(func(found batch) error {
		if len(found)-stopped < stopAtOnce {
			return nil
		}
		lot := found[stopped:]
		stopped = len(found)
		return t.stopped.Stop(t.account.notFrozen(lot))
	})
	if err != nil {
		return found, 0, err
	}
	// Stop the other members, too: a third party that had stopped one of them may have resumed it.
	if err := t.stopped.Stop(t.account.notFrozen(t.acc.results)); err != nil {
		return found, 0, err
	}
	t.stopped.StopResumed()
	if running = t.stopped.CountRunning(); running > 0 {
		t.stopped.WaitStopped()
	}
	return found, running, nil
}

// restopOrJudge is called after a scan that shows no newcomer and that began after all members had stopped. It resumes
// and re-stops members that block sig, or evaluates the proof, and returns what to do next.
func (t *treeFreezer) restopOrJudge(a *freezeAttempt, sig signals.Signal) afterScan {
	if a.restops < freeze.MaxRestops && t.stopped.ResumeAndRestop(sig, a.restops) {
		a.restops++
		return scanAtOnce
	}
	if a.restops == freeze.MaxRestops && t.stopped.MarkBlockers(sig) {
		// A member that is still mid-fork finishes the fork when it is resumed. So the freeze is unproved, and
		// sweep looks for the child.
		t.proof.NoteChurn()
		return endFreeze
	}
	if !t.hasTree() {
		t.proof.ProveTargets()
		return endFreeze
	}
	switch t.proof.Judge(&t.snap, t.treeScan) {
	case freeze.Stable:
		return scanAtOnce
	case freeze.Over:
		return endFreeze
	}
	return pauseAndScan
}

// isOverdue reports whether the time for the freeze is over: Plan.Prove, or the limit of the call. While the number of
// running members still falls, the freeze may take longer than Plan.Prove, because resuming the stopped members would
// restart a fork bomb.
func (t *treeFreezer) isOverdue(a *freezeAttempt, running int) bool {
	falls := running > 0 && running < a.fewest-a.fewest/16
	a.fewest = min(a.fewest, running)
	return t.acc.isProofOverdue(a.began) && !falls || t.acc.remainingTime() <= 0
}

// beginLasting is called when the tree is frozen. With FreezeOnly the tree stays frozen for long, so this process gives
// up its raised priority. No sweep follows that could complete the proof, so a missing proof is recorded now.
func (t *treeFreezer) beginLasting() {
	if !t.acc.freezesOnly() {
		return
	}
	t.freezer.EndBoost()
	if t.hasTree() && !t.proof.Proved() {
		t.acc.setUnproved(t.doubtOf(t.proof.Suspect(&t.snap, t)))
	}
}

// openMembers opens all members without stopping them.
func (t *treeFreezer) openMembers() (batch, error) {
	found, err := t.scanMembers(nil)
	if err == nil {
		t.freezer.ReportPrepareError()
	}
	return found, err
}

// resume implements scope.
func (t *treeFreezer) resume(sig signals.Signal) { t.stopped.ResumeAfter(sig, !t.acc.isLastRung()) }

// allKeptFrozen implements scope.
func (t *treeFreezer) allKeptFrozen() bool { return t.stopped.AllKeptFrozen(t.acc.open) }

// resumeLate implements scope.
func (t *treeFreezer) resumeLate(limit time.Duration) time.Duration {
	return t.stopped.ResumeLate(limit)
}

// resumeAll implements scope.
func (t *treeFreezer) resumeAll() {
	t.stopped.ResumeAll()
	t.freezer.StopGuardian()
}
