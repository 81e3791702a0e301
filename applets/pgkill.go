package applets

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"time"

	"killbox/internal/cli"
	"killbox/internal/escalate"
	"killbox/internal/report"
	"killbox/internal/show"
	"killbox/internal/target"
	"killbox/procfs"

	"github.com/spf13/pflag"
)

func pgkill() *cli.Applet {
	return &cli.Applet{
		Name:    "pgkill",
		Summary: "end process groups and sessions",
		Usage:   "[OPTION]... PGID...\n       pgkill --of [OPTION]... PID...\n       pgkill -S [OPTION]... SID...",
		Examples: "  pgkill 4242\tend process group 4242\n" +
			"  pgkill --of 4242\tend the group of process 4242\n",
		Statuses: cli.StatusHelp + cli.UnprovedHelp + cli.UnfinishedHelp,
		New: func(a *cli.Applet) (*pflag.FlagSet, cli.Run) {
			flags := cli.NewFlagSet()
			o := &pgkillOptions{prove: cli.Duration{Value: time.Second}}
			o.ladder.AddTo(flags)
			flags.Var(&o.prove, "prove", "try for DUR to prove that no process escaped")
			o.mixed.AddTo(flags, "the leaders")
			cli.Group(flags, cli.GroupLadder)
			flags.BoolVar(&o.of, "of", false, "the operands are processes: end their groups")
			flags.BoolVarP(&o.session, "session", "S", false, "the operands are sessions: end all their groups")
			flags.BoolVarP(&o.exited, "exited", "e", false, "exit 0 if a group does not exist")
			cli.Group(flags, cli.GroupTargets)
			o.output.AddTo(flags)
			return flags, func(env *cli.Env, operands []string) int { return o.run(env, a, operands) }
		},
	}
}

type pgkillOptions struct {
	ladder cli.LadderOptions
	output cli.OutputOptions
	mixed  cli.MixedOption

	of, session, exited bool
	prove               cli.Duration
}

func (o *pgkillOptions) run(env *cli.Env, a *cli.Applet, operands []string) int {
	c := &cli.Call{Env: env, Applet: a, Ladders: &o.ladder, Outputs: &o.output}
	var err error
	var own bool
	var req target.GroupRequest
	if c.Ladder, err = o.ladder.Ladder(); err == nil {
		err = c.CheckAsking()
	}
	if err == nil {
		err = o.mixed.Check(&o.ladder, false)
	}
	if err == nil {
		req, own, err = o.request(env, operands)
	}
	if err != nil {
		return cli.UsageError(env, a.Name, err)
	}
	c.StartReport()
	if env.Proc == nil {
		c.Fail(nil, env.ProcErr, cli.ExitFailed)
		return c.ExitStatus()
	}
	groups, err := o.resolveGroups(c, req, own)
	if err != nil {
		c.Fail(nil, err, cli.ExitFailed)
		return c.ExitStatus()
	}
	c.Found = &groups.Found
	o.reportProblems(c)
	if len(req.Operands) == 0 && !own && !o.exited {
		c.Fail(nil, cli.ErrNothing, cli.ExitMissing)
	}
	o.reportExcluded(c)
	if c.AsksOnly() {
		return o.reportAlive(c, groups)
	}
	p := c.Plan()
	p.Groups = &escalate.Groups{PGIDs: groups.PGIDs, Sessions: groups.Sessions}
	c.Policy = groupPolicy{c: c, groups: groups}
	p.Prove = o.prove.Value
	o.mixed.ApplyToGroups(p, o.session)
	if o.output.DryRun {
		list := cli.PlannedTargets(p)
		for _, st := range c.Found.Zombies {
			list = append(list, report.Planned{Stat: st, Root: !o.output.Handles})
		}
		sort.Stable(report.ByPID(list))
		o.mixed.MarkSteps(list)
		c.PrintPlan(list, p.Ladder)
		o.reportHidden(c, list, groups)
		return c.ExitStatus()
	}
	for i := range c.Found.Zombies {
		c.Report.Unreaped(&c.Found.Zombies[i])
	}
	sum := c.Run(p)
	c.Report.Summary(sum, c.ExitStatus())
	return c.ExitStatus()
}

// groupPolicy is the policy for members of the groups that pgkill ends.
type groupPolicy struct {
	escalate.NoPolicy
	c      *cli.Call
	groups *target.Groups
}

// Exclude implements escalate.Policy.
func (p groupPolicy) Exclude(st *procfs.Stat) string {
	if isTargetAncestor(p.c, p.groups, st) {
		return ""
	}
	return p.c.Exclusions.ExcludeImplied(st)
}

// IsAncestor implements escalate.Policy.
func (p groupPolicy) IsAncestor(st *procfs.Stat) bool { return isTargetAncestor(p.c, p.groups, st) }

// request parses the operands. own reports whether one of them is 0: the group, or with --session the session, of this
// process.
func (o *pgkillOptions) request(env *cli.Env, operands []string) (req target.GroupRequest, own bool, err error) {
	req = target.GroupRequest{OfProcesses: o.of, Sessions: o.session}
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
		return req, false, cli.ExplainOperand(o.ladder.Flags, err)
	}
	for _, op := range ops {
		switch {
		case op.Form == target.Group && (o.of || o.session):
			err = fmt.Errorf("%s is a process group, not %s", show.Word(op.Text), o.operandKind())
		case (op.Form == target.Handle || op.Form == target.Inode) && !o.of:
			err = fmt.Errorf("%s is the handle of a process, not %s (--of takes processes)", show.Word(op.Text), o.operandKind())
		case op.PID == 1 && !o.of:
			err = fmt.Errorf("%s of PID 1 is refused", o.operandKind()[2:])
		}
		if err != nil {
			return req, false, err
		}
	}
	if len(operands) == 0 || !own && !stdin && len(ops) == 0 {
		return req, false, fmt.Errorf("no target: give %s, 0 for the caller's own, or - for standard input", o.operandKind())
	}
	req.Operands = ops
	return req, own, nil
}

// operandKind returns the kind of the operands, with its article, for a message.
func (o *pgkillOptions) operandKind() string {
	switch {
	case o.of:
		return "a process"
	case o.session:
		return "a session"
	}
	return "a process group"
}

// resolveGroups finds and opens the groups. If the group of this process is one of them, this process leaves the group
// first, so that the signal to the group does not end this process in the middle of the ladder.
func (o *pgkillOptions) resolveGroups(c *cli.Call, req target.GroupRequest, own bool) (*target.Groups, error) {
	if err := c.CheckNamespace(); err != nil {
		return nil, err
	}
	self, err := c.Env.Proc.Stat(c.Env.PID)
	if err != nil {
		return nil, err
	}
	req.OwnGroup = self.PGID
	if own {
		if req.Own = self.PGID; o.session {
			req.Own = self.SID
		}
		if req.Own <= 1 {
			return nil, target.UnusableNumberError(req.Own, o.session)
		}
	}
	if !o.output.DryRun && !c.AsksOnly() && (own || namesOwnGroup(c, &self, req)) {
		// If this process leads its group, LeaveGroup fails. Then this process is excluded, and the other members are
		// signalled one by one.
		_ = c.Env.LeaveGroup()
	}
	c.Exclusions = target.NewExclusions(c.Env.Proc, c.Env.PID, false)
	return target.ResolveGroups(c.Env.Proc, c.Env.Kernel, c.Exclusions, req)
}

// namesOwnGroup reports whether an operand names the group, or with --session the session, of this process.
func namesOwnGroup(c *cli.Call, self *procfs.Stat, req target.GroupRequest) bool {
	return slices.ContainsFunc(req.Operands, func(op target.Operand) bool {
		pgid, sid := op.PID, op.PID
		if req.OfProcesses {
			st, err := c.Env.Proc.Stat(op.PID)
			if err != nil {
				return false
			}
			pgid, sid = st.PGID, st.SID
		}
		if req.Sessions {
			return sid == self.SID
		}
		return pgid == self.PGID
	})
}

// isTargetAncestor reports whether a process is an ancestor of this process and nevertheless a target: it is in the
// group that this process was started in, and that group was given as an operand.
func isTargetAncestor(c *cli.Call, groups *target.Groups, st *procfs.Stat) bool {
	return st.PID != 1 && c.Exclusions.IsAncestor(st.PID) && groups.TargetsAncestors(st.PGID)
}

// reportProblems reports the operands that yield no target: missing or refused.
func (o *pgkillOptions) reportProblems(c *cli.Call) {
	if o.of {
		c.ReportProblems(o.exited || c.AsksOnly())
		return
	}
	for _, p := range c.Found.Missing {
		if !o.exited && !c.AsksOnly() {
			c.Fail(nil, fmt.Errorf("%d: %w", p.Operand.PID, p.Err), cli.ExitMissing)
		}
	}
	for _, p := range c.Found.Refused {
		if p.Stat.PID != 0 {
			c.Fail(&p.Stat, p.Err, cli.ExitFailed)
		} else {
			c.Fail(nil, fmt.Errorf("%d: %w", p.Operand.PID, p.Err), cli.ExitFailed)
		}
	}
}

// reportExcluded reports that all members of the groups are excluded. A group of which only this process remains is no
// error: a script may end with "pgkill 0".
func (o *pgkillOptions) reportExcluded(c *cli.Call) {
	found := c.Found
	isOther := func(s target.Skip) bool { return s.PID != c.Env.PID }
	if slices.ContainsFunc(found.Skipped, isOther) && len(found.Processes)+len(found.Zombies)+len(found.Missing)+len(found.Refused) == 0 && !o.exited && !c.AsksOnly() {
		c.Fail(nil, cli.ExcludedError(found.Skipped), cli.ExitMissing)
	}
}

// reportHidden reports the groups of which a dry run shows no member: a real call signals such a group as a whole.
// Without a member there is no handle, so --handles fails.
func (o *pgkillOptions) reportHidden(c *cli.Call, list []report.Planned, groups *target.Groups) {
	for _, pgid := range groups.PGIDs {
		shown := func(p report.Planned) bool { return p.PGID == pgid }
		switch {
		case slices.ContainsFunc(list, shown) || !c.Env.Kernel.GroupLives(pgid, nil):
		case o.output.Handles:
			c.Fail(nil, cli.HiddenGroupError(pgid), cli.ExitFailed)
		default:
			c.Report.Note(cli.HiddenGroupError(pgid).Error() + ": it would be signalled as a whole")
		}
	}
}

// reportAlive reports for signal 0 which groups or sessions are alive, and returns the exit status. A group or session
// is alive if one member is.
func (o *pgkillOptions) reportAlive(c *cli.Call, groups *target.Groups) int {
	var list []cli.Answer
	for _, p := range c.Found.Missing {
		list = append(list, cli.Answer{Stat: procfs.Stat{ID: procfs.ID{PID: p.Operand.PID}}, Name: strconv.Itoa(p.Operand.PID), Why: p.Err.Error()})
	}
	if o.session {
		for _, leader := range groups.Sessions {
			list = append(list, c.MembersAlive(leader.PID, func(st *procfs.Stat) bool { return st.SID == leader.PID }))
		}
		return c.ReportAnswers(list)
	}
	for _, pgid := range groups.PGIDs {
		list = append(list, c.GroupAlive(pgid))
	}
	return c.ReportAnswers(list)
}
