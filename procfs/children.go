package procfs

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

var errChildren = errors.New("malformed children")

// ParseChildren parses /proc/PID/task/TID/children: numbers, each with a space
// after it.
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
		return into, fmt.Errorf("%w: more than a line", errChildren)
	}
	return into, nil
}

// Children returns the children of a process, whichever of its threads they
// belong to, in ascending order. It takes a kernel with CONFIG_PROC_CHILDREN
// (Linux 4.2), the error is errors.ErrUnsupported otherwise. The list is only
// reliable while the process and its children are stopped: a child that exits
// during the reading can make the kernel skip its siblings
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
				return nil, fs.unsupported(path)
			}
		}
		if vanished(err) {
			continue // a thread that exited has left its children to another
		}
		if err != nil {
			return nil, &os.PathError{Op: "read", Path: fs.root + "/" + path, Err: err}
		}
		fs.hasChildren = true
		if children, err = appendChildren(children, b); err != nil {
			return nil, fmt.Errorf("%s/%s: %w", fs.root, path, err)
		}
	}
	// A child whose parent thread exited meanwhile was seen with two of them.
	slices.Sort(children)
	return slices.Compact(children), nil
}

// SnapshotTree reads only the roots and their descendants, by their lists of children, so its cost depends on the
// size of the tree and not on that of the process table. It returns false if only a scan of the table can find all
// members: if the kernel has no such lists (CONFIG_PROC_CHILDREN), if a list changes during the read and may be
// incomplete (see Children), if hidepid hides members, or if a member leads a session and includeSessions is set. It is
// for display: a caller that signals what it finds must scan the table.
func (fs *FS) SnapshotTree(roots []ID, includeSessions bool, into *Snapshot) bool {
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
		return !includeSessions || p.SID != p.PID
	}
	for _, id := range roots {
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
	slices.SortFunc(procs, func(a, b Stat) int { return cmp.Compare(a.PID, b.PID) })
	into.Procs = procs
	return true
}

// readChildren returns the children of a process that has that many threads. ok is false if the list may be
// incomplete.
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
