package procfs

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// CgroupEntry is a line of /proc/PID/cgroup (cgroups(7)): the cgroup of a process in one hierarchy.
type CgroupEntry struct {
	Hierarchy   int      // 0 for cgroup v2
	Controllers []string // nil for v2; "name=systemd" for a v1 hierarchy without controllers
	// Path is relative to the root of the caller's cgroup namespace. For a cgroup outside of that root it begins with
	// "/..". For a zombie whose cgroup was removed, the kernel appends " (deleted)". Path keeps this suffix, because
	// the name of a cgroup may end in it.
	Path string
}

// V2 reports whether the entry is that of the cgroup v2 hierarchy.
func (e CgroupEntry) V2() bool { return e.Hierarchy == 0 && len(e.Controllers) == 0 }

var errCgroup = errors.New("malformed cgroup")

// ParseCgroup parses /proc/PID/cgroup. The name of a cgroup may contain colons, but no newline.
func ParseCgroup(b []byte) ([]CgroupEntry, error) {
	entries := make([]CgroupEntry, 0, bytes.Count(b, []byte("\n")))
	for line := range bytes.Lines(b) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		number, rest, _ := bytes.Cut(line, []byte(":"))
		controllers, path, ok := bytes.Cut(rest, []byte(":"))
		hierarchy, isNumber := parseUint(number)
		if !ok || !isNumber || hierarchy > 1<<31-1 || len(path) == 0 {
			return nil, fmt.Errorf("%w: %q", errCgroup, line)
		}
		entry := CgroupEntry{Hierarchy: int(hierarchy), Path: string(path)}
		if len(controllers) > 0 {
			entry.Controllers = strings.Split(string(controllers), ",")
		}
		entries = append(entries, entry)
	}
	return entries, nil
}

// Cgroups reads the cgroups of the process that st describes. It uses only st.PID and st.Thread. If the leader has
// exited, Cgroups reads the file of a living thread: the file of the leader shows the root cgroup in each v1 hierarchy,
// and in v2 the cgroup in which the leader exited. On a kernel without cgroups the error is errors.ErrUnsupported.
func (fs *FS) Cgroups(st *Stat) ([]CgroupEntry, error) {
	var b []byte
	read := func(task string) (err error) {
		b, err = fs.read(processPath(st.PID, task+"cgroup"), false, unlimited)
		return err
	}
	path := processPath(st.PID, "cgroup")
	err := read(threadDir(st.Thread))
	if vanished(err) {
		if err = fs.throughThread(st.PID, read); vanished(err) {
			return nil, fs.unsupportedError(path)
		}
	}
	if err == ErrNoProcess {
		return nil, err
	}
	if err != nil {
		return nil, fs.processError("read", path, err)
	}
	entries, err := ParseCgroup(b)
	if err != nil {
		return nil, fmt.Errorf("%s/%s: %w", fs.root, path, err)
	}
	return entries, nil
}
