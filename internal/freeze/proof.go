package freeze

// The proof that nothing escaped.
//
// What is proved: at the end of a freeze every process of the tree is known, and is stopped.
//
// From what:
//
//  1. A member that has been seen stopped, with all its threads, does not fork (Stopped.CountRunning). So a complete scan
//     that began after all known members had stopped shows all processes of the tree.
//  2. A scan is complete (isComplete) if no PID was allocated during it, no process vanished between being listed and
//     being read, no process was hidden from it, and every member that it shows could be opened. While PIDs are
//     allocated elsewhere, a single scan may miss a chain of processes that fork and exit. If nothing about the tree
//     changed while it was being stopped, StableScans scans without a newcomer are taken for a complete one.
//  3. A member that ended before it was stopped may have left a child that no scan shows below the tree: the child has
//     been reparented to its adopter, init or a subreaper. It was forked since the baseline, which is the first scan of
//     the freeze, or it was orphaned while that scan was read. So there is a doubt (Suspect) if a process outside the
//     tree is new and its parent would have adopted orphans of the tree. If nothing about the tree changed, only a
//     process with the command name of a member is suspected.
//
// What is not proved:
//
//   - that no process was orphaned before the first scan. Only a session, a group or a selector links it to the tree.
//   - anything about processes that /proc does not list (hidepid=2, another PID namespace), unless a member is hidden:
//     then there is a doubt.
//   - anything about descendants, if only the targets are meant (Claim.Flat).
//
// All of this works on snapshots. What is known of the members comes from the interface Tree.

import (
	"errors"
	"fmt"
	"math"

	"killbox/internal/show"
	"killbox/procfs"
)

// Tree is what the proof asks about the tree.
type Tree interface {
	// Attributed reports whether the process is a member, or was found in the tree and excluded.
	Attributed(procfs.ID) bool
	// Disowned reports whether the ID is that of a member whose PID was reused, as far as is known.
	Disowned(procfs.ID) bool
	// Excluded reports whether the process would be excluded if it were in the tree.
	Excluded(*procfs.Stat) bool
	// Comms returns the command names of the members.
	Comms() map[string]bool
}

// StableScans is the number of scans without a newcomer that suffices for a tree in which nothing changed, while PIDs
// are allocated elsewhere.
const StableScans = 3

// Claim is what is to be proved.
type Claim struct {
	Targets []procfs.Stat // as they were opened
	// Flat: descendants of the targets are not meant, so they cannot escape.
	Flat bool
	// Strict: stable scans do not suffice, even if nothing changed.
	Strict bool
	// Churning: a target had vanished before it could be opened.
	Churning bool
}

// Proof is the state of the proof for one tree.
type Proof struct {
	claim    Claim
	proved   bool
	churning bool // a process vanished, or was forked, while the tree was being stopped
	hidden   bool // /proc hides a member, and so possibly its children
	missed   bool // the last scan showed a member that could not be opened, or a group without any
	stable   int  // scans without a newcomer

	recorded  bool // a baseline has been recorded at some time
	baseline  map[procfs.ID]bool
	siblings  map[int]bool // children of the ancestors of the targets before the first scan; nil if not known
	adopters  map[int]bool // ancestors of the roots: they adopt their orphans
	endedFrom uint64       // the earliest start of a member that ended before it was stopped; see NoteEnded
}

// NewProof returns a proof that holds as long as nothing is frozen.
func NewProof(claim Claim) *Proof {
	return &Proof{claim: claim, proved: true, churning: claim.Churning}
}

// Proved reports whether the last freeze was proved, or true if nothing was ever frozen.
func (p *Proof) Proved() bool { return p.proved }

// BeginFreeze begins the proof for a freeze.
func (p *Proof) BeginFreeze() { p.proved, p.stable = false, 0 }

// BeginSweep begins the scans after a step of the ladder.
func (p *Proof) BeginSweep() { p.stable = 0 }

// BeginScan begins the evaluation of a scan.
func (p *Proof) BeginScan() { p.missed = false }

// DropBaseline drops the baseline if the last freeze was proved. Processes forked between steps, while the tree ran,
// cannot be attributed: a new baseline is recorded. After an unproved freeze the old one stays.
func (p *Proof) DropBaseline() {
	if p.proved {
		p.baseline = nil
	}
}

// NeedsBaseline reports whether the next scan is the first one of a freeze.
func (p *Proof) NeedsBaseline() bool { return p.baseline == nil }

// FindSiblings records the children that the ancestors of the targets have now, while all targets are alive: no orphan
// of a member that ends later is among them. They matter for a freeze only.
func (p *Proof) FindSiblings(k SiblingReader, freezes bool) {
	p.siblings = nil
	if p.claim.Flat || !freezes {
		return
	}
	parents := make([]int, len(p.claim.Targets))
	for i := range parents {
		parents[i] = p.claim.Targets[i].PPID
	}
	siblings := k.AncestorsChildren(parents)
	for i := range p.claim.Targets {
		if st, err := k.Stat(p.claim.Targets[i].ID); err != nil || st.Gone() {
			return
		}
	}
	p.siblings = siblings
}

// RecordBaseline notes which processes existed at the first scan of this freeze. PIDs allocated during that scan count
// as new.
func (p *Proof) RecordBaseline(s *procfs.Snapshot, roots []procfs.ID, tree Tree) {
	p.adopters = map[int]bool{1: true}
	for _, root := range roots {
		p.addAdopters(s, root.PID)
	}
	p.endedFrom = math.MaxUint64
	if !p.recorded && !p.claim.Flat {
		p.noteEndedTargets(s, tree)
	}
	p.recorded = true
	p.baseline = make(map[procfs.ID]bool, len(s.Procs))
	for i := range s.Procs {
		if st := &s.Procs[i]; !allocatedDuring(s, st.PID) {
			p.baseline[st.ID] = true
		}
	}
}

// noteEndedTargets notes targets that have ended since they were opened: they may have orphaned children before the
// first scan.
func (p *Proof) noteEndedTargets(s *procfs.Snapshot, tree Tree) {
	for i := range p.claim.Targets {
		target := &p.claim.Targets[i]
		st := s.Lookup(target.PID)
		exists := st != nil && st.ID == target.ID && !st.Gone() && !tree.Disowned(target.ID)
		if target.Gone() || exists {
			continue
		}
		p.NoteEnded(target)
		p.adopters[target.PPID] = true
		p.addAdopters(s, target.PPID)
	}
}

func (p *Proof) addAdopters(s *procfs.Snapshot, pid int) {
	for _, id := range s.Ancestors(pid) {
		p.adopters[id.PID] = true
	}
}

// allocatedDuring reports whether the PID was allocated during the scan.
func allocatedDuring(s *procfs.Snapshot, pid int) bool {
	first, last := s.FirstPID, s.LastPID
	if first <= last {
		return first < pid && pid <= last
	}
	return first < pid || pid <= last // PIDs have wrapped around
}

// NoteChurn notes that a process vanished, or was forked, while the tree was being stopped.
func (p *Proof) NoteChurn() { p.churning = true }

// NoteEnded notes that a target or member ended before it was stopped. If it ended while the first scan was read, the
// scan shows its children as orphans that could have been there before. None is older than its parent.
func (p *Proof) NoteEnded(parent *procfs.Stat) {
	p.churning = true
	p.endedFrom = min(p.endedFrom, parent.Start)
}

// NoteZombie notes a member that was never opened and of which nothing is left but its PID: processes that it forked
// have been reparented.
func (p *Proof) NoteZombie(id procfs.ID) { p.churning = p.churning || !p.baseline[id] }

// NoteMissed notes that the scan shows a member that could not be opened. If it still exists, it may be a member that
// nothing links to the tree any more, so it counts as new.
func (p *Proof) NoteMissed(id procfs.ID) {
	p.missed = true
	delete(p.baseline, id)
}

// NoteUnseen notes that a group of the tree exists, and that the scan shows no member of it.
func (p *Proof) NoteUnseen() { p.missed = true }

// NoteHidden notes that /proc hides a member.
func (p *Proof) NoteHidden() { p.hidden = true }

// Missed reports whether the scan showed a member that could not be opened, or a group without any.
func (p *Proof) Missed() bool { return p.missed }

// isComplete reports whether a scan is complete: no PID was allocated during it, and no process was hidden from it or
// vanished during it.
func (p *Proof) isComplete(s *procfs.Snapshot) bool {
	return s.NoPIDAllocated() && s.Hidden+s.Vanished == 0 && !p.missed
}

// Suspect returns a process outside the tree, forked since the baseline, whose parent would have adopted the orphans of
// the tree (init or a subreaper): possibly the child of a member that was never seen. Of a tree in which nothing changed
// only a process with the command name of a member is suspected. It returns nil if there is none.
func (p *Proof) Suspect(s *procfs.Snapshot, tree Tree) *procfs.Stat {
	if p.claim.Flat {
		return nil
	}
	comms := tree.Comms()
	for i := range s.Procs {
		st := &s.Procs[i]
		switch {
		case !p.isNew(st) || st.Gone() || tree.Attributed(st.ID):
		case p.hasOtherParent(s, st, tree):
		case !p.churning && !comms[st.Comm]:
		case tree.Excluded(st):
		default:
			return st
		}
	}
	return nil
}

// isNew reports whether the process may have been forked, or orphaned, since the baseline.
func (p *Proof) isNew(st *procfs.Stat) bool {
	return !p.baseline[st.ID] || st.Start >= p.endedFrom && !p.siblings[st.PID]
}

// hasOtherParent reports whether the process has a parent outside the tree that has not adopted it.
func (p *Proof) hasOtherParent(s *procfs.Snapshot, st *procfs.Stat, tree Tree) bool {
	parent := s.Lookup(st.PPID)
	return parent != nil && p.baseline[parent.ID] && !tree.Disowned(parent.ID) && !p.adopters[st.PPID]
}

// ProveTargets ends the proof for a plan that means its targets alone: each has been seen stopped.
func (p *Proof) ProveTargets() { p.proved = true }

// Verdict is what a scan means for a freeze.
type Verdict int

// The verdicts.
const (
	Inconclusive Verdict = iota // a further scan may prove it, if there is time
	Stable                      // one of the stable scans; the next one follows at once
	Over                        // Proved says whether the freeze is proved: further scans prove no more
)

// Judge judges a scan without a newcomer that began after all members had stopped.
func (p *Proof) Judge(s *procfs.Snapshot, tree Tree) Verdict {
	suspect := p.Suspect(s, tree)
	p.churning = p.churning || suspect != nil
	switch {
	case !p.churning && !p.claim.Strict:
		// PIDs may be allocated elsewhere, so a single scan may miss a chain of processes that fork and exit.
		if p.stable++; p.stable < StableScans && !p.isComplete(s) {
			return Stable
		}
		p.proved = true
		return Over
	case p.isComplete(s):
		// If there is a suspect, more scans prove no more.
		p.proved = suspect == nil && !p.hidden
		return Over
	}
	return Inconclusive
}

// JudgeSweep judges a scan after a step of the ladder, which shows no remaining member. It reports whether that is the last scan
// needed, and the suspect if there is one.
func (p *Proof) JudgeSweep(s *procfs.Snapshot, tree Tree) (over bool, suspect *procfs.Stat) {
	if !p.proved {
		suspect = p.Suspect(s, tree)
	} else if s.Vanished == 0 && !p.missed {
		p.stable++
	}
	return suspect == nil && (p.isComplete(s) || p.stable >= StableScans), suspect
}

// The doubts.
const (
	// TooFast is the doubt if PIDs were allocated during every scan, and if no specific process can be named.
	TooFast = "processes came and went too fast to follow"
	// concealed is the doubt if /proc lists processes that it does not describe (hidepid=1). They may be
	// parents of others.
	concealed = "some processes may not be looked at (hidepid)"
	// hiddenMembers is the doubt if a member was opened that /proc hides.
	hiddenMembers = "/proc hides members of the tree (hidepid), and perhaps children of theirs"
)

// Doubt returns why the last scan, which s is, does not prove that no process of the tree escaped. suspect may be nil;
// unseen is the doubt for a group that exists and has no visible member, or "".
func (p *Proof) Doubt(s *procfs.Snapshot, suspect *procfs.Stat, unseen string) string {
	switch {
	case suspect != nil:
		return fmt.Sprintf("%d (%s) is orphaned, and may descend from the tree", suspect.PID, show.Escape(suspect.Comm))
	case unseen != "":
		return unseen
	case p.hidden:
		return hiddenMembers
	}
	return ScanDoubt(s)
}

// HiddenDoubt returns the doubt that remains if /proc hides a member, which may have children, or "".
func (p *Proof) HiddenDoubt() string {
	if p.hidden && !p.claim.Flat {
		return hiddenMembers
	}
	return ""
}

// ScanDoubt returns why a snapshot does not prove that no process was forked during it.
func ScanDoubt(s *procfs.Snapshot) string {
	switch {
	case s.Hidden > 0:
		return concealed
	case s.FirstPID == 0 || s.LastPIDErr != nil:
		err := s.LastPIDErr
		if err == nil {
			err = errors.New("/proc/loadavg cannot be read")
		}
		return fmt.Sprintf("%v, so processes that were forked during the scan cannot be excluded", err)
	}
	return TooFast
}

// UnseenGroup returns the doubt for a group that exists after the scan, which shows none of its members.
func UnseenGroup(pgid int) string {
	return fmt.Sprintf("group %d exists, and none of its members can be seen", pgid)
}
