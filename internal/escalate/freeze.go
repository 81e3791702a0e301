package escalate

import (
	"errors"
	"math"
	"slices"
	"time"

	"killbox/internal/fmt"
	"killbox/internal/signals"
	"killbox/procfs"
)

// tree finds, stops and thaws what the targets stand for.
//
// A stopped process cannot fork, but one that was told to stop may still
// finish the fork it is in: since Linux 4.20 a fork is no longer restarted
// because a signal came in (kernel/fork.c, copy_process). So a member counts
// as held only once it has been seen stopped, and the reading of /proc that
// finds nobody new must begin after that.
type tree struct {
	r        *run
	guardian int // its PID, 0 without one
	guarded  bool
	boosted  func()

	snap     procfs.Snapshot
	known    map[procfs.ID]bool // every member ever found, roots included
	sessions map[int]bool       // sessions that members lead or have led
	roots    []procfs.ID
	named    map[procfs.ID]bool
	skipped  map[procfs.ID]bool

	frozen   []*Result // stopped by us and not thawed
	restless bool      // somebody vanished, or was born, while we froze
	proved   bool
	missed   bool // the last reading showed a member that could not be opened

	// What the first reading of this freeze showed, to tell who was born
	// since.
	before   map[procfs.ID]bool
	adopters map[int]bool // ancestors of the roots: who gets their orphans
}

func newTree(r *run) *tree {
	t := &tree{
		r:        r,
		known:    make(map[procfs.ID]bool),
		sessions: make(map[int]bool),
		named:    make(map[procfs.ID]bool, len(r.plan.Targets)),
		skipped:  make(map[procfs.ID]bool),
		proved:   true,
		guarded:  r.plan.Guardian,
		restless: r.plan.Tree != nil && r.plan.Tree.Restless,
	}
	for _, target := range r.plan.Targets {
		t.roots = append(t.roots, target.ID)
		t.named[target.ID] = true
	}
	for _, s := range r.plan.Skipped {
		t.skipped[s.ID] = true
	}
	return t
}

// close leaves nobody frozen, whatever happened.
func (t *tree) close() {
	t.wake()
	if t.guardian != 0 {
		t.r.k.Unguard()
		t.guardian = 0
	}
}

// gather brings the tree up to date: everybody in it is opened and, with
// Freeze, stopped, so that sig can be sent. It returns who was not known
// before.
func (t *tree) gather(sig signals.Signal) ([]*Result, error) {
	if t.proved {
		// Who was born between two rungs, while all ran free, may be
		// anybody's. What an unproved freeze left open stays open.
		t.before = nil
	}
	if !t.r.plan.Freeze {
		return t.look()
	}
	// Against a fork bomb, being scheduled is half the battle, for the
	// guardian too.
	if t.boosted == nil {
		t.boosted = t.r.k.Boost()
	}
	if t.guarded && t.guardian == 0 {
		pid, err := t.r.k.Guard()
		if err != nil && t.r.plan.Hold != nil {
			return nil, unheld(err)
		}
		if err != nil {
			t.unguarded(err)
		}
		t.guardian = pid
	}
	return t.freeze(sig)
}

// signal is left to Run: nothing but pidfds names the members of a tree.
func (t *tree) signal([]*Result, signals.Signal) bool { return false }

// freeze stops everybody, until a whole reading finds nobody new and nobody
// still running.
func (t *tree) freeze(sig signals.Signal) ([]*Result, error) {
	var newcomers []*Result
	began := time.Now()
	pause := 50 * time.Microsecond
	shakes, calm := 0, 0
	fewest := math.MaxInt
	t.proved = false
	for pass := 0; ; pass++ {
		if err := t.r.k.Interrupted(); err != nil {
			return newcomers, err
		}
		found, err := t.look()
		newcomers = append(newcomers, found...)
		if err != nil {
			return newcomers, err
		}
		if pass > 0 && len(found) > 0 {
			t.restless = true
		}
		// Not only those: whom somebody else had stopped may have been woken.
		if err := t.stop(t.running()); err != nil {
			return newcomers, err
		}
		running := t.settle()
		if running > 0 {
			t.lull()
		}
		quiet := len(found) == 0 && running == 0 && !t.missed
		if quiet && shakes < maxShakes && t.shake(sig) {
			shakes++
			continue
		}
		if quiet && t.r.plan.Tree == nil {
			// The targets alone are meant, and each has been seen stopped.
			t.proved = true
			return newcomers, nil
		}
		if quiet {
			suspect := t.suspect()
			t.restless = t.restless || suspect != nil
			if !t.restless && !t.r.plan.ProveAlways {
				// While others are being born, one reading may have passed
				// by somebody who runs ahead of it.
				if calm++; calm >= calmReadings || t.still() {
					t.proved = true
					return newcomers, nil
				}
				continue
			}
			if t.still() {
				// With a suspect about, more readings prove no more.
				t.proved = suspect == nil
				return newcomers, nil
			}
		}
		// While fewer and fewer are in the middle of something it goes on:
		// let go on now, a fork bomb would begin anew.
		eased := running > 0 && running < fewest-fewest/16
		fewest = min(fewest, running)
		if time.Since(began) > t.r.plan.Prove && !eased || t.r.left() <= 0 {
			// The kill is carried out all the same; sweep tries again.
			t.restless = true
			return newcomers, nil
		}
		if len(found) == 0 {
			t.r.k.Pause(pause)
			pause = min(2*pause, 2*time.Millisecond)
		}
	}
}

// calmReadings is how many readings without anything new a tree must pass that
// held still, unless no PID was handed out during one.
const calmReadings = 3

// look reads the table and opens the members that are new.
func (t *tree) look() ([]*Result, error) {
	if err := t.r.k.Snapshot(&t.snap); err != nil {
		return nil, err
	}
	if t.before == nil {
		t.remember()
	}
	var found []*Result
	t.missed = false
	halted := 0
	for _, st := range t.members() {
		if res := t.take(st); res != nil {
			found = append(found, res)
		}
		// Of thousands, the first are stopped while the last are opened.
		if t.boosted != nil && len(found)-halted == haltAtOnce {
			if err := t.stop(found[halted:]); err != nil {
				return found, err
			}
			halted = len(found)
		}
	}
	return found, nil
}

const haltAtOnce = 128

// members returns everybody in the tree as the last reading shows it; without
// a tree, the targets alone.
func (t *tree) members() []*procfs.Stat {
	var members []*procfs.Stat
	if t.r.plan.Tree == nil {
		for _, id := range t.roots {
			if st := t.snap.Lookup(id.PID); st != nil && st.ID == id {
				members = append(members, st)
			}
		}
		return members
	}
	t.selectNew()
	if t.r.plan.Tree.Flat {
		for i := range t.snap.Procs {
			if st := &t.snap.Procs[i]; t.known[st.ID] || t.named[st.ID] {
				members = append(members, st)
			}
		}
		return members
	}
	members = t.snap.Family(procfs.Family{
		Roots:    t.roots,
		Known:    t.known,
		Sessions: t.sessions,
		Strays:   t.r.plan.Tree.Strays,
	})
	for _, st := range members {
		t.known[st.ID] = true
	}
	return members
}

// selectNew adds to the roots whom the user's selector finds among those that
// were born since it was first asked.
func (t *tree) selectNew() {
	tr := t.r.plan.Tree
	if tr == nil || tr.Select == nil && len(tr.Groups) == 0 {
		return
	}
	groups := t.groups()
	for i := range t.snap.Procs {
		st := &t.snap.Procs[i]
		if t.known[st.ID] || t.skipped[st.ID] || st.PID == t.guardian {
			continue
		}
		// Who joins a group may be older than what the selector was shown.
		if groups[st.PGID] || tr.Select != nil && st.Start >= tr.Since && tr.Select(st) {
			t.known[st.ID] = true
		}
	}
}

// groups returns those of the user's groups that the last reading shows with a
// member that is known. While it has one, be it a zombie, its number cannot
// have become another group's.
func (t *tree) groups() map[int]bool {
	groups := make(map[int]bool)
	for i := range t.snap.Procs {
		st := &t.snap.Procs[i]
		if (t.known[st.ID] || t.named[st.ID]) && slices.Contains(t.r.plan.Tree.Groups, st.PGID) {
			groups[st.PGID] = true
		}
	}
	return groups
}

// take opens a member seen in the table, and returns it if it is new and to
// be ended.
func (t *tree) take(st *procfs.Stat) *Result {
	if t.r.byID[st.ID] != nil || t.skipped[st.ID] {
		return nil
	}
	if t.named[st.ID] || st.PID == t.guardian {
		// Named and not among the results: the root that --children leaves out.
		return nil
	}
	if reason := t.r.plan.Tree.Guard(st); reason != "" {
		t.skipped[st.ID] = true
		t.r.obs.Skipped(Skip{*st, reason})
		return nil
	}
	if st.Gone() {
		// Nothing is left of it but the number, and whoever it forked has a
		// new parent by now.
		return nil
	}
	now, err := t.r.k.Open(st.PID)
	if err != nil || now.ID != st.ID {
		// It went between the table and now: what it forked in between may
		// have lost its parent.
		t.restless, t.missed = true, true
		if err == nil {
			t.r.k.Close(now.ID)
		} else if !errors.Is(err, procfs.ErrNoProcess) {
			res := t.r.add(Target{Stat: *st})
			res.Outcome, res.Err = Refused, err
			t.r.open--
			t.r.obs.Failed(res, err)
		}
		return nil
	}
	return t.r.add(Target{Stat: now})
}

// running returns everybody who is left and not frozen: the newcomers, and the
// members of earlier rungs, which have been thawed since.
func (t *tree) running() []*Result {
	var list []*Result
	for _, res := range t.r.results {
		if res.Outcome == Survived && !res.frozen {
			list = append(list, res)
		}
	}
	return list
}

// remember notes who was there at the first reading of a freeze. Who was born while it
// was made counts as born since.
func (t *tree) remember() {
	first, last := t.snap.FirstPID, t.snap.LastPID
	during := func(pid int) bool {
		if first <= last {
			return first < pid && pid <= last
		}
		return first < pid || pid <= last // the numbers began anew
	}
	t.before = make(map[procfs.ID]bool, len(t.snap.Procs))
	for i := range t.snap.Procs {
		if st := &t.snap.Procs[i]; !during(st.PID) {
			t.before[st.ID] = true
		}
	}
	t.adopters = map[int]bool{1: true}
	for _, root := range t.roots {
		for _, id := range t.snap.Ancestors(root.PID) {
			t.adopters[id.PID] = true
		}
	}
}

// still holds when no PID was handed out during the last reading, and nobody
// was hidden from it.
func (t *tree) still() bool { return t.snap.Still() && t.snap.Hidden == 0 }

// maxShakes bounds how often those are shaken who block the signal. Who
// blocks it now and then is met at another moment sooner or later; who blocks
// it for good does not die of it either.
const maxShakes = 8

// shake lets those members run on for a moment who were stopped in action
// with sig blocked, and returns whether there were any. The C library, shells
// and perl block signals around fork(2): thawed with the signal pending, such
// a process would fork first and die of the signal right after, and nobody
// could tell any more whose child the newborn is.
func (t *tree) shake(sig signals.Signal) bool {
	if !sig.Ends() || sig == signals.KILL {
		return false
	}
	forking := 0
	for _, res := range t.frozen {
		res.blocks, res.held = false, false
		if res.active && res.Outcome == Survived && t.mayBlock(res, sig) {
			res.blocks, res.held = t.r.k.Blocks(res.ID, sig)
			if res.held {
				forking++
			}
		}
	}
	rest := t.frozen[:0]
	var shaken []*Result
	for _, res := range t.frozen {
		// Nobody blocks all signals but for the time of a fork. Who is met
		// in one again and again, and not alone, does nothing else: a fork
		// bomb, held until a signal that it cannot block.
		res.held = res.held && res.shaken >= heldAfter && forking > 1
		if res.blocks && !res.held {
			res.shaken++
			shaken = append(shaken, res)
		} else {
			rest = append(rest, res)
		}
	}
	t.frozen = rest
	for _, res := range shaken {
		res.frozen = false
		if err := t.r.k.Signal(res.ID, signals.CONT); err != nil && !errors.Is(err, procfs.ErrNoProcess) {
			t.r.obs.Failed(res, err)
		}
	}
	for _, res := range shaken {
		t.halt(res)
	}
	return len(shaken) > 0
}

// mayBlock is false for who is seen by the last reading to block nothing of the kind: it is stopped, so that holds still.
func (t *tree) mayBlock(res *Result, sig signals.Signal) bool {
	st := t.snap.Lookup(res.PID)
	return st == nil || st.ID != res.ID || sig > 31 || st.Blocked>>(sig-1)&1 != 0
}

// heldAfter is how often a process is met in a fork before it is held.
const heldAfter = 2

// suspect returns a process outside the tree that was born since the first
// reading of the freeze and is now a child of whoever would have got the tree's orphans:
// what a child that nobody saw may have left behind. Of a tree that held still
// only its like is suspected, which may have left before we came.
func (t *tree) suspect() *procfs.Stat {
	if t.r.plan.Tree == nil || t.r.plan.Tree.Flat {
		return nil
	}
	comms := make(map[string]bool)
	for _, res := range t.r.results {
		comms[res.Comm] = true
	}
	for i := range t.snap.Procs {
		st := &t.snap.Procs[i]
		if t.before[st.ID] || st.Gone() || t.known[st.ID] || t.skipped[st.ID] {
			continue
		}
		if parent := t.snap.Lookup(st.PPID); parent != nil && t.before[parent.ID] && !t.adopters[st.PPID] {
			continue // it has a parent that is none of ours
		}
		if !t.restless && !comms[st.Comm] {
			continue
		}
		if st.PID != t.guardian && t.r.plan.Tree.Guard(st) == "" {
			return st
		}
	}
	return nil
}

// thaw lets everybody go on, after all have the signal pending.
func (t *tree) thaw(sig signals.Signal) {
	if sig.Stops() {
		// Stopped is what the user asked for: a SIGCONT would take it back.
		for _, res := range t.frozen {
			res.frozen = false
		}
		t.frozen = t.frozen[:0]
		t.clear()
	}
	// After the last rung nothing comes that the held could not block.
	t.release(sig.Ends() && sig != signals.KILL && t.r.rung < len(t.r.plan.Ladder))
}

// wake thaws everybody.
func (t *tree) wake() { t.release(false) }

// release thaws everybody, those apart that are to be held.
func (t *tree) release(hold bool) {
	held := t.frozen[:0]
	var failed []func()
	for _, res := range t.frozen {
		if hold && res.held {
			held = append(held, res)
			continue
		}
		res.frozen = false
		if res.Outcome == Gone {
			continue // and closed
		}
		if err := t.r.k.Signal(res.ID, signals.CONT); err != nil && !errors.Is(err, procfs.ErrNoProcess) {
			t.r.sum.Failed = true
			failed = append(failed, func() { t.r.obs.Failed(res, err) })
		}
	}
	some := len(held) < len(t.frozen)
	t.frozen = held
	defer func() {
		// Told last: whatever telling does, everybody has been woken.
		for _, tell := range failed {
			tell()
		}
	}()
	if some && failed == nil {
		// Not cleared after a failure: the guardian is to try again.
		t.clear()
	}
	t.unboost()
}

func (t *tree) unboost() {
	if t.boosted != nil {
		t.boosted()
		t.boosted = nil
	}
}

func (t *tree) clear() {
	if t.guardian == 0 {
		return
	}
	if len(t.frozen) > 0 {
		// Those that are held must be on its list at every instant. That
		// others are, who run already, harms nobody.
		return
	}
	if err := t.r.k.Clear(); err != nil {
		t.unguarded(err)
	}
}

// holding tells whether everybody who is left is held: then there is nothing
// to wait for.
func (t *tree) holding() bool {
	held := 0
	for _, res := range t.frozen {
		if res.Outcome == Survived {
			held++
		}
	}
	return held > 0 && held == t.r.open
}

// unguarded gives up the guardian: the kill goes on without one.
func (t *tree) unguarded(err error) {
	t.r.obs.Failed(nil, fmt.Errorf("going on without a guardian: %w", err))
	if t.guardian != 0 {
		t.r.k.Unguard()
	}
	t.guarded, t.guardian = false, 0
}

// sweep looks for who was born meanwhile.
func (t *tree) sweep() (more bool, err error) {
	if t.r.plan.Tree == nil {
		return false, nil
	}
	if tr := t.r.plan.Tree; t.proved && len(t.sessions) == 0 && !tr.Children && !tr.Flat {
		// Whoever was born since has lost its parent and no session tells
		// where it came from.
		return false, nil
	}
	began := time.Now()
	pause := 50 * time.Microsecond
	for {
		if err := t.r.k.Interrupted(); err != nil {
			return false, err
		}
		if err := t.r.k.Snapshot(&t.snap); err != nil {
			return false, err
		}
		if t.left() {
			return true, nil
		}
		if t.proved {
			return false, nil
		}
		suspect := t.suspect()
		if suspect == nil && t.still() {
			return false, nil
		}
		if limited := t.r.left() <= 0; limited || time.Since(began) > t.r.plan.Prove {
			t.r.sum.LimitReached = limited
			t.r.sum.Proved = false
			t.r.sum.Doubt = tooFast
			if suspect != nil {
				t.r.sum.Doubt = fmt.Sprintf("%d (%s) was born meanwhile and has lost its parent", suspect.PID, suspect.Comm)
			}
			return false, nil
		}
		t.r.k.Pause(pause)
		pause = min(2*pause, 5*time.Millisecond)
	}
}

// left holds when the last reading shows a member that lives and is not
// excused.
func (t *tree) left() bool {
	for _, st := range t.members() {
		if st.Gone() || t.skipped[st.ID] {
			continue
		}
		if res := t.r.byID[st.ID]; res != nil {
			if res.Outcome == Survived {
				return true
			}
			continue
		}
		if t.named[st.ID] || st.PID == t.guardian {
			continue
		}
		if t.r.plan.Tree.Guard(st) == "" {
			return true
		}
	}
	return false
}

// survivors takes in who was born last.
func (t *tree) survivors() error {
	_, err := t.look()
	return err
}

// deepestFirst orders the list so that nobody comes after its parent. Without
// a freeze, KILL goes round in that order: a parent that still lives cannot
// lose a child to another's care.
func (t *tree) deepestFirst(list []*Result) []*Result {
	depth := func(res *Result) int {
		d := 0
		for st := t.snap.Lookup(res.PID); st != nil && d < len(t.snap.Procs); st = t.snap.Lookup(st.PPID) {
			d++
		}
		return d
	}
	depths := make(map[*Result]int, len(list))
	for _, res := range list {
		depths[res] = depth(res)
	}
	return slices.SortedStableFunc(slices.Values(list), func(a, b *Result) int { return depths[b] - depths[a] })
}
