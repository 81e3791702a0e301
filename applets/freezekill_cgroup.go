package applets

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"killbox/internal/cli"
	"killbox/internal/report"
	"killbox/internal/show"
	"killbox/internal/target"
	"killbox/procfs"
)

// errNoCgroup means that the cgroup given by --cgroup does not exist.
var errNoCgroup = errors.New("no such cgroup")

// runCgroup is freezekill --cgroup.
func (o *freezekillOptions) runCgroup(c *cli.Call) int {
	process, err := o.checkCgroup(c)
	if err != nil {
		return cli.UsageError(c.Env, c.Applet.Name, err)
	}
	c.StartReport()
	dir, over := o.resolveCgroup(c, process)
	if over {
		return c.ExitStatus()
	}
	if c.AsksOnly() {
		return reportCgroupAlive(c, o.cgroup)
	}
	p := c.Plan()
	p.Freeze, p.FreezeOrFail, p.Guardian = true, true, !o.noGuard
	p.Prove = o.prove.Value
	p.Cgroup = true
	c.Policy = cgroupPolicy{cli.TreePolicy{Call: c}, dir}
	switch {
	case o.output.DryRun:
		return o.printPlan(c, cli.PlannedTargets(p))
	case o.thaw:
		if err := c.Env.Kernel.ThawCgroup(true); err != nil {
			c.Fail(nil, fmt.Errorf("%s: %w", show.Word(o.cgroup), err), cli.ExitFailed)
			return c.ExitStatus()
		}
		return o.resume(c, cli.PlannedTargets(p))
	case len(c.Found.Processes) == 0 && !c.Found.Vanished:
		return c.ExitStatus()
	}
	return o.endOrHold(c, p)
}

// cgroupPolicy is the policy for the members of a cgroup.
type cgroupPolicy struct {
	cli.TreePolicy
	dir *procfs.CgroupDir
}

// InCgroup implements escalate.Policy.
func (p cgroupPolicy) InCgroup(st *procfs.Stat) bool { return isIn(p.Call.Env.Proc, st, p.dir) }

// checkCgroup checks the options. If the value of --cgroup is a PID or handle, it is returned as process; for a path,
// process is zero.
func (o *freezekillOptions) checkCgroup(c *cli.Call) (process target.Operand, err error) {
	if c.Ladder, err = o.ladder.Ladder(); err != nil {
		return process, err
	}
	if err := c.CheckAsking(); err != nil {
		return process, err
	}
	if !strings.HasPrefix(o.cgroup, "/") {
		process, err = target.ParseOperand(o.cgroup)
		if err == nil && process.Form != target.PID && process.Form != target.Handle {
			err = errors.New("not a PID")
		}
		if err != nil {
			return process, fmt.Errorf("--cgroup: %s is neither a path that begins with a slash nor a PID%s", show.Quoted(o.cgroup), cli.CgroupHint(c.Env, o.cgroup))
		}
	}
	c.Request.Omit, err = o.target.Omitted()
	return process, err
}

// resolveCgroup finds and opens the cgroup and its members. If over is true, the call must exit with ExitStatus.
func (o *freezekillOptions) resolveCgroup(c *cli.Call, process target.Operand) (dir *procfs.CgroupDir, over bool) {
	err := c.CheckNamespace()
	if err == nil && c.Env.Proc == nil {
		err = c.Env.ProcErr
	}
	if err != nil {
		c.Fail(nil, err, cli.ExitFailed)
		return nil, true
	}
	c.Exclusions = target.NewExclusions(c.Env.Proc, c.Env.PID, false)
	dir, err = o.findCgroup(c.Env, process)
	if err == nil {
		err = o.openCgroup(c, dir)
	}
	missing := errors.Is(err, errNoCgroup) || errors.Is(err, procfs.ErrNoProcess)
	switch {
	case missing && o.target.Exited:
		return nil, true
	case missing:
		c.Fail(nil, fmt.Errorf("%s: %w", show.Word(o.cgroup), err), cli.ExitMissing)
		return nil, true
	case err != nil:
		c.Fail(nil, fmt.Errorf("%s: %w", show.Word(o.cgroup), err), cli.ExitFailed)
		return nil, true
	}
	switch {
	case len(c.Found.Processes) > 0 || c.Found.Vanished || o.target.Exited:
	case len(c.Found.Skipped) > 0:
		c.Fail(nil, fmt.Errorf("%s: %w", show.Word(o.cgroup), cli.ExcludedError(c.Found.Skipped)), cli.ExitMissing)
	default:
		c.Fail(nil, fmt.Errorf("%s: no process is in it", show.Word(o.cgroup)), cli.ExitMissing)
	}
	return dir, false
}

// reportCgroupAlive reports for signal 0 whether the cgroup has a living member, and returns the exit status. Members
// in other PID namespaces have no PID here, but the kernel counts them (cgroup.events).
func reportCgroupAlive(c *cli.Call, name string) int {
	if c.ExitStatus() != cli.ExitGone {
		return c.ExitStatus()
	}
	a := c.MembersAlive(0, func(*procfs.Stat) bool { return true })
	a.Name = name
	if empty, err := c.Env.Kernel.CgroupEmpty(0); a.Why != "" && err == nil && !empty {
		a.Why = ""
	}
	return c.ReportAnswers([]cli.Answer{a})
}

// findCgroup returns the cgroup whose path is the value of --cgroup, or the cgroup that the process is in.
func (o *freezekillOptions) findCgroup(env *cli.Env, process target.Operand) (*procfs.CgroupDir, error) {
	hierarchy, err := env.Proc.CgroupHierarchy()
	if err != nil {
		return nil, err
	}
	if process.PID == 0 {
		return hierarchy.Find(o.cgroup)
	}
	st, err := process.Open(env.Kernel)
	if err != nil {
		return nil, err
	}
	dir, err := hierarchy.Of(&st)
	if err != nil {
		return nil, err
	}
	// If the process still exists, its PID was not reused while its cgroup was read.
	if _, err := env.Kernel.Stat(st.ID); err != nil {
		return nil, err
	}
	return dir, nil
}

// isIn reports whether a process is in the cgroup or below it.
func isIn(proc *procfs.FS, st *procfs.Stat, dir *procfs.CgroupDir) bool {
	path, err := proc.UnifiedPath(st)
	return err == nil && dir.Contains(path)
}

// openCgroup opens the cgroup and its members. It refuses a cgroup that must not be frozen: the root, one that contains
// this process, and one that contains a process that is excluded for another reason than --omit.
func (o *freezekillOptions) openCgroup(c *cli.Call, dir *procfs.CgroupDir) error {
	proc, k := c.Env.Proc, c.Env.Kernel
	if dir.Path == "/" {
		return errors.New("the root cgroup is refused")
	}
	switch own, err := proc.UnifiedPath(&procfs.Stat{ID: procfs.ID{PID: c.Env.PID}}); {
	case err != nil:
		return fmt.Errorf("refused: this process may be in it: cannot read its cgroup: %w", err)
	case dir.Contains(own):
		return errors.New("refused: this process is in it")
	}
	if err := k.OpenCgroup(dir.Dir); errors.Is(err, fs.ErrNotExist) {
		return errNoCgroup
	} else if err != nil {
		return err
	}
	pids, outside, err := k.CgroupMembers()
	if err != nil {
		return err
	}
	// Members in other PID namespaces have no PID here and are not opened. With Vanished, the cgroup is frozen even if
	// no member was opened.
	c.Found = &target.Found{Vanished: outside > 0}
	for _, pid := range pids {
		st, err := k.Open(pid)
		switch {
		case errors.Is(err, procfs.ErrNoProcess):
			c.Found.Vanished = true
			continue
		case err != nil:
			c.Fail(&procfs.Stat{ID: procfs.ID{PID: pid}}, err, cli.ExitFailed)
			continue
		}
		in := isIn(proc, &st, dir)
		if _, err := k.Stat(st.ID); !in || err != nil {
			k.Close(st.ID)
			continue
		}
		if reason := c.Exclusions.ExcludeImplied(&st); reason != "" {
			return fmt.Errorf("refused: %s is in it: %s", report.Process(&st), reason)
		}
		if target.Omits(c.Request.Omit, &st) {
			c.Found.Skipped = append(c.Found.Skipped, target.Skip{Stat: st, Reason: "omitted"})
			continue
		}
		c.Found.Processes = append(c.Found.Processes, target.Process{Stat: st})
	}
	return nil
}
