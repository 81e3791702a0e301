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

// Selector holds conditions. It matches a process that meets all of them. The zero value has no condition and matches
// no process.
type Selector struct {
	Name     string          // equal to the base name of the executable, to that of argv[0], or to comm
	Scripts  bool            // Name is also compared with the name of the script that an interpreter runs
	Full     *posixre.Regexp // matches a part of the command line, joined by spaces
	UID      int             // the effective UID, if HasUID
	HasUID   bool
	TTY      uint32 // the controlling terminal as in field 7 of /proc/PID/stat, if HasTTY
	HasTTY   bool
	Group    int           // the PGID, unless 0
	Session  int           // the session ID, unless 0
	Parent   int           // the PPID, unless 0
	Cgroup   string        // this cgroup or one below it
	EnvName  string        // a variable in the environment
	EnvValue string        // the value of the variable, unless EnvAny
	EnvAny   bool          // any value of the variable matches
	State    string        // letters as in ps(1); one of them matches
	Older    time.Duration // the age is Older or more, if HasOlder
	HasOlder bool
	Newer    time.Duration // the age is less than Newer, if HasNewer
	HasNewer bool
	Holders  *Holders // holds the socket, file or mount of --port, --open or --mount
	Owners   *Owners  // an owner mark in the environment names a process that is gone, see Owners
	Exe      *Exe     // the executable, see Exe
	Cwd      *Cwd     // the working directory, see Cwd
	RSSOver  uint64   // the resident memory is larger, in bytes, if HasRSS
	HasRSS   bool
	Pidfile  *Pidfile // the process that the file of --pidfile names, see resolver.addPidfile
	All      bool     // every process
	// Missing is the reason why no process matches: a file, directory, terminal or mount that a condition names does
	// not exist. It is nil if all exist.
	Missing error
	// Unexamined records the processes that may match, but that this process may not examine. It is not a condition.
	Unexamined *Unexamined
	// Zombies means that the selector may match zombies. If Zombies is false, the selector matches zombies only if
	// State contains Z or X.
	Zombies bool
}

// Empty reports whether the selector has no condition.
func (s *Selector) Empty() bool {
	return *s == Selector{Zombies: s.Zombies, Scripts: s.Scripts, Unexamined: s.Unexamined}
}

// OnlyHolders reports whether one of --port, --open and --mount is the only condition. Then a call that ends processes
// returns when nothing holds the object.
func (s *Selector) OnlyHolders() bool {
	others := *s
	others.Holders = nil
	return s.Holders != nil && s.Holders.single() && others.Empty()
}

// Selects reports whether the process meets all conditions but Pidfile. The selector must not be empty. A process that
// cannot be read does not match.
func (s *Selector) Selects(proc *procfs.FS, st *procfs.Stat) bool {
	uptime, err := s.readUptime(proc)
	if err != nil || !s.matchStat(st, uptime) {
		return false
	}
	ok, err := s.MatchFiles(proc, st)
	return ok && err == nil
}

// readUptime returns the time since boot, or 0 if the selector has no condition on the age.
func (s *Selector) readUptime(proc *procfs.FS) (time.Duration, error) {
	if !s.HasOlder && !s.HasNewer {
		return 0, nil
	}
	return proc.Uptime()
}

// matchStat reports whether the process meets the conditions that need only its stat. uptime is the result of
// readUptime.
func (s *Selector) matchStat(st *procfs.Stat, uptime time.Duration) bool {
	switch {
	case s.Missing != nil,
		st.Gone() && !s.Zombies && s.State == "",
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

// MatchFiles reports whether the process meets the conditions that need files of /proc/PID other than stat. If the
// process has ended, or if this process may not read a file, the result is false without an error, as in pgrep(1).
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
			return false, s.Unexamined.add(proc, st, err)
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
	if ok, err := s.matchAccessed(proc, st); !ok {
		return false, err
	}
	return s.matchCounted(proc, st)
}

// matchCounted compares the conditions that count the processes that they cannot examine, if these meet all other
// conditions.
func (s *Selector) matchCounted(proc *procfs.FS, st *procfs.Stat) (bool, error) {
	if s.Holders != nil {
		if ok, err := s.Holders.matches(proc, st); !ok {
			return false, err
		}
	}
	if s.Owners != nil {
		return s.Owners.matches(proc, st)
	}
	return true, nil
}

// maxComm is the length to which the kernel truncates comm: TASK_COMM_LEN less the NUL. The comm of a kernel thread may
// be longer.
const maxComm = 15

// matchName compares the name with the base names of argv[0] and of the executable, with comm, and with the base name
// of the script. If comm is the beginning of one of these base names, comm may be truncated and does not match. The
// error is fs.ErrPermission only if the process may run a script of this name.
func (s *Selector) matchName(proc *procfs.FS, st *procfs.Stat) (bool, error) {
	args, err := proc.Cmdline(st.PID)
	if err != nil {
		return false, dropProcessErrors(err)
	}
	arg0 := ""
	if len(args) > 0 && args[0] != "" {
		// In argv[0] of a login shell a dash precedes the name.
		arg0 = strings.TrimPrefix(path.Base(args[0]), "-")
		if arg0 == s.Name || path.Base(args[0]) == s.Name {
			return true, nil
		}
	}
	exe, err := proc.Exe(st.PID)
	if err != nil {
		if !errors.Is(err, fs.ErrPermission) {
			return false, dropProcessErrors(err)
		}
		exe = ""
	}
	if exe != "" && path.Base(exe) == s.Name {
		return true, nil
	}
	cut := strings.HasPrefix(arg0, st.Comm) || strings.HasPrefix(path.Base(exe), st.Comm) || s.Scripts && shebangScript(args, st.Comm) != ""
	if st.Comm == s.Name && !cut {
		return true, nil
	}
	if !s.Scripts {
		return false, nil
	}
	return s.matchScript(proc, st, args, exe)
}

// inCgroup reports whether one of the cgroups of a process is the cgroup want or below it.
func inCgroup(entries []procfs.CgroupEntry, want string) bool {
	for _, e := range entries {
		if e.Path == want || want == "/" || strings.HasPrefix(e.Path, strings.TrimSuffix(want, "/")+"/") {
			return true
		}
	}
	return false
}

// dropProcessErrors returns nil for an error that concerns one process only: the process has ended, or this process may
// not read its files.
func dropProcessErrors(err error) error {
	if err == nil || errors.Is(err, procfs.ErrNoProcess) || errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return fmt.Errorf("cannot select: %w", err)
}
