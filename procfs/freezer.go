package procfs

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
)

// Frozen reports whether a cgroup of the process is frozen, and returns the path of that cgroup. A v1 cgroup is frozen
// if its freezer.state is FROZEN or FREEZING. A v2 cgroup is frozen if its cgroup.events says so (Linux 5.2), which is
// also the case if cgroup.freeze is set in a cgroup above it.
func (fs *FS) Frozen(st *Stat) (cgroup string, ok bool) {
	entries, err := fs.Cgroups(st)
	if err != nil {
		return "", false
	}
	if fs.mounts == nil {
		// Read the mounts only once: Frozen may be called for hundreds of survivors.
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

// dir returns the directory of the cgroup in the file system, "" if the cgroup is not below the root of any mount.
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
