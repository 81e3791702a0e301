package applets

import (
	"slices"

	"killbox/internal/escalate"
	"killbox/internal/report"
	"killbox/internal/target"
	"killbox/procfs"
)

// addInodes opens the processes that the tree implies: the handles in JSON contain the inode of a pidfd.
func (c *call) addInodes(list []report.Planned) {
	for i := range list {
		st := &list[i].Stat
		if now, err := c.env.Kernel.Open(st.PID); err == nil && now.ID == st.ID {
			st.Inode = now.Inode
		}
	}
}

// tree says what belongs to the targets: who joins a group that was named, or
// meets the selectors, is one as well.
func (c *call) tree() *escalate.Tree {
	tree := &escalate.Tree{Guard: c.brought, Since: c.found.Since, Restless: c.found.Vanished}
	for _, op := range c.req.Operands {
		if op.Form == target.Group && !slices.Contains(c.found.Hidden, op) {
			tree.Groups = append(tree.Groups, op.PID)
		}
	}
	// A pidfile selects one process. A later process with that PID is another one.
	if s := &c.req.Selector; !s.Empty() && s.Pidfile == nil {
		tree.Select = func(st *procfs.Stat) bool { return s.Selects(c.env.Proc, st) }
	}
	return tree
}

// brought is the guard for what a tree brings in.
func (c *call) brought(st *procfs.Stat) string {
	if reason := c.guard.ExcludeImplied(st); reason != "" {
		return reason
	}
	if target.Omits(c.req.Omit, st) {
		return "omitted"
	}
	return ""
}

// preview lists the trees as they are now, in order of PID.
func (c *call) preview(p *escalate.Plan) ([]report.Planned, error) {
	roots := make(map[procfs.ID]bool)
	family := procfs.TreeQuery{IncludeSessions: p.Tree.Strays}
	for _, t := range p.Targets {
		roots[t.ID] = true
		family.Roots = append(family.Roots, t.ID)
	}
	// --thaw acts on it.
	if !c.outputs.dryRun || !c.env.Proc.SnapshotTree(family.Roots, family.IncludeSessions, &c.table) {
		if err := c.env.Kernel.Snapshot(&c.table); err != nil {
			return nil, err
		}
	}
	var list []report.Planned
	for _, st := range c.table.Descendants(family) {
		planned := report.Planned{Stat: *st, Root: roots[st.ID]}
		switch {
		case !planned.Root:
			planned.Excluded = p.Tree.Guard(st)
		case p.Tree.Children:
			planned.Excluded = "only its descendants are meant"
		}
		list = append(list, planned)
	}
	if c.outputs.json {
		c.addInodes(list)
	}
	return list, nil
}
