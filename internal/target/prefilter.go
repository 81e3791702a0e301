package target

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"killbox/procfs"
)

// sifter leaves out most of those whom a selector does not mean, before anybody's stat is read: that is the dearest of
// the small files. Whom it lets through is judged by all the conditions, like anybody in the table.
type sifter struct {
	*Selector
	// kin tells a process's parent and effective user without /proc; nil where the kernel cannot.
	kin  func(pid int) (ppid, euid int, err error)
	name []byte // nil: the name is not asked for here
}

// sift returns who may be meant, in ascending order. It returns false where the table is as good.
func (r *resolver) sift() ([]int, bool) {
	s := &r.req.Selector
	f := sifter{Selector: s}
	if r.proc == nil || r.table != nil {
		return nil, false
	}
	if s.Parent != 0 || s.HasUID {
		// Numbers that the kernel tells us are those of our own namespace.
		if pid, err := r.proc.Self(); err == nil && pid == r.guard.self {
			f.kin = r.open.Kin()
		}
	}
	// With one of these, few are left whose name is to be read.
	if s.Name != "" && !strings.Contains(s.Name, "/") && !s.HasTTY && s.Group == 0 && s.Session == 0 && s.State == "" && !s.HasOlder && !s.HasNewer &&
		(s.Parent == 0 || f.kin != nil) {
		f.name = []byte(s.Name)
	}
	if f.kin == nil && f.name == nil {
		return nil, false
	}
	st, err := r.proc.Stat(r.guard.self)
	if err != nil {
		return nil, false
	}
	pids, err := r.proc.PIDs(nil)
	if err != nil {
		return nil, false
	}
	if !slices.IsSorted(pids) {
		slices.Sort(pids)
	}
	// Who was not shown to the selector has been born after this process.
	r.found.Since = st.Start

	rest := make([]bool, len(pids))
	r.open.Spread(len(pids), func(proc *procfs.FS, i int) { rest[i] = f.possible(proc, pids[i]) })
	n := 0
	for i, pid := range pids {
		if rest[i] {
			pids[n] = pid
			n++
		}
	}
	return pids[:n], true
}

// possible is false for those whom the selector surely does not mean.
func (f *sifter) possible(proc *procfs.FS, pid int) bool {
	if f.kin != nil {
		ppid, euid, err := f.kin(pid)
		switch {
		case errors.Is(err, procfs.ErrNoProcess),
			err == nil && f.Parent != 0 && ppid != f.Parent,
			err == nil && f.HasUID && euid != f.UID:
			return false
		}
	}
	if f.name == nil {
		return true
	}
	// As Selector.named, but for the comm that is cut.
	comm, err := proc.Comm(pid)
	if err != nil {
		return err != procfs.ErrNoProcess
	}
	if bytes.Equal(comm, f.name) {
		return true
	}
	arg0, err := proc.Arg0(pid)
	if err != nil {
		return err != procfs.ErrNoProcess
	}
	if f.named(arg0) {
		return true
	}
	exe, err := proc.ExeBytes(pid)
	return err == nil && f.named(exe)
}

// named tells whether the path ends in the name, be it with slashes after it or a dash before it, as a login shell has.
func (f *sifter) named(path []byte) bool {
	path = bytes.TrimRight(path, "/")
	path = path[bytes.LastIndexByte(path, '/')+1:]
	return bytes.HasSuffix(path, f.name) && len(path) <= len(f.name)+1
}
