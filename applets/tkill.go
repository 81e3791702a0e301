package applets

import (
	"slices"
	"time"

	"killbox/internal/escalate"
	"killbox/internal/report"
	"killbox/internal/target"
	"killbox/procfs"

	"github.com/spf13/pflag"
)

func tkill() *Applet {
	return &Applet{
		Name:    "tkill",
		Summary: "end process trees",
		Usage:   "[OPTION]... [SELECTOR]... TARGET...",
		New: func(a *Applet) (*pflag.FlagSet, Run) {
			flags := newFlagSet()
			o := &tkillOptions{prove: durationValue{d: time.Second}}
			o.ladder.add(flags)
			flags.BoolVarP(&o.children, "children", "c", false, "end all descendants, but not the target itself")
			o.freeze.add(flags)
			flags.BoolVar(&o.noStrays, "no-strays", false, "leave out who lost its parent in a session that the tree leads")
			flags.Var(&o.prove, "prove", "always prove that nobody escaped, and try for DUR")
			o.output.add(flags)
			o.target.add(flags)
			return flags, func(env *Env, operands []string) int { return o.run(env, a, operands) }
		},
	}
}

type tkillOptions struct {
	ladder ladderOptions
	output outputOptions
	target targetOptions
	freeze freezeOptions

	children, noStrays bool
	prove              durationValue
}

// freezeOptions are for the applets that stop their targets first.
type freezeOptions struct {
	noFreeze, noGuard bool
}

func (o *freezeOptions) add(flags *pflag.FlagSet) {
	flags.BoolVar(&o.noFreeze, "no-freeze", false, "do not stop them first: for targets that must not see SIGSTOP")
	flags.BoolVar(&o.noGuard, "no-guard", false, "start no guardian that thaws them should this be killed")
}

func (o *tkillOptions) run(env *Env, a *Applet, operands []string) int {
	c := &call{env: env, applet: a, ladders: &o.ladder, outputs: &o.output, targets: &o.target, trees: true}
	if !c.prepare(operands) {
		return c.end()
	}
	if c.asks() && !o.output.dryRun {
		return c.alive()
	}
	if env.Proc == nil && len(c.found.Processes) > 0 {
		c.fail(nil, env.ProcErr, exitFailed)
		return c.end()
	}
	p := c.plan()
	p.Tree = c.tree()
	p.Tree.Children, p.Tree.Strays = o.children, !o.noStrays
	p.Freeze, p.Guardian = !o.freeze.noFreeze, !o.freeze.noGuard
	p.Prove, p.ProveAlways = o.prove.d, o.prove.given
	if o.output.dryRun {
		list, err := c.preview(p)
		if err != nil {
			c.fail(nil, err, exitFailed)
			return c.end()
		}
		c.dryRun(list, p.Ladder)
		return c.end()
	}
	sum := c.run(p)
	c.rep.Summary(sum, c.end())
	return c.end()
}

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
	if s := &c.req.Selector; !s.Empty() && s.Only == nil {
		tree.Select = func(st *procfs.Stat) bool { return s.Selects(c.env.Proc, st) }
	}
	return tree
}

// brought is the guard for what a tree brings in.
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
	family := procfs.Family{Strays: p.Tree.Strays}
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
			planned.Keep = p.Tree.Guard(st)
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
