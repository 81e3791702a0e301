package procfs

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
)

// FrozenCgroup is a frozen cgroup.
type FrozenCgroup struct {
	Path string // as in CgroupEntry
	Dir  string // in the file system
	V2   bool
}

// Frozen reports whether a cgroup of the process is frozen. It returns the cgroup that has to be resumed: the process's
// own, or the one above it whose freezer is set. A v1 cgroup is frozen if its freezer.state is FROZEN or FREEZING. A v2
// cgroup is frozen if its cgroup.events says so (Linux 5.2), which is also the case if cgroup.freeze is set in a cgroup
// above it.
func (fs *FS) Frozen(st *Stat) (frozen FrozenCgroup, ok bool) {
	entries, err := fs.Cgroups(st)
	if err != nil {
		return frozen, false
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
		has := func(dir, file, line string) bool {
			b, err := fs.read(filepath.Join(dir, file), false, unlimited)
			return err == nil && bytes.Contains(append([]byte("\n"), b...), []byte("\n"+line))
		}
		own, set := "freezer.self_freezing", "1"
		if v1 {
			ok = has(dir, "freezer.state", "FROZEN") || has(dir, "freezer.state", "FREEZING")
		} else {
			ok = has(dir, "cgroup.events", "frozen 1")
			own = "cgroup.freeze"
		}
		if !ok {
			continue
		}
		frozen = FrozenCgroup{e.Path, dir, !v1}
		// The cgroup nearest to the root comes last: to resume one below it has no effect.
		for path := e.Path; path != "/" && path != "."; path, dir = filepath.Dir(path), filepath.Dir(dir) {
			if has(dir, own, set) {
				frozen.Path, frozen.Dir = path, dir
			}
		}
		return frozen, true
	}
	return frozen, false
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
