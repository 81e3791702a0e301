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
		if err == unix.ENOENT && !fs.hasChildren && fs.have(task) {
			b, err = fs.read(path, false, unlimited)
			if err == unix.ENOENT && fs.have(task) {
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
