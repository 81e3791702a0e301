package target

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"killbox/internal/posixre"
	"killbox/procfs"
)

// Selector holds the conditions that a process must meet, all of them. The
// zero value has none, and selects nothing.
type Selector struct {
	Name     string          // executable's or argv[0]'s base name, or comm
	Full     *posixre.Regexp // on the command line, joined by spaces
	UID      int             // effective; with HasUID
	HasUID   bool
	TTY      uint32 // as in field 7 of /proc/PID/stat; with HasTTY
	HasTTY   bool
	Group    int // 0: none
	Session  int
	Parent   int
	Cgroup   string // this one or below it
	EnvName  string
	EnvValue string
	EnvAny   bool // whatever the value
	State    string
	Older    time.Duration // at least that old; with HasOlder
	HasOlder bool
	Newer    time.Duration // not as old; with HasNewer
	HasNewer bool
	Pidfile  *Pidfile // of --pidfile, see resolver.addPidfile
	All      bool     // every process
	// Zombies: zombies match as well. Without it they match only if State asks for them.
	Zombies bool
}

// Empty reports whether there is no condition.
func (s *Selector) Empty() bool { return *s == Selector{Zombies: s.Zombies} }

// Selects reports whether the process meets all conditions. The selector must not be empty. A process that cannot be
// read does not meet them.
func (s *Selector) Selects(proc *procfs.FS, st *procfs.Stat) bool {
	uptime, err := s.readUptime(proc)
	if err != nil || !s.matchStat(st, uptime) {
		return false
	}
	ok, err := s.MatchFiles(proc, st)
	return ok && err == nil
}

// readUptime returns the time since boot, for matchStat. It is 0 if no condition on the age needs it.
func (s *Selector) readUptime(proc *procfs.FS) (time.Duration, error) {
	if !s.HasOlder && !s.HasNewer {
		return 0, nil
	}
	return proc.Uptime()
}

// matchStat reports whether the process meets the conditions that stat alone decides. uptime is what readUptime
// returned.
func (s *Selector) matchStat(st *procfs.Stat, uptime time.Duration) bool {
	switch {
	case st.Gone() && !s.Zombies && s.State == "",
		s.HasTTY && (st.TTY != s.TTY || st.Hidden()),
		s.Group != 0 && st.PGID != s.Group,
		s.Session != 0 && st.SID != s.Session,
		s.Parent != 0 && st.PPID != s.Parent,
		s.State != "" && strings.IndexByte(s.State, st.State) < 0:
		return false
	}
	if !s.HasOlder && !s.HasNewer {
		return true
	}
	if st.Hidden() {
		return false // its age is not known
	}
	age := max(uptime-procfs.Ticks(st.Start), 0)
	return (!s.HasOlder || age >= s.Older) && (!s.HasNewer || age < s.Newer)
}

// MatchFiles reports whether the process meets the conditions that stat does not decide. A file that has vanished,
// or that this process may not read, is no match and no error, as for pgrep(1).
func (s *Selector) MatchFiles(proc *procfs.FS, st *procfs.Stat) (bool, error) {
	if s.HasUID {
		status, err := proc.Status(st.PID)
		if err != nil || status.UID[1] != s.UID {
			return false, dropProcessErrors(err)
		}
	}
	if s.Name != "" && (st.Comm != s.Name || len(st.Comm) == maxComm) {
		ok, err := s.matchName(proc, st)
		if !ok {
			return false, dropProcessErrors(err)
		}
	}
	if s.Full != nil {
		args, err := proc.Cmdline(st.PID)
		if err != nil {
			return false, dropProcessErrors(err)
		}
		line := strings.Join(args, " ")
		if len(args) == 0 {
			line = st.Comm // zombies and kernel threads
		}
		if !s.Full.MatchString(line) {
			return false, nil
		}
	}
	if s.Cgroup != "" {
		entries, err := proc.Cgroups(st)
		if err != nil || !inCgroup(entries, s.Cgroup) {
			return false, dropProcessErrors(err)
		}
	}
	if s.EnvName != "" {
		env, err := proc.EnvironBytes(st.PID)
		if err != nil || !procfs.HasEnv(env, s.EnvName, s.EnvValue, s.EnvAny) {
			return false, dropProcessErrors(err)
		}
	}
	return true, nil
}

// maxComm is the length to which the kernel truncates comm (TASK_COMM_LEN less the
// final NUL); kernel threads have longer ones.
const maxComm = 15

// matchName compares the name with the base names of argv[0] and of the executable, and with comm. If comm is a prefix
// of either base name it may be truncated, and does not count.
func (s *Selector) matchName(proc *procfs.FS, st *procfs.Stat) (bool, error) {
	args, err := proc.Cmdline(st.PID)
	if err != nil {
		return false, err
	}
	arg0 := ""
	if len(args) > 0 && args[0] != "" {
		// A login shell has a dash before its name, which is no part of it.
		arg0 = strings.TrimPrefix(path.Base(args[0]), "-")
		if arg0 == s.Name || path.Base(args[0]) == s.Name {
			return true, nil
		}
	}
	exe, err := proc.Exe(st.PID)
	if err != nil {
		if !errors.Is(err, fs.ErrPermission) {
			return false, err
		}
		exe = ""
	}
	if exe != "" && path.Base(exe) == s.Name {
		return true, nil
	}
	cut := strings.HasPrefix(arg0, st.Comm) || strings.HasPrefix(path.Base(exe), st.Comm)
	return st.Comm == s.Name && !cut, nil
}

// inCgroup reports whether one of the cgroups is want or below it.
func inCgroup(entries []procfs.CgroupEntry, want string) bool {
	for _, e := range entries {
		if e.Path == want || want == "/" || strings.HasPrefix(e.Path, strings.TrimSuffix(want, "/")+"/") {
			return true
		}
	}
	return false
}

// dropProcessErrors drops an error that concerns one process only: it has ended, or this process may not read it.
func dropProcessErrors(err error) error {
	if err == nil || errors.Is(err, procfs.ErrNoProcess) || errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return fmt.Errorf("cannot select: %w", err)
}
