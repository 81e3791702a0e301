package procfs

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

var errChildren = errors.New("malformed children")

// ParseChildren parses /proc/PID/task/TID/children: PIDs, each followed by a space.
func ParseChildren(b []byte) ([]int, error) {
	return appendChildren(nil, b)
}

func appendChildren(into []int, b []byte) ([]int, error) {
	f := fields{rest: b}
	for {
		field := f.next()
		if field == nil {
			break
		}
		pid, ok := parseUint(field)
		if !ok || pid > 1<<31-1 {
			return into, fmt.Errorf("%w: %q", errChildren, field)
		}
		into = append(into, int(pid))
	}
	if len(f.rest) > 0 {
		return into, fmt.Errorf("%w: more than one line", errChildren)
	}
	return into, nil
}

// Children returns the PIDs of the children of all threads of a process, in ascending order. It needs a kernel with
// CONFIG_PROC_CHILDREN (Linux 4.2); on others the error is errors.ErrUnsupported. The list is reliable only while the
// process and its children are stopped: if a child exits during the read, the kernel may skip its siblings
// (proc_pid_children(5)).
func (fs *FS) Children(pid int) ([]int, error) {
	dir := processPath(pid, "task")
	tids, err := fs.numbers(dir, fs.tids[:0])
	fs.tids = tids
	if err != nil {
		return nil, fs.processError("read", dir, err)
	}
	var children []int
	for _, tid := range tids {
		task := dir + "/" + strconv.Itoa(tid)
		path := task + "/children"
		b, err := fs.read(path, false, unlimited)
		if err == unix.ENOENT && !fs.hasChildren && fs.pathExists(task) {
			b, err = fs.read(path, false, unlimited)
			if err == unix.ENOENT && fs.pathExists(task) {
				return nil, fs.unsupportedError(path)
			}
		}
		if vanished(err) {
			continue // the thread has exited; its children now belong to another thread
		}
		if err != nil {
			return nil, &os.PathError{Op: "read", Path: fs.root + "/" + path, Err: err}
		}
		fs.hasChildren = true
		if children, err = appendChildren(children, b); err != nil {
			return nil, fmt.Errorf("%s/%s: %w", fs.root, path, err)
		}
	}
	// If the parent thread of a child exited during the loop, the child may be in the lists of two threads. Remove such
	// duplicates.
	slices.Sort(children)
	return slices.Compact(children), nil
}

// PartialScan says what SnapshotTree reads.
type PartialScan struct {
	Roots           []ID
	IncludeSessions bool // as in TreeQuery
	// Adopted: read also PID 1, the ancestors of the roots, and the children of all these. Orphans of the tree are
	// among these children.
	Adopted bool
}

// SnapshotTree reads only the roots and their descendants, which it finds through the children files of /proc. So its
// cost depends on the size of the tree and not on that of the process table. It reports whether the result is complete.
// The result is not complete if:
//
//   - the kernel has no children files (CONFIG_PROC_CHILDREN);
//   - a children file changes during the read, so that it may lack a child (see Children);
//   - hidepid hides members;
//   - IncludeSessions is set and a member leads a session.
//
// The result is for display only: a caller that signals members must call Snapshot.
func (fs *FS) SnapshotTree(scan PartialScan, into *Snapshot) bool {
	var procs []Stat
	seen := make(map[int]bool)
	add := func(pid int) bool {
		var p Stat
		if seen[pid] {
			return true
		}
		seen[pid] = true
		if err := fs.stat(pid, &p); err != nil {
			return err == ErrNoProcess && !fs.HidesProcesses()
		}
		procs = append(procs, p)
		return !scan.IncludeSessions || p.SID != p.PID
	}
	for _, id := range scan.Roots {
		if !add(id.PID) {
			return false
		}
	}
	for i := 0; i < len(procs); i++ {
		p := &procs[i]
		if p.Gone() {
			continue
		}
		pid, threads := p.PID, p.Threads
		children, ok := fs.readChildren(pid, threads)
		again, sure := fs.readChildren(pid, threads)
		if !ok || !sure || !slices.Equal(children, again) {
			return false
		}
		for _, child := range children {
			if !add(child) {
				return false
			}
		}
	}
	if scan.Adopted {
		procs = fs.appendAdopted(procs, seen)
	}
	SortByPID(procs)
	into.Procs = procs
	return true
}

// appendAdopted appends PID 1, the ancestors of the processes, and the children of all these. It leaves out processes
// in seen, and those that cannot be read.
func (fs *FS) appendAdopted(procs []Stat, seen map[int]bool) []Stat {
	appendNew := func(pid int) {
		var p Stat
		if !seen[pid] && fs.stat(pid, &p) == nil {
			procs = append(procs, p)
		}
		seen[pid] = true
	}
	read := make(map[int]bool) // processes whose children have been appended
	adopters := []int{1}
	for i := range procs {
		if parent := procs[i].PPID; !seen[parent] {
			adopters = append(adopters, parent)
		}
	}
	for len(adopters) > 0 {
		pid := adopters[0]
		adopters = adopters[1:]
		if pid <= 0 || read[pid] {
			continue
		}
		read[pid] = true
		appendNew(pid)
		children, _ := fs.readChildren(pid, 0)
		for _, child := range children {
			appendNew(child)
		}
		if st, err := fs.Stat(pid); err == nil {
			adopters = append(adopters, st.PPID)
		}
	}
	return procs
}

// readChildren returns the children of a process with the given number of threads. The second result reports whether
// the read succeeded.
func (fs *FS) readChildren(pid, threads int) ([]int, bool) {
	if threads != 1 {
		children, err := fs.Children(pid)
		return children, err == nil
	}
	// The leader is the only thread, so its list is that of the process.
	b, err := fs.read(processPath(pid, "task/")+strconv.Itoa(pid)+"/children", false, unlimited)
	if err != nil {
		return nil, false
	}
	children, err := appendChildren(nil, b)
	return children, err == nil
}
