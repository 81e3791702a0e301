package dropin

import (
	"os"
	"slices"
	"strings"

	"killbox/internal/escalate"
	"killbox/internal/show"
	"killbox/internal/target"
	"killbox/procfs"
)

// signalByName signals the processes with this name that have the caller's real user ID, or with --all those of all
// users. It never signals this process.
func (c *killCall) signalByName(name string) {
	missing := func() {
		c.failed++
		hint := ""
		if strings.HasPrefix(name, "%") {
			hint = " (only the shell knows its jobs: use its own kill)"
		}
		c.say("cannot find process \"%s\"%s", show.Word(name), hint)
	}
	if name == "" {
		missing()
		return
	}
	if c.env.Proc == nil {
		c.failOperand(name, c.env.ProcErr)
		return
	}
	if err := c.env.CheckNamespace(); err != nil {
		c.failOperand(name, err)
		return
	}
	s := target.Selector{Name: name, Zombies: true}
	if !c.all {
		s.UID, s.HasUID = os.Getuid(), true
	}
	matches := func(st *procfs.Stat) bool {
		ok, err := s.MatchFiles(c.env.Proc, st)
		return ok && err == nil
	}
	pids, err := c.env.Proc.PIDs(nil)
	if err != nil {
		c.failOperand(name, err)
		return
	}
	slices.Sort(pids)
	found := false
	for _, pid := range pids {
		st, err := c.env.Proc.Stat(pid)
		if err != nil || pid == c.env.PID {
			continue
		}
		if !matches(&st) {
			continue
		}
		if !c.isTarget(st.ID) {
			if ok, err := openMatching(c.env, &st, matches); !ok || err != nil {
				continue
			}
		}
		found = true
		c.signalOpened(name, st.ID)
	}
	if !found {
		missing()
	}
}

// isTarget reports whether an earlier operand has made the process a target of --timeout. Such a process is open and
// must stay open: openMatching would close it if the process no longer had the name.
func (c *killCall) isTarget(id procfs.ID) bool {
	return slices.ContainsFunc(c.targets, func(t escalate.Target) bool { return t.ID == id })
}
