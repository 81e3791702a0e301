package cli

import (
	"slices"

	"killbox/internal/escalate"
	"killbox/internal/report"
	"killbox/internal/target"
	"killbox/procfs"
)

// addInodes adds the inode of a pidfd to each process, for the handles in JSON. It has to open the processes for that.
func (c *Call) addInodes(list []report.Planned) {
	for i := range list {
		st := &list[i].Stat
		if now, err := c.Env.Kernel.Open(st.PID); err == nil && now.ID == st.ID {
			st.Inode = now.Inode
		}
	}
}

// Tree returns the tree of a plan whose roots are the targets, and sets the policy of the call. A process that later
// joins a group given as an operand, or that later matches the selector, becomes a root as well.
func (c *Call) Tree() *escalate.Tree {
	tree := &escalate.Tree{Since: c.Found.Since, Churning: c.Found.Vanished}
	c.Policy = TreePolicy{Call: c}
	for _, op := range c.Request.Operands {
		if op.Form == target.Group && !slices.Contains(c.Found.Hidden, op) {
			tree.Groups = append(tree.Groups, op.PID)
		}
	}
	// A pidfile names one process. If its PID is reused, the new process is not a target.
	if s := &c.Request.Selector; !s.Empty() && s.Pidfile == nil {
		tree.Selector = true
	}
	return tree
}

// TreePolicy is the policy for trees: it applies the exclusions, --omit and the selector of the call.
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

// exclude returns why a process that a tree implies is excluded, or "" if it is not.
func (c *Call) exclude(st *procfs.Stat) string {
	if reason := c.Exclusions.ExcludeImplied(st); reason != "" {
		return reason
	}
	if target.Omits(c.Request.Omit, st) {
		return "omitted"
	}
	return ""
}

// PreviewTree returns the members of the trees as they are now, in order of PID. It signals nothing.
func (c *Call) PreviewTree(p *escalate.Plan) ([]report.Planned, error) {
	roots := make(map[procfs.ID]bool)
	query := procfs.TreeQuery{IncludeSessions: p.Tree.Sessions}
	for _, t := range p.Targets {
		roots[t.ID] = true
		query.Roots = append(query.Roots, t.ID)
	}
	// --thaw signals the processes of the list, so it needs a full scan: SnapshotTree may miss members.
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
			planned.Excluded = "only its descendants are targets"
		}
		list = append(list, planned)
	}
	if c.Outputs.JSON {
		c.addInodes(list)
	}
	return list, nil
}
