package target

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"killbox/procfs"
)

// prefilter rejects most of the processes that a selector does not match, without reading /proc/PID/stat. Of the small
// files in /proc/PID, stat takes the longest to read. A process that passes is then compared with all conditions.
type prefilter struct {
	*Selector
	// pidfdInfo returns, without reading /proc, the parent and the effective UID of a process. It is nil if the kernel
	// cannot do that, or if no condition needs it (see Scanner.PidfdInfoReader).
	pidfdInfo func(pid int) (ppid, euid int, err error)
	name      []byte // nil if mayMatch does not compare names
}

// prefilter returns the PIDs of the processes that the selector may match, in ascending order. ok is false if a
// prefilter would not be faster than a scan of the process table, or if /proc cannot be read.
func (r *resolver) prefilter() (pids []int, ok bool) {
	if r.proc == nil || r.table != nil {
		return nil, false
	}
	f := r.newPrefilter()
	h := r.req.Selector.Holders
	if f.pidfdInfo == nil && f.name == nil && h == nil {
		return nil, false
	}
	if h != nil && h.hasNoSocket() {
		return nil, true
	}
	st, err := r.proc.Stat(r.exclusions.self)
	if err != nil {
		return nil, false
	}
	// A process that is not in pids was forked after this process was started.
	r.found.Since = st.Start
	var passed []bool
	for range 2 {
		if pids, err = r.proc.PIDs(pids); err != nil {
			return nil, false
		}
		if !slices.IsSorted(pids) {
			slices.Sort(pids)
		}
		passed = make([]bool, len(pids))
		r.kernel.RunParallel(len(pids), func(proc *procfs.FS, i int) { passed[i] = f.mayMatch(proc, pids[i]) })
		// A process that was examined already may have received a socket from one that was not. So if no process holds
		// a socket, they are examined once more.
		if h == nil || !r.req.Selector.OnlyHolders() || !h.dropClosed(r.proc) {
			break
		}
	}
	n := 0
	for i, pid := range pids {
		if passed[i] {
			pids[n] = pid
			n++
		}
	}
	return pids[:n], true
}

// newPrefilter returns a prefilter with the conditions that need no stat.
func (r *resolver) newPrefilter() *prefilter {
	s := &r.req.Selector
	f := &prefilter{Selector: s}
	if s.Parent != 0 || s.HasUID {
		// PIDFD_GET_INFO returns PIDs of this process's PID namespace. Use it only if /proc shows the same
		// namespace.
		if pid, err := r.proc.Self(); err == nil && pid == r.exclusions.self {
			f.pidfdInfo = r.kernel.PidfdInfoReader()
		}
	}
	if s.Name != "" && !strings.Contains(s.Name, "/") && !s.needsStat() && (s.Parent == 0 || f.pidfdInfo != nil) {
		f.name = []byte(s.Name)
	}
	return f
}

// needsStat reports whether a condition other than Parent needs a field of stat. Such a condition leaves few processes,
// so reading the names of all processes first would not pay.
func (s *Selector) needsStat() bool {
	return s.HasTTY || s.Group != 0 || s.Session != 0 || s.State != "" || s.HasOlder || s.HasNewer
}

// mayMatch reports whether the selector may match the process.
func (f *prefilter) mayMatch(proc *procfs.FS, pid int) bool {
	if f.pidfdInfo != nil {
		ppid, euid, err := f.pidfdInfo(pid)
		switch {
		case errors.Is(err, procfs.ErrNoProcess),
			err == nil && f.Parent != 0 && ppid != f.Parent,
			err == nil && f.HasUID && euid != f.UID:
			return false
		}
	}
	return f.mayHaveName(proc, pid) && (f.Holders == nil || f.Holders.mayHold(proc, pid))
}

// mayHaveName reports whether the process may have the name.
func (f *prefilter) mayHaveName(proc *procfs.FS, pid int) bool {
	if f.name == nil {
		return true
	}
	// Compare the same names as Selector.matchName, which later also rejects a truncated comm, and an argument that is
	// no script.
	comm, err := proc.Comm(pid)
	if err != nil {
		return err != procfs.ErrNoProcess
	}
	if bytes.Equal(comm, f.name) {
		return true
	}
	arg0, rest, err := proc.Arg0(pid)
	if err != nil {
		return err != procfs.ErrNoProcess
	}
	if f.pathEndsInName(arg0) || f.Scripts && bytes.Contains(rest, f.name) {
		return true
	}
	exe, err := proc.ExeBytes(pid)
	return err == nil && f.pathEndsInName(exe)
}

// pathEndsInName reports whether the last element of the path is the name. There may be slashes after it, and one
// character before it, such as the dash of a login shell: mayMatch may accept too many processes.
func (f *prefilter) pathEndsInName(path []byte) bool {
	path = bytes.TrimRight(path, "/")
	path = path[bytes.LastIndexByte(path, '/')+1:]
	return bytes.HasSuffix(path, f.name) && len(path) <= len(f.name)+1
}
