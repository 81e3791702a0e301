package cli

import (
	"slices"

	"killbox/internal/escalate"
	"killbox/internal/target"
	"killbox/procfs"
)

// Tree returns the tree of a plan whose roots are the targets, and sets the policy of the call. A process that later
// joins a group given as an operand, or that later matches the selector, becomes a root as well.
func (c *Call) Tree() *escalate.Tree {
	tree := &escalate.Tree{Since: c.Found.Since, Began: c.Began, Churning: c.Found.Vanished}
	c.Policy = TreePolicy{Call: c}
	for _, op := range c.Request.Operands {
		if op.Form == target.Group && !slices.Contains(c.Found.Hidden, op) {
			tree.Groups = append(tree.Groups, op.PID)
		}
	}
	// A pidfile names one process. If its PID is reused, the new process is not a target.
	// A process that opens a file of --open or --mount later is none either: see Holders.Lasting.
	if s := &c.Request.Selector; !s.Empty() && s.Missing == nil && s.Pidfile == nil && (s.Holders == nil || s.Holders.Lasting()) {
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
