package kernel

import (
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"killbox/procfs"

	"golang.org/x/sys/unix"
)

// manyProcesses is a number of processes and threads that is far more than this process needs.
const manyProcesses = 1000

// lowProcessLimit reports whether RLIMIT_NPROC is low, or the room that pids.max leaves in a cgroup of this process.
func (k *Kernel) lowProcessLimit() bool {
	var limit unix.Rlimit
	return unix.Getrlimit(unix.RLIMIT_NPROC, &limit) == nil && limit.Cur <= manyProcesses || k.cgroupRoom() <= manyProcesses
}

// roomForMany reports whether, as far as /proc shows, manyProcesses more can exist under all limits.
func (k *Kernel) roomForMany() bool { return min(systemRoom(), k.cgroupRoom()) > manyProcesses }

// systemRoom returns how many more processes and threads RLIMIT_NPROC, pid_max and threads-max allow at least, and 0 if
// that is not known. RLIMIT_NPROC counts those of a user; /proc/loadavg shows the number of all (fs/proc/loadavg.c).
func systemRoom() int {
	b, err := readFile("/proc/loadavg")
	fields := strings.Fields(string(b))
	if err != nil || len(fields) < 4 {
		return 0
	}
	_, total, _ := strings.Cut(fields[3], "/")
	count, err := strconv.Atoi(total)
	if err != nil {
		return 0
	}
	least := math.MaxInt
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NPROC, &limit) == nil && limit.Cur < math.MaxInt {
		least = int(limit.Cur)
	}
	for _, name := range []string{"pid_max", "threads-max"} {
		if n, ok := readNumber("/proc/sys/kernel/" + name); ok {
			least = min(least, n)
		}
	}
	return least - count
}

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
