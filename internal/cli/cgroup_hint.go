package cli

import (
	"os"
	"path/filepath"

	"killbox/internal/show"
	"killbox/procfs"
)

// CgroupHint returns what to give instead of a cgroup path that does not begin with a slash, as a part of a message:
// the first existing cgroup among those that the path may mean. It may begin at the working directory, at the cgroup of
// this process, at the root cgroup, or be the name of a unit of systemd.
func CgroupHint(env *Env, path string) string {
	const general = ": write it as in /proc/PID/cgroup, or as a folder of a mounted hierarchy"
	if env.Proc == nil {
		return general
	}
	hierarchy, err := env.Proc.CgroupHierarchy()
	if err != nil {
		return general
	}
	var below []string
	if wd, err := os.Getwd(); err == nil {
		below = append(below, wd)
	}
	if own, err := env.Proc.UnifiedPath(&procfs.Stat{ID: procfs.ID{PID: env.PID}}); err == nil {
		below = append(below, own, filepath.Dir(own))
	}
	for _, dir := range append(below, "/", "/system.slice", "/user.slice", "/machine.slice") {
		cgroup, err := hierarchy.Find(filepath.Join(dir, path))
		if err != nil || cgroup.Path == "/" {
			continue
		}
		if info, err := os.Stat(cgroup.Dir); err == nil && info.IsDir() {
			return " (did you mean " + show.Word(cgroup.Path) + "?)"
		}
	}
	return general
}
