package applets

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"killbox/internal/escalate"
	"killbox/internal/report"
	"killbox/internal/show"
	"killbox/internal/signals"
	"killbox/internal/target"
	"killbox/procfs"

	"github.com/spf13/pflag"
)

func pgkill() *Applet {
	return &Applet{
		Name:    "pgkill",
		Summary: "end process groups and sessions",
		Usage:   "[OPTION]... PGID...",
		New: func(a *Applet) (*pflag.FlagSet, Run) {
			flags := newFlagSet()
			o := &pgkillOptions{prove: durationValue{d: time.Second}}
			o.ladder.add(flags)
			flags.BoolVar(&o.of, "of", false, "the operands are processes: end the groups that they are in")
			flags.BoolVarP(&o.session, "session", "S", false, "the operands are sessions: end all their groups")
			flags.Var(&o.prove, "prove", "try for DUR to prove that nobody escaped")
			flags.BoolVarP(&o.exited, "exited", "e", false, "exit 0 if a group does not exist")
			o.output.add(flags)
			return flags, func(env *Env, operands []string) int { return o.run(env, a, operands) }
		},
	}
}

type pgkillOptions struct {
	ladder ladderOptions
	output outputOptions

	of, session, exited bool
	prove               durationValue
}

func (o *pgkillOptions) run(env *Env, a *Applet, operands []string) int {
	c := &call{env: env, applet: a, ladders: &o.ladder, outputs: &o.output}
	var err error
	var own bool
	var req target.GroupRequest
	if c.ladder, err = o.ladder.ladder(); err == nil {
		err = c.askable(o.exited)
	}
	if err == nil {
		req, own, err = o.request(env, operands)
	}
	if err != nil {
		return usageError(env, a.Name, err)
	}
	c.report()
	if env.Proc == nil {
		c.fail(nil, env.ProcErr, exitFailed)
		return c.end()
	}
	groups, err := o.find(c, req, own)
	if err != nil {
		c.fail(nil, err, exitFailed)
		return c.end()
	}
	c.found = &groups.Found
	o.problems(c)
	if len(req.Operands) == 0 && !own && !o.exited {
		c.fail(nil, errNothing, exitMissing)
	}
	if c.asks() && !o.output.dryRun {
		return o.alive(c, groups)
	}
	p := c.plan()
	p.Groups = &escalate.Groups{PGIDs: groups.PGIDs, Sessions: groups.Sessions}
	c.policy = groupPolicy{c: c, groups: groups}
	p.Prove = o.prove.d
	if o.output.dryRun {
		list := planned(p)
		for _, st := range c.found.Zombies {
			list = append(list, report.Planned{Stat: st, Root: true})
		}
		slices.SortStableFunc(list, func(a, b report.Planned) int { return a.PID - b.PID })
		c.dryRun(list, p.Ladder)
		return c.end()
	}
	for i := range c.found.Zombies {
		c.rep.Unreaped(&c.found.Zombies[i])
	}
	noteDeaf(c, groups.PGIDs, p)
	sum := c.run(p)
	c.rep.Summary(sum, c.end())
	return c.end()
}

// groupPolicy is the policy for members of groups.
type groupPolicy struct {
	escalate.NoPolicy
	c      *call
	groups *target.Groups
}

// Exclude implements escalate.Policy.
func (p groupPolicy) Exclude(st *procfs.Stat) string {
	if meant(p.c, p.groups, st) {
		return ""
	}
	return p.c.guard.Brought(st)
}

// IsAncestor implements escalate.Policy.
func (p groupPolicy) IsAncestor(st *procfs.Stat) bool { return meant(p.c, p.groups, st) }

// request reads the operands. own: this process's group, or session, is meant.
func (o *pgkillOptions) request(env *Env, operands []string) (req target.GroupRequest, own bool, err error) {
	req = target.GroupRequest{Of: o.of, Session: o.session}
	var words []string
	for _, word := range operands {
		if word == "0" {
			own = true
		} else {
			words = append(words, word)
		}
	}
	ops, stdin, err := target.ParseOperands(words, env.Stdin)
	if err != nil {
		return req, false, err
	}
	for _, op := range ops {
		switch {
		case op.Form == target.Group && (o.of || o.session):
			err = fmt.Errorf("%s is a process group, and %s is wanted", show.Word(op.Text), o.wanted())
		case (op.Form == target.Handle || op.Form == target.Inode) && !o.of:
			err = fmt.Errorf("%s names a process, and %s is wanted (--of takes processes)", show.Word(op.Text), o.wanted())
		case op.PID == 1 && !o.of:
			err = fmt.Errorf("%s of PID 1 is refused", o.wanted()[2:])
		}
		if err != nil {
			return req, false, err
		}
	}
	if len(operands) == 0 || !own && !stdin && len(ops) == 0 {
		return req, false, fmt.Errorf("no target: give %s, 0 for one's own, or - for standard input", o.wanted())
	}
	req.Operands = ops
	return req, own, nil
}

// wanted names what an operand is to be.
func (o *pgkillOptions) wanted() string {
	switch {
	case o.of:
		return "a process"
	case o.session:
		return "a session"
	}
	return "a process group"
}

// find finds the groups, after this process has left its own if that is
// meant: it is to live on, to wait and to escalate.
func (o *pgkillOptions) find(c *call, req target.GroupRequest, own bool) (*target.Groups, error) {
	if err := c.sameNamespace(); err != nil {
		return nil, err
	}
	self, err := c.env.Proc.Stat(c.env.PID)
	if err != nil {
		return nil, err
	}
	req.OwnGroup = self.PGID
	if own {
		if req.Own = self.PGID; o.session {
			req.Own = self.SID
		}
		if req.Own <= 1 {
			return nil, target.Unnamable(req.Own, o.session)
		}
	}
	if !o.output.dryRun && !c.asks() && (own || isOwn(c, &self, req)) {
		if c.env.Kernel.LeaveGroup() == nil {
			// From now on a terminal takes us for a background job.
			c.env.Kernel.Ignore(signals.TTOU)
		}
		// Else, as a leader, it stays and is spared: then the others are
		// signalled one by one.
	}
	c.guard = target.NewGuard(c.env.Proc, c.env.PID, false)
	return target.ResolveGroups(c.env.Proc, c.env.Kernel, c.guard, req)
}

// isOwn tells whether an operand means the group or session of this process.
func isOwn(c *call, self *procfs.Stat, req target.GroupRequest) bool {
	return slices.ContainsFunc(req.Operands, func(op target.Operand) bool {
		pgid, sid := op.PID, op.PID
		if req.Of {
			st, err := c.env.Proc.Stat(op.PID)
			if err != nil {
				return false
			}
			pgid, sid = st.PGID, st.SID
		}
		if req.Session {
			return sid == self.SID
		}
		return pgid == self.PGID
	})
}

// meant tells an ancestor of this process that is to end with the others.
func meant(c *call, groups *target.Groups, st *procfs.Stat) bool {
	return st.PID != 1 && c.guard.Ancestor(st.PID) && groups.Ancestors(st.PGID)
}

// problems reports the operands that came to nothing.
func (o *pgkillOptions) problems(c *call) {
	if o.of {
		c.problems(o.exited || c.asks())
		return
	}
	for _, p := range c.found.Missing {
		if !o.exited && !c.asks() {
			c.fail(nil, fmt.Errorf("%d: %w", p.Operand.PID, p.Err), exitMissing)
		}
	}
	for _, p := range c.found.Refused {
		if p.Stat.PID != 0 {
			c.fail(&p.Stat, p.Err, exitFailed)
		} else {
			c.fail(nil, fmt.Errorf("%d: %w", p.Operand.PID, p.Err), exitFailed)
		}
	}
}

// alive answers signal 0: one living member is enough.
func (o *pgkillOptions) alive(c *call, groups *target.Groups) int {
	var list []asked
	for _, p := range c.found.Missing {
		list = append(list, asked{procfs.Stat{ID: procfs.ID{PID: p.Operand.PID}}, strconv.Itoa(p.Operand.PID), p.Err.Error()})
	}
	if o.session {
		for _, leader := range groups.Sessions {
			list = append(list, c.askedGroup(leader.PID, func(st *procfs.Stat) bool { return st.SID == leader.PID }))
		}
		return c.answer(list)
	}
	for _, pgid := range groups.PGIDs {
		list = append(list, c.aliveGroup(pgid))
	}
	return c.answer(list)
}

// noteDeaf tells of groups whose members all ignore the first signal: those
// who wait for the next rung will want to know why.
func noteDeaf(c *call, pgids []int, p *escalate.Plan) {
	sig := p.Ladder[0].Signal
	if sig == 0 || sig == signals.KILL || sig == signals.STOP {
		return
	}
	heed := make(map[int]bool)
	ignore := make(map[int]bool)
	for _, t := range p.Targets {
		status, err := c.env.Proc.Status(t.PID)
		switch {
		case errors.Is(err, procfs.ErrNoProcess):
		case err == nil && status.Ignored.Has(int(sig)):
			ignore[t.PGID] = true
		default:
			heed[t.PGID] = true
		}
	}
	for _, pgid := range pgids {
		if ignore[pgid] && !heed[pgid] {
			why := ""
			if sig == signals.INT || sig == signals.QUIT {
				why = ", as the background jobs of a shell without job control do"
			}
			c.rep.Note(fmt.Sprintf("group %d: every member ignores %v%s", pgid, sig, why))
		}
	}
}
