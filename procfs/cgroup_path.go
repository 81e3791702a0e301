package procfs

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"killbox/internal/show"
)

// CgroupDir is a cgroup of the v2 hierarchy: its path as in /proc/PID/cgroup, and its directory in the file
// system.
type CgroupDir struct{ Path, Dir string }

// Contains reports whether the cgroup with the path is this one or below it.
func (d *CgroupDir) Contains(path string) bool {
	return path == d.Path || strings.HasPrefix(path, strings.TrimSuffix(d.Path, "/")+"/")
}

// CgroupHierarchy is the v2 hierarchy of cgroups, wherever it is mounted.
type CgroupHierarchy struct {
	fs     *FS
	mounts []Mount // of all kinds
	v2     []Mount
}

// CgroupHierarchy finds the v2 hierarchy. It is an error if that is mounted nowhere.
func (fs *FS) CgroupHierarchy() (*CgroupHierarchy, error) {
	mounts, err := fs.Mounts()
	if err != nil {
		return nil, err
	}
	h := &CgroupHierarchy{fs: fs, mounts: mounts}
	for _, m := range mounts {
		if m.FSType == "cgroup2" {
			h.v2 = append(h.v2, m)
		}
	}
	if len(h.v2) == 0 {
		return nil, errors.New("no cgroup v2 hierarchy is mounted")
	}
	return h, nil
}

// Find finds a cgroup by its directory, or by its path as in /proc/PID/cgroup. It does not look whether the
// directory of a path exists.
func (h *CgroupHierarchy) Find(name string) (*CgroupDir, error) {
	if dir, err := cgroupAt(h.mounts, name); dir != nil || err != nil {
		return dir, err
	}
	return cgroupNamed(h.v2, cleanCgroup(filepath.Clean(name)))
}

// Of finds the cgroup of a process.
func (h *CgroupHierarchy) Of(st *Stat) (*CgroupDir, error) {
	path, err := h.fs.UnifiedPath(st)
	if err != nil {
		return nil, err
	}
	return cgroupNamed(h.v2, path)
}

// cgroupAt returns the cgroup whose directory is path, nil if path is not in a mounted hierarchy.
func cgroupAt(mounts []Mount, path string) (*CgroupDir, error) {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, nil
	}
	var at *Mount
	for i := range mounts {
		m := &mounts[i]
		if path != m.Point && !strings.HasPrefix(path, strings.TrimSuffix(m.Point, "/")+"/") {
			continue
		}
		if at == nil || len(m.Point) >= len(at.Point) {
			at = m
		}
	}
	switch {
	case at == nil:
		return nil, nil
	case at.FSType == "cgroup":
		return nil, errors.New("is of cgroup v1, which cannot be frozen and killed as a whole: only v2 can")
	case at.FSType != "cgroup2":
		return nil, nil
	case strings.HasPrefix(at.Root, "/.."):
		return nil, errors.New("is outside of this cgroup namespace")
	}
	return &CgroupDir{Path: filepath.Join(at.Root, strings.TrimPrefix(path, at.Point)), Dir: path}, nil
}

// cgroupNamed finds the directory of a path as in /proc/PID/cgroup.
func cgroupNamed(v2 []Mount, path string) (*CgroupDir, error) {
	if strings.HasPrefix(path, "/..") {
		return nil, errors.New("is outside of this cgroup namespace")
	}
	for _, m := range v2 {
		mounted := CgroupDir{Path: m.Root}
		if strings.HasPrefix(m.Root, "/..") || !mounted.Contains(path) {
			continue
		}
		return &CgroupDir{Path: path, Dir: filepath.Join(m.Point, strings.TrimPrefix(path, m.Root))}, nil
	}
	return nil, fmt.Errorf("cgroup %s is not below any mount of the hierarchy", show.Word(path))
}

// UnifiedPath returns the path of a process's cgroup in the v2 hierarchy, as in /proc/PID/cgroup.
func (fs *FS) UnifiedPath(st *Stat) (string, error) {
	entries, err := fs.Cgroups(st)
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		if e.V2() {
			return e.Path, nil
		}
	}
	return "", errors.New("is in no cgroup v2")
}

// CgroupPath returns the path as in /proc/PID/cgroup of a cgroup, of either version, that is named by its
// directory in the file system. Any other path is returned as it is, without slashes at its end.
func (fs *FS) CgroupPath(path string) string {
	if fs == nil {
		return path
	}
	mounts, err := fs.Mounts()
	if err != nil {
		return path
	}
	for _, m := range mounts {
		if m.FSType != "cgroup" && m.FSType != "cgroup2" {
			continue
		}
		if path == m.Point {
			return m.Root
		}
		if rest, ok := strings.CutPrefix(path, m.Point+"/"); ok {
			return cleanCgroup(strings.TrimSuffix(m.Root, "/") + "/" + rest)
		}
	}
	return cleanCgroup(path)
}

func cleanCgroup(path string) string {
	if path = strings.TrimRight(path, "/"); path == "" {
		return "/"
	}
	return path
}
