package cli

import (
	"errors"
	"maps"
	"slices"

	"killbox/internal/escalate"
	"killbox/internal/report"
	"killbox/procfs"
)

// PreviewTree returns the members of the trees as they are now, and the orphans that Tree.OlderOrphans would add, in
// order of PID. It signals nothing.
func (c *Call) PreviewTree(p *escalate.Plan) ([]report.Planned, error) {
	v := &treePreview{c: c, tree: p.Tree, roots: make(map[procfs.ID]bool), orphans: make(map[procfs.ID]procfs.ID)}
	v.query = procfs.TreeQuery{IncludeSessions: p.Tree.Sessions, Sessions: make(map[int]bool)}
	for _, t := range p.Targets {
		v.roots[t.ID] = true
		v.query.Roots = append(v.query.Roots, t.ID)
	}
	if err := v.scan(); err != nil {
		return nil, err
	}
	list := v.list()
	if c.Outputs.JSON || c.Outputs.Handles {
		list = c.addInodes(list)
	}
	return list, nil
}

// treePreview is one call of PreviewTree.
type treePreview struct {
	c       *Call
	tree    *escalate.Tree
	query   procfs.TreeQuery
	roots   map[procfs.ID]bool
	orphans map[procfs.ID]procfs.ID // orphans with the image of a member, and the member
	partial bool                    // c.Table has only a part of the process table
}

// scan reads the process table and finds the orphans.
func (v *treePreview) scan() error {
	c := v.c
	// --thaw signals the processes of the list, so it needs a full scan: SnapshotTree may miss members.
	v.partial = c.Outputs.DryRun && c.Env.Proc.SnapshotTree(procfs.PartialScan{
		Roots: v.query.Roots, IncludeSessions: v.query.IncludeSessions, Adopted: v.tree.Images,
	}, &c.Table)
	if !v.partial {
		if err := c.Env.Kernel.Snapshot(&c.Table); err != nil {
			return err
		}
	}
	if !v.tree.Images {
		return nil
	}
	w := procfs.NewWitnesses(previewReader{c.Env.Kernel})
	for more := true; more; {
		var err error
		if more, err = v.findOrphans(w); err != nil {
			return err
		}
	}
	return nil
}

// findOrphans finds orphans that have the image of a member. With Tree.OlderOrphans they become members. more reports
// whether further orphans may be found now.
func (v *treePreview) findOrphans(w *procfs.Witnesses) (more bool, err error) {
	table := &v.c.Table
	for _, st := range table.Descendants(v.query) {
		w.Add(st)
	}
	w.Refute(table)
	for _, st := range w.Candidates(table, table.Adopters(v.query.Roots)) {
		if _, known := v.orphans[st.ID]; known || v.c.exclude(st) != "" {
			continue
		}
		if v.partial {
			// A process outside of the partial table may refute a witness, or be a child of the orphan.
			v.partial = false
			return true, v.c.Env.Kernel.Snapshot(table)
		}
		if member, ok := w.Attribute(st.ID); ok && !v.c.descends(st, member) {
			v.orphans[st.ID] = member
			more = v.tree.OlderOrphans
		}
	}
	if more {
		v.query.Known = make(map[procfs.ID]bool)
		for id := range maps.Keys(v.orphans) {
			v.query.Known[id] = true
		}
	}
	return more, nil
}

// descends reports whether a process of c.Table descends from the member by its parents. Such a process is no orphan of
// the member. It may be a candidate nevertheless, because the ancestors of each target count as adopters, and so does a
// target above another one.
func (c *Call) descends(st *procfs.Stat, member procfs.ID) bool {
	return slices.Contains(c.Table.Ancestors(st.PID), member)
}

// previewReader reads images without the check that a process still exists: the processes are not opened. Before --thaw
// resumes a process, IsPlanned checks it again.
type previewReader struct{ Kernel }

// Exists implements procfs.ImageReader.
func (previewReader) Exists(procfs.ID) error { return nil }

// list returns the processes to be printed.
func (v *treePreview) list() (list []report.Planned) {
	member := make(map[procfs.ID]bool)
	pids := make(map[int]bool)
	for _, st := range v.c.Table.Descendants(v.query) {
		member[st.ID], pids[st.PID] = true, true
	}
	for i := range v.c.Table.Procs {
		st := &v.c.Table.Procs[i]
		from, orphan := v.orphans[st.ID]
		planned := report.Planned{Stat: *st, Root: v.roots[st.ID]}
		switch {
		case orphan && !member[st.ID]:
			planned.Excluded, planned.Origin = withoutOrphans(from), from.PID
		case !member[st.ID]:
			continue
		case orphan && !planned.Root:
			planned.Evidence, planned.Origin = escalate.Evidence(from), from.PID
		case !planned.Root && !pids[st.PPID]:
			planned.Evidence, planned.Origin = escalate.SessionEvidence(st.SID), st.SID
		}
		switch {
		case planned.Excluded != "":
		case !planned.Root:
			planned.Excluded = v.c.exclude(st)
		case v.tree.Children:
			planned.Excluded = "only its descendants are targets"
		}
		list = append(list, planned)
	}
	return list
}

// addInodes adds the inode of a pidfd to each process, for handles, and returns the list without the processes that
// have ended since the snapshot.
func (c *Call) addInodes(list []report.Planned) []report.Planned {
	kept := list[:0]
	for i := range list {
		p := list[i]
		now, err := c.Env.Kernel.Identify(p.PID)
		switch {
		case err == nil && c.IsPlanned(&p, &now):
			p.Inode = now.Inode
		case err == nil || errors.Is(err, procfs.ErrNoProcess):
			continue
		}
		kept = append(kept, p)
	}
	return kept
}

// IsPlanned reports whether now, which has just been opened or identified, is the planned process p. A target was
// opened before the plan was made, so the same ID suffices. The PID of any other process may have been reused since the
// snapshot, even within one clock tick. So the parent or the executed program (Snapshot.SameProcess) must be the same
// as well.
func (c *Call) IsPlanned(p *report.Planned, now *procfs.Stat) bool {
	return now.ID == p.ID && (p.Root || now.PPID == p.PPID || c.Table.SameProcess(&p.Stat, now))
}
