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

// tree says what is part of the trees of the targets, and sets the policy for them. A process that joins a group that is
// an operand, or that the selectors match, is a root as well.
func (c *call) tree() *escalate.Tree {
	tree := &escalate.Tree{Since: c.found.Since, Churning: c.found.Vanished}
	c.policy = treePolicy{c: c}
	for _, op := range c.req.Operands {
		if op.Form == target.Group && !slices.Contains(c.found.Hidden, op) {
			tree.Groups = append(tree.Groups, op.PID)
		}
	}
	// A pidfile selects one process. A later process with that PID is another one.
	if s := &c.req.Selector; !s.Empty() && s.Only == nil {
		tree.Selector = true
	}
	return tree
}

// treePolicy is the policy for trees.
type treePolicy struct {
	escalate.NoPolicy
	c *call
}

// Exclude implements escalate.Policy.
func (p treePolicy) Exclude(st *procfs.Stat) string { return p.c.brought(st) }

// Selects implements escalate.Policy.
func (p treePolicy) Selects(st *procfs.Stat) bool { return p.c.req.Selector.Selects(p.c.env.Proc, st) }

// brought returns why a process that a tree implies is excluded, or "".
func (c *call) brought(st *procfs.Stat) string {
	if reason := c.guard.Brought(st); reason != "" {
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
	family := procfs.Family{Strays: p.Tree.Sessions}
	for _, t := range p.Targets {
		roots[t.ID] = true
		family.Roots = append(family.Roots, t.ID)
	}
	// --thaw acts on it.
	if !c.outputs.dryRun || !c.env.Proc.Tree(family.Roots, family.Strays, &c.table) {
		if err := c.env.Kernel.Snapshot(&c.table); err != nil {
			return nil, err
		}
	}
	var list []report.Planned
	for _, st := range c.table.Family(family) {
		planned := report.Planned{Stat: *st, Root: roots[st.ID]}
		switch {
		case !planned.Root:
			planned.Keep = c.brought(st)
		case p.Tree.Children:
			planned.Keep = "only its descendants are meant"
		}
		list = append(list, planned)
	}
	if c.outputs.json {
		c.addInodes(list)
	}
	return list, nil
}
