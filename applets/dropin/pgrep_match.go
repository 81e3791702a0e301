package dropin

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"killbox/internal/cli"
	"killbox/internal/posixre"
	"killbox/procfs"
)

// namespaceKinds returns the types of namespaces, as named in /proc/PID/ns.
func namespaceKinds() []string {
	return []string{"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"}
}

// pgrepMatcher matches processes against the pattern and the other conditions.
type pgrepMatcher struct {
	o         *pgrepOptions
	proc      *procfs.FS
	pattern   *posixre.Regexp // nil without a pattern
	namespace []string        // the namespaces of --ns, in the order of o.nsKinds; empty if the kernel lacks one
	uptime    int64           // in clock ticks, with --older
}

func newPgrepMatcher(o *pgrepOptions, pattern *string) (*pgrepMatcher, error) {
	m := &pgrepMatcher{o: o, proc: o.env.Proc}
	if pattern != nil {
		text := *pattern
		if o.exact {
			text = "^(" + text + ")$"
		}
		var err error
		if m.pattern, err = posixre.Compile(text, o.ignoreCase); err != nil {
			return nil, badValue("regex error: %v", err)
		}
	}
	if o.nsPID != 0 {
		for _, kind := range o.nsKinds {
			ns, err := m.proc.Namespace(int(o.nsPID), kind)
			if err != nil {
				if len(o.nsKinds) == len(namespaceKinds()) && m.lacks(kind) {
					ns = "" // a kernel without time namespaces
				} else {
					return nil, &usageError{text: "Error reading reference namespace information", code: cli.ExitFailed}
				}
			}
			m.namespace = append(m.namespace, ns)
		}
	}
	if o.older != nil {
		up, err := m.proc.Uptime()
		if err != nil {
			return nil, &usageError{text: fmt.Sprintf("cannot tell ages: %v", err), code: cli.ExitFailed}
		}
		m.uptime = int64(up / procfs.Ticks(1))
	}
	return m, nil
}

// lacks reports whether the kernel has no namespaces of this type.
func (m *pgrepMatcher) lacks(kind string) bool {
	_, err := m.proc.Namespace(m.o.env.PID, kind)
	return errors.Is(err, procfs.ErrNoProcess)
}

// Match reports whether the process meets the conditions or, with --inverse, does not. A process that has vanished
// never matches.
func (m *pgrepMatcher) Match(st *procfs.Stat) bool { return m.matchThread(st, st.PID) }

// matchThread is Match for st, a thread of the process pid.
func (m *pgrepMatcher) matchThread(st *procfs.Stat, pid int) bool {
	ok, err := m.matchAll(st, pid)
	if errors.Is(err, procfs.ErrNoProcess) {
		return false
	}
	return (ok && err == nil) != m.o.inverse
}

// matchAll reports whether st, a thread of the process pid, meets all conditions. A condition is not met if its file in
// /proc cannot be read.
func (m *pgrepMatcher) matchAll(st *procfs.Stat, pid int) (bool, error) {
	if !m.matchStat(st, pid) {
		return false, nil
	}
	if ok, err := m.matchStatus(st); !ok {
		return false, err
	}
	if ok, err := m.matchMembership(st); !ok {
		return false, err
	}
	if m.pattern == nil {
		return true, nil
	}
	text, err := printable(st.Comm), error(nil)
	if m.o.full {
		text, err = m.commandLine(st)
	}
	return err == nil && m.pattern.MatchString(text), err
}

// matchStat checks the conditions on /proc/PID/stat.
func (m *pgrepMatcher) matchStat(st *procfs.Stat, pid int) bool {
	o := m.o
	const ticks = 100
	switch {
	case o.parents != nil && !slices.Contains(o.parents, int64(st.PPID)),
		o.pids != nil && !slices.Contains(o.pids, int64(pid)),
		o.groups != nil && !slices.Contains(o.groups, int64(st.PGID)),
		o.sessions != nil && !slices.Contains(o.sessions, int64(st.SID)),
		o.terminals != nil && !onTerminal(o.terminals, st.TTY),
		o.states != nil && strings.IndexByte(*o.states, st.State) < 0,
		o.older != nil && (m.uptime-int64(st.Start))/ticks < *o.older:
		return false
	}
	return true
}

// matchStatus checks users, groups and signal handlers, which are in /proc/PID/status.
func (m *pgrepMatcher) matchStatus(st *procfs.Stat) (bool, error) {
	o := m.o
	if o.euids != nil || o.ruids != nil || o.rgids != nil || o.handler {
		status, err := m.proc.Status(st.PID)
		switch {
		case err != nil:
			return false, err
		case o.euids != nil && !slices.Contains(o.euids, int64(status.UID[1])),
			o.ruids != nil && !slices.Contains(o.ruids, int64(status.UID[0])),
			o.rgids != nil && !slices.Contains(o.rgids, int64(status.GID[0])),
			o.handler && !status.Caught.Has(int(o.signalSent())):
			return false, nil
		}
	}
	return true, nil
}

// matchMembership checks namespaces, cgroups and the environment.
func (m *pgrepMatcher) matchMembership(st *procfs.Stat) (bool, error) {
	o := m.o
	for i, want := range m.namespace {
		if want == "" {
			continue
		}
		if ns, err := m.proc.Namespace(st.PID, o.nsKinds[i]); err != nil || ns != want {
			return false, err
		}
	}
	if o.cgroups != nil {
		entries, err := m.proc.Cgroups(st)
		is := func(e procfs.CgroupEntry) bool { return e.V2() && slices.Contains(o.cgroups, e.Path) }
		if err != nil || !slices.ContainsFunc(entries, is) {
			return false, err
		}
	}
	if o.envs != nil {
		environ, err := m.proc.EnvironBytes(st.PID)
		has := func(entry string) bool {
			name, value, given := strings.Cut(entry, "=")
			return procfs.HasEnv(environ, name, value, !given)
		}
		if err != nil || !slices.ContainsFunc(o.envs, has) {
			return false, err
		}
	}
	return true, nil
}

// onTerminal reports whether tty has one of the names, with or without /dev/.
func onTerminal(names []string, tty uint32) bool {
	own := procfs.TTYName(tty)
	return slices.ContainsFunc(names, func(name string) bool { return strings.TrimPrefix(name, "/dev/") == own })
}

// commandLine returns the command line as ps(1) shows it. A process without a command line is shown by its name in
// brackets.
func (m *pgrepMatcher) commandLine(st *procfs.Stat) (string, error) {
	args, err := m.proc.Cmdline(st.PID)
	if err != nil {
		return "", err
	}
	switch line := strings.TrimRight(strings.Join(args, " "), " "); {
	case line != "":
		return printable(line), nil
	case st.State == 'Z':
		return "[" + printable(st.Comm) + "] <defunct>", nil
	}
	return "[" + printable(st.Comm) + "]", nil
}

// quotedLine returns the command line, quoted so that a shell reads the same words. It is empty if the process has
// none.
func (m *pgrepMatcher) quotedLine(st *procfs.Stat) (string, error) {
	args, err := m.proc.Cmdline(st.PID)
	if err != nil || len(args) == 0 {
		return "", err
	}
	for i, arg := range args {
		args[i] = shellQuote(arg)
	}
	return strings.Join(args, " "), nil
}
