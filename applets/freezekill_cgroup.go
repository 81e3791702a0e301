package applets

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"killbox/internal/escalate"
	"killbox/internal/report"
	"killbox/internal/show"
	"killbox/internal/target"
	"killbox/procfs"
)

// errNoCgroup: the cgroup that was named does not exist.
var errNoCgroup = errors.New("no such cgroup")

// runCgroup is freezekill --cgroup.
func (o *freezekillOptions) runCgroup(c *call) int {
	var err error
	var process target.Operand
	if c.ladder, err = o.ladder.ladder(); err == nil {
		err = c.askable(o.target.exited)
	}
	if err == nil && !strings.HasPrefix(o.cgroup, "/") {
		process, err = target.ParseOperand(o.cgroup)
		if err == nil && process.Form != target.PID && process.Form != target.Handle {
			err = errors.New("it is neither a path that begins with a slash nor a PID")
		}
		if err != nil {
			err = fmt.Errorf("--cgroup: %s: %w", show.Quoted(o.cgroup), err)
		}
	}
	if err == nil {
		c.req.Omit, err = o.target.omitted()
	}
	if err != nil {
		return usageError(c.env, c.applet.Name, err)
	}
	c.rep = c.reporter()
	if err = c.sameNamespace(); err == nil && c.env.Proc == nil {
		err = c.env.ProcErr
	}
	if err != nil {
		c.fail(nil, err, exitFailed)
		return c.end()
	}
	c.guard = target.NewGuard(c.env.Proc, c.env.PID, false)
	dir, err := o.findCgroup(c.env, process)
	if err == nil {
		err = o.openCgroup(c, dir)
	}
	missing := errors.Is(err, errNoCgroup) || errors.Is(err, procfs.ErrNoProcess)
	switch {
	case missing && o.target.exited:
		return c.end()
	case err != nil:
		code := exitFailed
		if missing {
			code = exitMissing
		}
		c.fail(nil, fmt.Errorf("%s: %w", show.Word(o.cgroup), err), code)
		return c.end()
	}
	if len(c.found.Processes)+len(c.found.Skipped) == 0 && !o.target.exited && !c.found.Vanished {
		c.fail(nil, fmt.Errorf("%s: no process is in it", show.Word(o.cgroup)), exitMissing)
	}
	if c.asks() && !o.output.dryRun {
		return aliveCgroup(c, o.cgroup)
	}
	p := c.plan()
	p.Freeze, p.FreezeOrFail, p.Guardian = true, true, !o.noGuard
	p.Prove = o.prove.d
	p.Cgroup = &escalate.CgroupPlan{
		Cgroup:   c.env.Kernel,
		Contains: func(st *procfs.Stat) bool { return isIn(c.env.Proc, st, dir) },
		Guard:    c.brought,
	}
	if o.output.dryRun {
		return o.printPlan(c, planned(p))
	}
	if o.thaw {
		if err := c.env.Kernel.ThawCgroup(true); err != nil {
			c.fail(nil, fmt.Errorf("%s: %w", show.Word(o.cgroup), err), exitFailed)
			return c.end()
		}
		return o.resume(c, planned(p))
	}
	if len(c.found.Processes) == 0 && !c.found.Vanished {
		return c.end()
	}
	return o.carryOut(c, p)
}

// aliveCgroup answers signal 0 for a cgroup: one living member is enough. Members in other PID namespaces
// have no PID here, but the kernel counts them.
func aliveCgroup(c *call, name string) int {
	if c.end() != exitGone {
		return c.end()
	}
	a := c.askedGroup(0, func(*procfs.Stat) bool { return true })
	a.name = name
	if empty, err := c.env.Kernel.CgroupEmpty(0); a.why != "" && err == nil && !empty {
		a.why = ""
	}
	return c.answer([]asked{a})
}

// findCgroup finds the cgroup that the option names, or that a process is in.
func (o *freezekillOptions) findCgroup(env *Env, process target.Operand) (*procfs.CgroupDir, error) {
	if process.PID == 0 {
		return env.Proc.FindCgroup(o.cgroup)
	}
	st, err := env.Kernel.Open(process.PID)
	if err == nil {
		err = process.Verify(&st)
	}
	if err != nil {
		return nil, err
	}
	dir, err := env.Proc.CgroupOf(&st)
	if err != nil {
		return nil, err
	}
	// Asked last: if the process still exists, the cgroup is its own.
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

// openCgroup pins the cgroup and its members, unless it is one that must not
// be frozen.
func (o *freezekillOptions) openCgroup(c *call, dir *procfs.CgroupDir) error {
	proc, k := c.env.Proc, c.env.Kernel
	if dir.Path == "/" {
		return errors.New("the root cgroup is refused")
	}
	switch own, err := proc.UnifiedPath(&procfs.Stat{ID: procfs.ID{PID: c.env.PID}}); {
	case err != nil:
		return fmt.Errorf("refused: this process may be in it: its own cgroup: %w", err)
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
	// Whoever is not found here may be found when it is frozen.
	c.found = &target.Found{Vanished: outside > 0}
	for _, pid := range pids {
		st, err := k.Open(pid)
		switch {
		case errors.Is(err, procfs.ErrNoProcess):
			c.found.Vanished = true
			continue
		case err != nil:
			c.fail(&procfs.Stat{ID: procfs.ID{PID: pid}}, err, exitFailed)
			continue
		}
		in := isIn(proc, &st, dir)
		if _, err := k.Stat(st.ID); !in || err != nil {
			k.Close(st.ID)
			continue
		}
		if reason := c.guard.Brought(&st); reason != "" {
			return fmt.Errorf("refused: %s is in it: %s", report.Process(&st), reason)
		}
		if target.Omits(c.req.Omit, &st) {
			c.found.Skipped = append(c.found.Skipped, target.Skip{Stat: st, Reason: "omitted"})
			continue
		}
		c.found.Processes = append(c.found.Processes, target.Process{Stat: st})
	}
	return nil
}
