package escalate

import (
	"errors"
	"fmt"
	"maps"

	"killbox/internal/freeze"
	"killbox/procfs"
)

// orphanFinder finds orphans that have the image of a member of the tree: those that were forked or orphaned since the
// call began and, with Tree.OlderOrphans, also those that were orphans before. See procfs.Witnesses.
type orphanFinder struct {
	k interface {
		Opener
		Scanner
		freeze.Inspector
	}
	witnesses *procfs.Witnesses
	takeOlder bool
	began     uint64 // Tree.Began
	// older holds the processes outside of the tree that had been forked before the call and had not called
	// execve(2), and those of their descendants that scans have shown. It is nil before the first scan.
	older    map[procfs.ID]bool
	adopters map[int]bool // PIDs that can adopt orphans of the tree
	targets  []Target     // those of the plan
}

// Evidence returns why an orphan is attributed to the tree, as a text for the user. member is the member that has the
// same image.
func Evidence(member procfs.ID) string { return fmt.Sprintf("orphan, same image as %d", member.PID) }

// SessionEvidence is Evidence for an orphan in a session that a member leads or has led.
func SessionEvidence(sid int) string { return fmt.Sprintf("orphan, in the session of %d", sid) }

// newOrphanFinder returns nil if the plan attributes no orphans by their image.
func newOrphanFinder(k Kernel, p *Plan) *orphanFinder {
	if p.Tree == nil || p.Tree.Flat || !p.Tree.Images {
		return nil
	}
	return &orphanFinder{
		k: k, witnesses: procfs.NewWitnesses(k), takeOlder: p.Tree.OlderOrphans,
		began: p.Tree.Began, adopters: make(map[int]bool), targets: p.Targets,
	}
}

// readTargets reads the images of the targets before the first scan: they may have begun to end, and most orphans have
// their image.
func (f *orphanFinder) readTargets() {
	for i := range f.targets {
		f.witnesses.Read(&f.targets[i].Stat)
	}
}

// noteScan evaluates a scan before its orphans are attributed. It adds adopters, makes members witnesses that have
// called execve(2) since the scan before, and refutes witnesses whose image another process has.
func (f *orphanFinder) noteScan(s *procfs.Snapshot, a *attribution) {
	maps.Copy(f.adopters, s.Adopters(a.roots))
	if f.older == nil {
		for i := range f.targets {
			maps.Copy(f.adopters, s.AdoptersAbove(f.targets[i].PPID))
		}
		f.recordOlder(s, a.roots)
	}
	for i := range s.Procs {
		switch st := &s.Procs[i]; {
		case a.known[st.ID] || a.rootSet[st.ID]:
			f.witnesses.Add(st)
		case st.Forked() && !f.older[st.ID] && !f.adopters[st.PPID]:
			if parent := s.Lookup(st.PPID); parent != nil && f.older[parent.ID] {
				f.older[st.ID] = true
			}
		}
	}
	f.witnesses.Refute(s)
}

// addWitnesses makes newcomers of the scan witnesses, and reports whether there are any.
func (f *orphanFinder) addWitnesses(s *procfs.Snapshot, newcomers batch) bool {
	for _, res := range newcomers {
		f.witnesses.Add(&res.Stat)
	}
	if len(newcomers) > 0 {
		f.witnesses.Refute(s)
	}
	return len(newcomers) > 0
}

// recordOlder records the processes that existed before the call, had not called execve(2), and are outside of the
// tree. A process that is started in the clock tick of the call counts as one of them.
func (f *orphanFinder) recordOlder(s *procfs.Snapshot, roots []procfs.ID) {
	f.older = make(map[procfs.ID]bool)
	inTree := make(map[procfs.ID]bool)
	for _, st := range s.Descendants(procfs.TreeQuery{Roots: roots}) {
		inTree[st.ID] = true
	}
	for i := range s.Procs {
		if st := &s.Procs[i]; st.Forked() && !inTree[st.ID] && (f.began == 0 || st.Start <= f.began) {
			f.older[st.ID] = true
		}
	}
}

// candidates returns the processes in the scan that may be orphans to be attributed to the tree.
func (f *orphanFinder) candidates(s *procfs.Snapshot, a *attribution) (list []*procfs.Stat) {
	for _, st := range f.witnesses.Candidates(s, f.adopters) {
		if (f.takeOlder || !f.older[st.ID]) && !a.isInTree(st.ID) && !a.isGuardian(st) && a.excludes(st) == "" {
			list = append(list, st)
		}
	}
	return list
}

// attribute opens a candidate. It returns what it has read then, and the member that has the same image. ok is false,
// and the process is closed again, if the image is not that of a member. ended says that the process has ended since
// the scan.
func (f *orphanFinder) attribute(st *procfs.Stat) (now procfs.Stat, member procfs.ID, ok, ended bool) {
	now, err := f.k.Open(st.PID)
	if err != nil {
		f.witnesses.Reject(st.ID)
		return now, member, false, errors.Is(err, procfs.ErrNoProcess)
	}
	if now.ID == st.ID {
		member, ok = f.witnesses.Attribute(now.ID)
		ended = !ok && f.hasEnded(now.ID)
	} else {
		f.witnesses.Reject(st.ID)
		ended = true
	}
	if !ok {
		f.k.Close(now.ID)
	}
	return now, member, ok, ended
}

// hasEnded reports whether an opened process has been reaped, is a zombie, or is about to be one.
func (f *orphanFinder) hasEnded(id procfs.ID) bool {
	now, err := f.k.Stat(id)
	return errors.Is(err, procfs.ErrNoProcess) || err == nil && (now.Gone() || now.Exiting())
}

// anyExiting reports whether the scan shows a new orphan that is exiting. It has no image any more, and nothing
// attributes its children before they are orphans, too.
func (f *orphanFinder) anyExiting(s *procfs.Snapshot, a *attribution) bool {
	for i := range s.Procs {
		st := &s.Procs[i]
		if st.Exiting() && st.Forked() && f.adopters[st.PPID] && !f.older[st.ID] && !a.isInTree(st.ID) {
			return true
		}
	}
	return false
}

// isLeft reports whether a candidate is not to be attributed, because it is older than the call.
func (f *orphanFinder) isLeft(st *procfs.Stat, a *attribution) bool {
	return !f.takeOlder && f.older[st.ID] && !a.isInTree(st.ID) && a.excludes(st) == ""
}

// readForLeft reads the images that remaining compares, before the members with these images are signalled.
func (f *orphanFinder) readForLeft(s *procfs.Snapshot, a *attribution) {
	for _, st := range f.witnesses.Candidates(s, f.adopters) {
		if f.isLeft(st, a) {
			f.witnesses.ReadFor(st)
		}
	}
}

// remaining returns a function for the end of the call. It returns the orphans in the last scan, s, that were not
// attributed because they are older than the call, and that still exist.
func (f *orphanFinder) remaining(s *procfs.Snapshot, a *attribution) func() []Orphan {
	return func() (list []Orphan) {
		for _, st := range f.witnesses.Candidates(s, f.adopters) {
			if !f.isLeft(st, a) {
				continue
			}
			if now, member, ok, _ := f.attribute(st); ok {
				list = append(list, Orphan{Stat: now, Member: member})
				f.k.Close(now.ID)
			}
		}
		return list
	}
}
