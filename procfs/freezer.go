package procfs

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
)

// Frozen returns the cgroup that keeps a process frozen, if one does: by the
// freezer controller of cgroup v1 (freezer.state), or on v2 by cgroup.freeze,
// its own or an ancestor's (cgroup.events, Linux 5.2).
func (fs *FS) Frozen(st *Stat) (cgroup string, ok bool) {
	entries, err := fs.Cgroups(st)
	if err != nil {
		return "", false
	}
	if fs.mounts == nil {
		// Once is enough: hundreds of survivors may have to be explained.
		fs.mounts, _ = fs.Mounts()
	}
	for _, e := range entries {
		v1 := slices.Contains(e.Controllers, "freezer")
		if !v1 && !e.V2() {
			continue
		}
		dir := e.dir(fs.mounts)
		if dir == "" {
			continue
		}
		if v1 {
			state, err := fs.read(filepath.Join(dir, "freezer.state"), false, unlimited)
			if err == nil && (bytes.HasPrefix(state, []byte("FROZEN")) || bytes.HasPrefix(state, []byte("FREEZING"))) {
				return e.Path, true
			}
			continue
		}
		events, err := fs.read(filepath.Join(dir, "cgroup.events"), false, unlimited)
		if err == nil && bytes.Contains(append([]byte("\n"), events...), []byte("\nfrozen 1")) {
			return e.Path, true
		}
	}
	return "", false
}

// dir returns where the cgroup is in the file system, "" if it is not mounted
// or not below the mount's root.
func (e CgroupEntry) dir(mounts []Mount) string {
	for _, m := range mounts {
		switch {
		case e.V2() && m.FSType == "cgroup2":
		case !e.V2() && m.FSType == "cgroup" && slices.Contains(strings.Split(m.SuperOptions, ","), e.Controllers[0]):
		default:
			continue
		}
		if m.Root == "/" {
			return filepath.Join(m.Point, e.Path)
		}
		if rest, ok := strings.CutPrefix(e.Path, m.Root); ok && (rest == "" || rest[0] == '/') {
			return filepath.Join(m.Point, rest)
		}
	}
	return ""
}
