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
	scan := newTreeScan(acc, f)
	members := memberAccount{acc}
	return &treeFreezer{
		treeScan: scan, account: members,
		stopped: freeze.NewStopped(scan.k, f, scan.proof, members, &scan.snap),
	}
}

// afterScan is what follows a scan of a freeze.
type afterScan int

const (
	pauseAndScan afterScan = iota // if there is time
	scanAtOnce
	endFreeze
)

// freezeAttempt is the state of one freeze.
type freezeAttempt struct {
	began   time.Time
	restops int // how often members that block the signal were resumed and stopped again
	fewest  int // the smallest number of running members so far
}

// prepare prepares a freeze, if the plan freezes. It returns false if nothing is to be frozen.
func (t *treeFreezer) prepare() (ok bool, err error) {
	t.proof.DropBaseline()
	if !t.freezes() {
		return false, nil
	}
	return t.freezer.PrepareWithGuardian()
}

// freezeMembers stops all members, until a whole scan finds no new member and none that is still running. It returns the
// new members.
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
			// The kill is carried out all the same; sweep tries again.
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

// stopAtOnce is how many members are opened before they are stopped: of thousands, the first are stopped while the last
// are opened.
const stopAtOnce = 128

// scanAndStopMembers scans the tree and sends SIGSTOP to all members that run. It returns the new members, and the number of
// members that were running when the scan began.
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
	// Not only the new members: one that a third party had stopped may have been resumed.
	if err := t.stopped.Stop(t.account.notFrozen(t.acc.results)); err != nil {
		return found, 0, err
	}
	t.stopped.StopResumed()
	if running = t.stopped.CountRunning(); running > 0 {
		t.stopped.WaitStopped()
	}
	return found, running, nil
}

// restopOrJudge decides what follows a scan that shows no new member and that began after all members had stopped.
func (t *treeFreezer) restopOrJudge(a *freezeAttempt, sig signals.Signal) afterScan {
	if a.restops < freeze.MaxRestops && t.stopped.ResumeAndRestop(sig) {
		a.restops++
		return scanAtOnce
	}
	if a.restops == freeze.MaxRestops && t.stopped.MarkBlockers(sig) {
		// Resumed, the member finishes its fork: sweep looks for the child.
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

// isOverdue reports whether the time for the freeze is over. The time for the proof is exceeded while the number of
// running members still falls: resuming them now would restart a fork bomb.
func (t *treeFreezer) isOverdue(a *freezeAttempt, running int) bool {
	falls := running > 0 && running < a.fewest-a.fewest/16
	a.fewest = min(a.fewest, running)
	return t.acc.isProofOverdue(a.began) && !falls || t.acc.remainingTime() <= 0
}

// beginLasting is called when the tree is to stay frozen for long: nothing is in a hurry any more.
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

// resume resumes the members that were stopped for sig.
func (t *treeFreezer) resume(sig signals.Signal) { t.stopped.ResumeAfter(sig, !t.acc.isLastRung()) }

// allKeptFrozen reports whether all remaining members are kept frozen until a later step.
func (t *treeFreezer) allKeptFrozen() bool { return t.stopped.AllKeptFrozen(t.acc.open) }

// resumeAll leaves no member frozen.
func (t *treeFreezer) resumeAll() {
	t.stopped.ResumeAll()
	t.freezer.StopGuardian()
}
