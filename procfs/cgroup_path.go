package procfs

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"killbox/internal/show"
)

// CgroupDir is a cgroup of the v2 hierarchy. Path is its path as in /proc/PID/cgroup, Dir is its directory in the file
// system.
type CgroupDir struct{ Path, Dir string }

// Contains reports whether path, as in /proc/PID/cgroup, is the path of d or of a cgroup below d.
func (d *CgroupDir) Contains(path string) bool {
	return path == d.Path || strings.HasPrefix(path, strings.TrimSuffix(d.Path, "/")+"/")
}

// CgroupHierarchy is the cgroup v2 hierarchy with all its mounts.
type CgroupHierarchy struct {
	fs     *FS
	mounts []Mount // of all file system types
	v2     []Mount // of type cgroup2
}

// CgroupHierarchy finds the mounts of the cgroup v2 hierarchy. It returns an error if there is none.
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

// Find returns the cgroup with the given name. The name is the directory of the cgroup, or its path as in
// /proc/PID/cgroup. For a path, Find does not check whether the cgroup exists.
func (h *CgroupHierarchy) Find(name string) (*CgroupDir, error) {
	if dir, err := cgroupOfDir(h.mounts, name); dir != nil || err != nil {
		return dir, err
	}
	return cgroupOfPath(h.v2, cleanCgroup(filepath.Clean(name)))
}

// Of returns the cgroup of a process.
func (h *CgroupHierarchy) Of(st *Stat) (*CgroupDir, error) {
	path, err := h.fs.UnifiedPath(st)
	if err != nil {
		return nil, err
	}
	return cgroupOfPath(h.v2, path)
}

// cgroupOfDir returns the cgroup whose directory is path. It returns nil if path does not exist or is not in a cgroup
// file system, and an error if path is in a v1 hierarchy or outside of the caller's cgroup namespace.
func cgroupOfDir(mounts []Mount, path string) (*CgroupDir, error) {
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
		return nil, errors.New("is in a cgroup v1 hierarchy: only a v2 cgroup can be frozen and killed as a whole")
	case at.FSType != "cgroup2":
		return nil, nil
	case strings.HasPrefix(at.Root, "/.."):
		return nil, errors.New("is outside of this cgroup namespace")
	}
	return &CgroupDir{Path: filepath.Join(at.Root, strings.TrimPrefix(path, at.Point)), Dir: path}, nil
}

// cgroupOfPath returns the cgroup with a path as in /proc/PID/cgroup. v2 are the mounts of the hierarchy. The error
// says that the directory of the cgroup is not below any of them, or that the cgroup is outside of the caller's cgroup
// namespace.
func cgroupOfPath(v2 []Mount, path string) (*CgroupDir, error) {
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
	return nil, fmt.Errorf("cgroup %s is not below any mount of the cgroup v2 hierarchy", show.Word(path))
}

// UnifiedPath returns the path of the cgroup of a process in the v2 hierarchy, as in /proc/PID/cgroup.
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
	return "", errors.New("is not in the cgroup v2 hierarchy")
}

// CgroupPath converts the directory of a cgroup, v1 or v2, to its path as in /proc/PID/cgroup. From any other path it
// only removes the trailing slashes.
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
