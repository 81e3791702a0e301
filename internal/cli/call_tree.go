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

// Tree returns what is part of the trees of the targets, and sets the policy for them. A process that joins a group which
// is an operand, or that the selectors match, is a root as well.
func (c *Call) Tree() *escalate.Tree {
	tree := &escalate.Tree{Since: c.Found.Since, Churning: c.Found.Vanished}
	c.Policy = TreePolicy{Call: c}
	for _, op := range c.Request.Operands {
		if op.Form == target.Group && !slices.Contains(c.Found.Hidden, op) {
			tree.Groups = append(tree.Groups, op.PID)
		}
	}
	// A pidfile selects one process. A later process with that PID is another one.
	if s := &c.Request.Selector; !s.Empty() && s.Pidfile == nil {
		tree.Selector = true
	}
	return tree
}

// TreePolicy is the policy for trees.
type TreePolicy struct {
	escalate.NoPolicy
	Call *Call
}

// Exclude implements escalate.Policy.
func (p TreePolicy) Exclude(st *procfs.Stat) string { return p.Call.exclude(st) }

// Selects implements escalate.Policy.
func (p TreePolicy) Selects(st *procfs.Stat) bool {
	return p.Call.Request.Selector.Selects(p.Call.Env.Proc, st)
}

// exclude returns why a process that a tree implies is excluded, or "".
func (c *Call) exclude(st *procfs.Stat) string {
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
	query := procfs.TreeQuery{IncludeSessions: p.Tree.Sessions}
	for _, t := range p.Targets {
		roots[t.ID] = true
		query.Roots = append(query.Roots, t.ID)
	}
	// --thaw acts on it.
	if !c.Outputs.DryRun || !c.Env.Proc.SnapshotTree(query.Roots, query.IncludeSessions, &c.Table) {
		if err := c.Env.Kernel.Snapshot(&c.Table); err != nil {
			return nil, err
		}
	}
	var list []report.Planned
	for _, st := range c.Table.Descendants(query) {
		planned := report.Planned{Stat: *st, Root: roots[st.ID]}
		switch {
		case !planned.Root:
			planned.Excluded = c.exclude(st)
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
