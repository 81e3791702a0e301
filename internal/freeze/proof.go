package freeze

// The proof that no process has escaped a freeze.
//
// Terms: a scan is one reading of the process table (procfs.Snapshot). A member is a process of the tree. A newcomer is
// a member that a scan shows for the first time. The baseline is the set of processes that the first scan of the freeze
// shows, without those forked during that scan. A process is new (isNew) if it is not in the baseline, or if it may be
// an orphan of a member that ended during the first scan. The tree is churning once a member was forked, vanished or
// ran while the tree was being stopped, or once this cannot be excluded; it remains so until the end of the call.
//
// The proof says: at the end of the freeze every process of the tree is known and has stopped. It has three parts:
//
//  1. A member does not fork once all its threads have stopped (Stopped.CountRunning). So a complete scan that begins
//     after all known members have stopped shows every process of the tree.
//  2. A scan is complete (isComplete) if no process of an unknown chain, in which each process forks the next one and
//     exits, can have evaded it (procfs.Snapshot.Complete), and if every member in it could be opened. Unrelated
//     processes may fork meanwhile. Where the last allocated PID is not known, no scan is complete: if the tree is not
//     churning, StableScans scans without a newcomer count as one.
//  3. A member that ended before it was stopped may have orphaned a child, which is then a child of its adopter (init
//     or a subreaper). If the child has not called execve(2), its image attributes it to the tree (procfs.Witnesses).
//     Any other process outside of the tree is a suspect (Suspect) if it is new and its parent adopts orphans of the
//     tree: the child was forked after the baseline, or orphaned during the scan of the baseline. If the tree is not
//     churning, only a process with the command name of a member is a suspect. A process is no suspect if its session
//     is one that no process of the tree can be in (inOtherSession).
//
// The proof does not cover:
//
//   - processes that were orphaned before the first scan. Only a session, a group, a selector or an image links them to
//     the tree.
//   - processes that /proc does not list (hidepid=2, another PID namespace). If a member is hidden, the proof fails.
//   - descendants, if only the targets are to be ended (Claim.Flat).
//
// If the proof fails, the doubt is the reason, as a text for the user.
//
// The proof works on snapshots. The interface Tree tells which processes are members.

import (
	"maps"
	"math"

	"killbox/procfs"
)

// Tree answers the questions of the proof about the process tree.
type Tree interface {
	// Attributed reports whether the process is a member, or an excluded process in the tree.
	Attributed(procfs.ID) bool
	// Disowned reports whether the ID was the ID of a member, and belongs to an unrelated process now: the PID was
	// reused within the clock tick of its start.
	Disowned(procfs.ID) bool
	// Excluded reports whether the process would be excluded if it were in the tree.
	Excluded(*procfs.Stat) bool
	// Comms returns the command names of the members.
	Comms() map[string]bool
}

// StableScans is the number of scans without a newcomer that count as one complete scan if the tree is not churning.
const StableScans = 3

// Claim says what is to be proved.
type Claim struct {
	Targets []procfs.Stat // read when they were opened
	// Flat: only the targets are to be ended, so their descendants cannot escape.
	Flat bool
	// Strict: require a complete scan, even if the tree is not churning.
	Strict bool
	// Churning: a target vanished before it could be opened, so the tree is churning from the start.
	Churning bool
}

// Proof is the state of the proof for one tree.
type Proof struct {
	claim    Claim
	proved   bool
	churning bool // see the terms above
	hidden   bool // /proc hides a member, and may hide its children
	missed   bool // the last scan may lack a process of the tree: see NoteMissed and NoteUnseen
	stable   int  // number of scans without a newcomer

	recorded bool // a baseline has been recorded, by this freeze or an earlier one
	baseline map[procfs.ID]bool
	siblings map[int]bool // children of the ancestors of the targets before the first scan; nil if not known
	adopters map[int]bool // PIDs that can adopt orphans of the tree: PID 1 and the ancestors of the roots
	sessions map[int]bool // sessions in which a member or an adopter was seen
	oldest   uint64       // the earliest start time of a member, in clock ticks after boot
	// endedFrom is the earliest start time of a member that ended before it was stopped, in clock ticks after boot.
	endedFrom uint64
}

// NewProof returns a proof. It counts as proved until the first freeze.
func NewProof(claim Claim) *Proof {
	p := &Proof{claim: claim, proved: true, churning: claim.Churning, sessions: make(map[int]bool), oldest: math.MaxUint64}
	for i := range claim.Targets {
		p.NoteMember(&claim.Targets[i])
	}
	return p
}

// Proved reports whether the last freeze was proved; true if there was no freeze yet.
func (p *Proof) Proved() bool { return p.proved }

// BeginFreeze begins the proof for a freeze.
func (p *Proof) BeginFreeze() { p.proved, p.stable = false, 0 }

// BeginSweep begins a series of scans after a step of the ladder, while the tree runs.
func (p *Proof) BeginSweep() { p.stable = 0 }

// BeginScan is called before the members in a new scan are opened.
func (p *Proof) BeginScan() { p.missed = false }

// DropBaseline drops the baseline if the last freeze was proved, so that the next freeze records a new one. Between two
// steps the tree runs, and a process forked then cannot be told from an unrelated one. After an unproved freeze the old
// baseline stays, so that suspects of that freeze remain suspects.
func (p *Proof) DropBaseline() {
	if p.proved {
		p.baseline = nil
	}
}

// NeedsBaseline reports whether the next scan is the first one of a freeze.
func (p *Proof) NeedsBaseline() bool { return p.baseline == nil }

// FindSiblings records the children that the ancestors of the targets have now. A member that ends later has orphaned
// none of these children. But if a target has ended already, one of them may be its orphan, so FindSiblings records
// nothing. Without a freeze it records nothing either.
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

// RecordBaseline records which processes existed before the first scan of this freeze. A process whose PID was
// allocated during that scan counts as new.
func (p *Proof) RecordBaseline(s *procfs.Snapshot, roots []procfs.ID, tree Tree) {
	earlier := p.adopters // a root that has ended shows its ancestors no more
	p.adopters = s.Adopters(roots)
	maps.Copy(p.adopters, earlier)
	p.endedFrom = math.MaxUint64
	if !p.recorded && !p.claim.Flat {
		p.noteEndedTargets(s, tree)
	}
	for i := range s.Procs {
		if st := &s.Procs[i]; p.adopters[st.PID] {
			p.sessions[st.SID] = true
		}
	}
	p.recorded = true
	p.baseline = make(map[procfs.ID]bool, len(s.Procs))
	for i := range s.Procs {
		if st := &s.Procs[i]; !s.MayBeNew(st) {
			p.baseline[st.ID] = true
		}
	}
}

// noteEndedTargets notes the targets that have ended between being opened and the first scan. They may have orphaned
// children in that time.
func (p *Proof) noteEndedTargets(s *procfs.Snapshot, tree Tree) {
	for i := range p.claim.Targets {
		target := &p.claim.Targets[i]
		st := s.Lookup(target.PID)
		exists := st != nil && st.ID == target.ID && !st.Gone() && !tree.Disowned(target.ID)
		if target.Gone() || exists {
			continue
		}
		p.NoteEnded(target)
		maps.Copy(p.adopters, s.AdoptersAbove(target.PPID))
	}
}

// NoteMember notes a member that a scan shows, whether or not it can be opened.
func (p *Proof) NoteMember(st *procfs.Stat) {
	p.sessions[st.SID] = true
	p.oldest = min(p.oldest, st.Start)
}

// NoteChurn notes that a member was forked or vanished while the tree was being stopped, or that this cannot be
// excluded.
func (p *Proof) NoteChurn() { p.churning = true }

// NoteEnded notes that a target or member ended before it was stopped. If it ended during the first scan, its children
// can be in the baseline as orphans. No child starts before its parent, so isNew also returns true for processes in the
// baseline that started at the same time as the parent or later.
func (p *Proof) NoteEnded(parent *procfs.Stat) {
	p.churning = true
	p.endedFrom = min(p.endedFrom, parent.Start)
}

// NoteZombie notes a member that was a zombie before it could be opened. If it was forked since the baseline, the tree
// is churning: children of the zombie have been reparented since then, too.
func (p *Proof) NoteZombie(id procfs.ID) { p.churning = p.churning || !p.baseline[id] }

// NoteMissed notes that the scan shows a member that could not be opened. If the process still exists, it may have been
// orphaned meanwhile, so that later scans do not attribute it to the tree. So it counts as new, and can be a suspect.
func (p *Proof) NoteMissed(id procfs.ID) {
	p.missed = true
	delete(p.baseline, id)
}

// NoteUnseen notes that the scan may lack a process of the tree: a group of the tree exists and the scan shows no member
// of it, or an orphan that may be a member is exiting, and its children are not orphans yet.
func (p *Proof) NoteUnseen() { p.missed = true }

// NoteHidden notes that /proc hides a member.
func (p *Proof) NoteHidden() { p.hidden = true }

// Missed reports whether the last scan may lack a process of the tree, or showed a member that could not be opened.
func (p *Proof) Missed() bool { return p.missed }

// isComplete reports whether a scan is complete: it shows a process of each unknown chain, and every member in it could
// be opened.
func (p *Proof) isComplete(s *procfs.Snapshot) bool {
	return s.Complete() && !p.missed
}

// Suspect returns a process outside of the tree that may descend from a member, or nil. A suspect is new, and its
// parent can adopt orphans of the tree (init or a subreaper): it may be the child of a member that no scan showed. If
// the tree is not churning, a suspect must have the command name of a member, too.
func (p *Proof) Suspect(s *procfs.Snapshot, tree Tree) *procfs.Stat {
	if p.claim.Flat {
		return nil
	}
	comms := tree.Comms()
	for i := range s.Procs {
		st := &s.Procs[i]
		switch {
		case !p.isNew(st) || st.Gone() || tree.Attributed(st.ID):
		case !p.churning && !comms[st.Comm]:
		case p.hasOtherParent(s, st, tree), p.inOtherSession(s, st):
		case tree.Excluded(st):
		default:
			return st
		}
	}
	return nil
}

// LateOrphans returns the children of PID 1 in fresh, a scan of the processes that were forked since the scan s, that
// may be orphans of a member that has ended since then.
func (p *Proof) LateOrphans(s, fresh *procfs.Snapshot, tree Tree) (list []*procfs.Stat) {
	if p.claim.Flat {
		return nil
	}
	for i := range fresh.Procs {
		st := &fresh.Procs[i]
		if st.PPID == 1 && !st.Gone() && !tree.Attributed(st.ID) && !p.inOtherSession(s, st) && !tree.Excluded(st) {
			list = append(list, st)
		}
	}
	return list
}

// isNew reports whether the process may have been forked, or orphaned, since the baseline.
func (p *Proof) isNew(st *procfs.Stat) bool {
	return !p.baseline[st.ID] || st.Start >= p.endedFrom && !p.siblings[st.PID]
}

// hasOtherParent reports whether the process has a parent that is unrelated to the tree and cannot have adopted it, or
// descends from such a process. If a new process between the two has ended, hasOtherParent is false.
func (p *Proof) hasOtherParent(s *procfs.Snapshot, st *procfs.Stat, tree Tree) bool {
	for range s.Procs { // a scan is not atomic, and may show a loop of parents
		parent := s.Lookup(st.PPID)
		if parent == nil || parent.Gone() || tree.Disowned(parent.ID) || p.adopters[st.PPID] {
			return false
		}
		if p.baseline[parent.ID] {
			return true
		}
		st = parent
	}
	return false
}

// inOtherSession reports whether the process, which was forked since the baseline, is in a session that no process of
// the tree can be in. A process enters a session only by being forked in it, or as its leader. So the tree is in the
// sessions in which its members were seen, and in sessions that younger processes of the tree have created: in such a
// session no process is older than the tree.
func (p *Proof) inOtherSession(s *procfs.Snapshot, st *procfs.Stat) bool {
	if p.baseline[st.ID] || st.SID <= 0 || p.sessions[st.SID] {
		return false
	}
	for i := range s.Procs {
		if o := &s.Procs[i]; o.SID == st.SID && o.Start < p.oldest && !o.Hidden() {
			return true
		}
	}
	return false
}

// ProveTargets marks the freeze as proved. It is for a plan that ends its targets and not their trees: all targets have
// stopped.
func (p *Proof) ProveTargets() { p.proved = true }

// Verdict is what a scan means for the proof of a freeze.
type Verdict int

// The verdicts.
const (
	Inconclusive Verdict = iota // a further scan may prove the freeze
	Stable                      // one of StableScans scans; take the next one at once
	Over                        // further scans prove no more: Proved reports the result
)

// Judge evaluates a scan that shows no newcomer and that began after all members had stopped.
func (p *Proof) Judge(s *procfs.Snapshot, tree Tree) Verdict {
	suspect := p.Suspect(s, tree)
	p.churning = p.churning || suspect != nil
	switch {
	case !p.churning && !p.claim.Strict:
		// A scan that is not complete may have missed a chain of processes that fork and exit, so require
		// several stable scans.
		if p.stable++; p.stable < StableScans && !p.isComplete(s) {
			return Stable
		}
		p.proved = true
		return Over
	case p.isComplete(s):
		// The result is final: a further scan would show the same suspect.
		p.proved = suspect == nil && !p.hidden
		return Over
	}
	return Inconclusive
}

// JudgeSweep evaluates a scan after a step of the ladder that shows no remaining member. over reports that no further
// scan is needed: no process of the tree remains. suspect may be nil.
func (p *Proof) JudgeSweep(s *procfs.Snapshot, tree Tree) (over bool, suspect *procfs.Stat) {
	if !p.proved {
		suspect = p.Suspect(s, tree)
	} else if s.Vanished == 0 && !p.missed {
		p.stable++
	}
	return suspect == nil && (p.isComplete(s) || p.stable >= StableScans), suspect
}
