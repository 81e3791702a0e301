package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"killbox/test/victims"

	"github.com/rogpeppe/go-internal/testscript"
)

// cgroup is `cgroup [-freezer] VAR [NAME...]`: it makes a cgroup of version 2, or a freezer cgroup of version 1, and
// below it cgroups with these names. VAR is set to its folder. When the script ends, all of them are thawed, their
// members killed, and the cgroups removed.
func cgroup(ts *testscript.TestScript, neg bool, args []string) {
	refuseNeg(ts, neg)
	mount := victims.Cgroup2()
	if len(args) > 0 && args[0] == "-freezer" {
		mount, args = freezer1(), args[1:]
	}
	if len(args) == 0 || mount == "" {
		ts.Fatalf("usage: cgroup [-freezer] VAR [NAME...], where such a hierarchy is mounted")
	}
	dir, err := os.MkdirTemp(mount, "killbox-test-")
	ts.Check(err)
	dirs := []string{dir}
	for _, name := range args[1:] {
		dirs = append([]string{filepath.Join(dir, name)}, dirs...)
	}
	ts.Defer(func() { removeCgroups(dirs) })
	for _, below := range dirs[:len(dirs)-1] {
		ts.Check(os.Mkdir(below, 0o755))
	}
	ts.Setenv(args[0], dir)
}

// removeCgroups removes cgroups; the last one contains the others. rmdir(2) fails with EBUSY until all members have
// been reaped.
func removeCgroups(dirs []string) {
	for _, dir := range dirs {
		_ = setControl(dir, "cgroup.freeze", "0")
		_ = setControl(dir, "freezer.state", "THAWED")
	}
	_ = setControl(dirs[len(dirs)-1], "cgroup.kill", "1")
	for began := time.Now(); time.Since(began) < patience; time.Sleep(time.Millisecond) {
		left := 0
		for _, dir := range dirs {
			if err := os.Remove(dir); err != nil && !os.IsNotExist(err) {
				left++
			}
		}
		if left == 0 {
			return
		}
	}
	fmt.Fprintln(os.Stderr, "cgroup: not removed:", dirs)
}

// setControl writes to a control file of a cgroup, if the file exists.
func setControl(dir, file, value string) error {
	f, err := os.OpenFile(filepath.Join(dir, file), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(value)
	_ = f.Close()
	return err
}

// freezer1 returns the mount point of the version 1 freezer hierarchy.
func freezer1() string {
	data, _ := os.ReadFile("/proc/self/mounts")
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) > 2 && f[2] == "cgroup" && strings.HasSuffix(f[1], "/freezer") {
			return f[1]
		}
	}
	return ""
}
