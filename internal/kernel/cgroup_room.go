package kernel

import (
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"killbox/procfs"
)

// cgroupRoom returns how many more processes and threads pids.max allows in the cgroups of this process, or math.MaxInt
// without a limit. It looks where distributions and container runtimes mount the hierarchies. In a container without a
// cgroup namespace only the root of the mount is found, which is the cgroup of the container.
func (k *Kernel) cgroupRoom() int {
	least := math.MaxInt
	if k.proc == nil {
		return least
	}
	self, err := k.proc.Self()
	if err != nil {
		return least
	}
	cgroups, err := k.proc.Cgroups(&procfs.Stat{ID: procfs.ID{PID: self}})
	if err != nil {
		return least
	}
	for _, cgroup := range cgroups {
		switch {
		case cgroup.V2():
			least = min(least, roomIn("/sys/fs/cgroup", cgroup.Path))
		case slices.Contains(cgroup.Controllers, "pids"):
			least = min(least, roomIn("/sys/fs/cgroup/pids", cgroup.Path))
		}
	}
	return least
}

// roomIn returns the least room in the cgroup with this path and in those above it.
func roomIn(mount, path string) int {
	least := math.MaxInt
	for ; ; path = filepath.Dir(path) {
		dir := filepath.Join(mount, path)
		if limit, ok := readNumber(filepath.Join(dir, "pids.max")); ok {
			current, _ := readNumber(filepath.Join(dir, "pids.current"))
			least = min(least, limit-current)
		}
		if path == "/" || path == "." {
			return least
		}
	}
}

// readNumber reads a file that contains a number. ok is false if it contains "max", or cannot be read: the root cgroup
// has no limit.
func readNumber(path string) (n int, ok bool) {
	b, err := readFile(path)
	if err != nil {
		return 0, false
	}
	n, err = strconv.Atoi(strings.TrimSpace(string(b)))
	return n, err == nil
}
