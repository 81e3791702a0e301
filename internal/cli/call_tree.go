package cli

import (
	"slices"

	"killbox/internal/escalate"
	"killbox/internal/report"
	"killbox/internal/target"
	"killbox/procfs"
)

// addInodes opens the processes that the tree implies: the handles in JSON contain the inode of a pidfd.
func (c *Call) addInodes(list []report.Planned) {
	for i := range list {
		st := &list[i].Stat
		if now, err := c.Env.Kernel.Open(st.PID); err == nil && now.ID == st.ID {
			st.Inode = now.Inode
		}
	}
}

// Tree says what belongs to the targets: who joins a group that was named, or
// meets the selectors, is one as well.
func (c *Call) Tree() *escalate.Tree {
	tree := &escalate.Tree{Guard: c.Excludes, Since: c.Found.Since, Restless: c.Found.Vanished}
	for _, op := range c.Request.Operands {
		if op.Form == target.Group && !slices.Contains(c.Found.Hidden, op) {
			tree.Groups = append(tree.Groups, op.PID)
		}
	}
	// A pidfile selects one process. A later process with that PID is another one.
	if s := &c.Request.Selector; !s.Empty() && s.Pidfile == nil {
		tree.Select = func(st *procfs.Stat) bool { return s.Selects(c.Env.Proc, st) }
	}
	return tree
}

// Excludes is the guard for what a tree brings in.
func (c *Call) Excludes(st *procfs.Stat) string {
	if reason := c.Exclusions.ExcludeImplied(st); reason != "" {
		return reason
	}
	if target.Omits(c.Request.Omit, st) {
		return "omitted"
	}
	return ""
}

// PreviewTree lists the trees as they are now, in order of PID.
func (c *Call) PreviewTree(p *escalate.Plan) ([]report.Planned, error) {
	roots := make(map[procfs.ID]bool)
	family := procfs.TreeQuery{IncludeSessions: p.Tree.Strays}
	for _, t := range p.Targets {
		roots[t.ID] = true
		family.Roots = append(family.Roots, t.ID)
	}
	// --thaw acts on it.
	if !c.Outputs.DryRun || !c.Env.Proc.SnapshotTree(family.Roots, family.IncludeSessions, &c.Table) {
		if err := c.Env.Kernel.Snapshot(&c.Table); err != nil {
			return nil, err
		}
	}
	var list []report.Planned
	for _, st := range c.Table.Descendants(family) {
		planned := report.Planned{Stat: *st, Root: roots[st.ID]}
		switch {
		case !planned.Root:
			planned.Excluded = p.Tree.Guard(st)
		case p.Tree.Children:
			planned.Excluded = "only its descendants are meant"
		}
		list = append(list, planned)
	}
	if c.Outputs.JSON {
		c.addInodes(list)
	}
	return list, nil
}
