package applets

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"killbox/internal/report"
	"killbox/internal/show"
	"killbox/internal/target"
	"killbox/procfs"
)

// unified is a cgroup v2: its path as in /proc/PID/cgroup, and its directory.
type unified struct{ path, dir string }

// contains tells whether a cgroup is this one or below it.
func (u *unified) contains(path string) bool {
	return path == u.path || strings.HasPrefix(path, strings.TrimSuffix(u.path, "/")+"/")
}

// errNoCgroup: the cgroup that was named does not exist.
var errNoCgroup = errors.New("no such cgroup")

// runCgroup is freezekill --cgroup.
func (o *freezekillOptions) runCgroup(c *call) int {
	var err error
	var whom target.Operand
	if c.ladder, err = o.ladder.ladder(); err == nil {
		err = c.askable(o.target.exited)
	}
	if err == nil && !strings.HasPrefix(o.cgroup, "/") {
		whom, err = target.ParseOperand(o.cgroup)
		if err == nil && whom.Form != target.PID && whom.Form != target.Handle {
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
	place, err := o.findCgroup(c.env, whom)
	if err == nil {
		err = o.openCgroup(c, place)
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
	p.Cgroup = true
	c.policy = cgroupPolicy{treePolicy{c: c}, place}
	if o.output.dryRun {
		return o.look(c, planned(p))
	}
	if o.thaw {
		if err := c.env.Kernel.ThawCgroup(true); err != nil {
			c.fail(nil, fmt.Errorf("%s: %w", show.Word(o.cgroup), err), exitFailed)
			return c.end()
		}
		return o.look(c, planned(p))
	}
	if len(c.found.Processes) == 0 && !c.found.Vanished {
		return c.end()
	}
	return o.carryOut(c, p)
}

// cgroupPolicy is the policy for the members of a cgroup.
type cgroupPolicy struct {
	treePolicy
	place *unified
}

// InCgroup implements escalate.Policy.
func (p cgroupPolicy) InCgroup(st *procfs.Stat) bool { return inUnified(p.c.env.Proc, st, p.place) }

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

// findCgroup finds the cgroup that the option names, or that a process is in,
// wherever the hierarchy is mounted.
func (o *freezekillOptions) findCgroup(env *Env, whom target.Operand) (*unified, error) {
	mounts, err := env.Proc.Mounts()
	if err != nil {
		return nil, err
	}
	var v2 []procfs.Mount
	for _, m := range mounts {
		if m.FSType == "cgroup2" {
			v2 = append(v2, m)
		}
	}
	if len(v2) == 0 {
		return nil, errors.New("no cgroup v2 hierarchy is mounted")
	}
	if whom.PID == 0 {
		if place, err := cgroupAt(mounts, o.cgroup); place != nil || err != nil {
			return place, err
		}
		return cgroupNamed(v2, cleanCgroup(filepath.Clean(o.cgroup)))
	}
	st, err := env.Kernel.Open(whom.PID)
	if err == nil {
		err = whom.Verify(&st)
	}
	if err != nil {
		return nil, err
	}
	path, err := unifiedPath(env.Proc, &st)
	if err != nil {
		return nil, err
	}
	// Asked last: if it is still there, the path was its own.
	if _, err := env.Kernel.Stat(st.ID); err != nil {
		return nil, err
	}
	return cgroupNamed(v2, path)
}

// cgroupAt takes the path for a folder of a mounted hierarchy; nil if it is
// none.
func cgroupAt(mounts []procfs.Mount, path string) (*unified, error) {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, nil
	}
	var at *procfs.Mount
	for i := range mounts {
		m := &mounts[i]
		if path != m.Point && !strings.HasPrefix(path, strings.TrimSuffix(m.Point, "/")+"/") {
			continue
		}
		if at == nil || len(m.Point) >= len(at.Point) {
			at = m
		}
	}
	switch {
	case at == nil:
		return nil, nil
	case at.FSType == "cgroup":
		return nil, errors.New("is of cgroup v1, which cannot be frozen and killed as a whole: only v2 can")
	case at.FSType != "cgroup2":
		return nil, nil
	case strings.HasPrefix(at.Root, "/.."):
		return nil, errors.New("is outside of this cgroup namespace")
	}
	return &unified{path: filepath.Join(at.Root, strings.TrimPrefix(path, at.Point)), dir: path}, nil
}

// cgroupNamed finds the folder of a path as in /proc/PID/cgroup.
func cgroupNamed(v2 []procfs.Mount, path string) (*unified, error) {
	if strings.HasPrefix(path, "/..") {
		return nil, errors.New("is outside of this cgroup namespace")
	}
	for _, m := range v2 {
		mounted := unified{path: m.Root}
		if strings.HasPrefix(m.Root, "/..") || !mounted.contains(path) {
			continue
		}
		return &unified{path: path, dir: filepath.Join(m.Point, strings.TrimPrefix(path, m.Root))}, nil
	}
	return nil, fmt.Errorf("cgroup %s is not below any mount of the hierarchy", show.Word(path))
}

// unifiedPath returns where in the v2 hierarchy a process is.
func unifiedPath(proc *procfs.FS, st *procfs.Stat) (string, error) {
	entries, err := proc.Cgroups(st)
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		if e.V2() {
			return e.Path, nil
		}
	}
	return "", errors.New("is in no cgroup v2")
}

func inUnified(proc *procfs.FS, st *procfs.Stat, place *unified) bool {
	path, err := unifiedPath(proc, st)
	return err == nil && place.contains(path)
}

// openCgroup pins the cgroup and its members, unless it is one that must not
// be frozen.
func (o *freezekillOptions) openCgroup(c *call, place *unified) error {
	proc, k := c.env.Proc, c.env.Kernel
	if place.path == "/" {
		return errors.New("the root cgroup is refused")
	}
	switch own, err := unifiedPath(proc, &procfs.Stat{ID: procfs.ID{PID: c.env.PID}}); {
	case err != nil:
		return fmt.Errorf("refused: this process may be in it: its own cgroup: %w", err)
	case place.contains(own):
		return errors.New("refused: this process is in it")
	}
	if err := k.OpenCgroup(place.dir); errors.Is(err, fs.ErrNotExist) {
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
		in := inUnified(proc, &st, place)
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
