package kernel

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"killbox/test/harness"

	"golang.org/x/sys/unix"
)

// newCgroup makes a cgroup v2 for the test, and removes it afterwards.
func newCgroup(t *testing.T, k *Kernel) (dir string) {
	t.Helper()
	mounts, err := k.proc.Mounts()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mounts {
		if m.FSType != "cgroup2" {
			continue
		}
		dir, err := os.MkdirTemp(m.Point, "killbox-test-")
		if err != nil {
			harness.Skip(t, err)
		}
		t.Cleanup(func() { unix.Rmdir(dir) })
		return dir
	}
	harness.Skip(t, os.ErrNotExist)
	return ""
}

// enter moves the victim into the cgroup at dir.
func (c *victim) enter(t *testing.T, dir string) {
	t.Helper()
	err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(c.pid)), 0)
	if err != nil {
		harness.Skip(t, err)
	}
}

// TestCgroupOfTheSameName: a Kernel that has opened a cgroup does nothing to a later cgroup of the same name.
func TestCgroupOfTheSameName(t *testing.T) {
	k := newKernel(t, false)
	dir := newCgroup(t, k)
	if err := k.OpenCgroup(dir); err != nil {
		t.Fatal(err)
	}
	first := start(t)
	first.enter(t, dir)
	if pids, _, err := k.CgroupMembers(); err != nil || !slices.Equal(pids, []int{first.pid}) {
		t.Fatalf("members %v, %v; want %d", pids, err, first.pid)
	}
	unix.Kill(first.pid, unix.SIGKILL)
	first.reap()
	if empty, err := k.CgroupEmpty(time.Minute); !empty || err != nil {
		t.Fatalf("empty %v, %v", empty, err)
	}
	if err := unix.Rmdir(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	unrelated := start(t)
	unrelated.enter(t, dir)
	if pids, _, err := k.CgroupMembers(); err != nil || len(pids) > 0 {
		t.Errorf("members %v, %v; want none", pids, err)
	}
	if err := k.KillCgroup(); err == nil {
		t.Error("a removed cgroup was killed")
	}
	if done, err := k.FreezeCgroup(0); !done || err != nil {
		t.Errorf("frozen %v, %v", done, err)
	}
	if err := k.ThawCgroup(true); err != nil {
		t.Error(err)
	}
	events, err := os.ReadFile(filepath.Join(dir, "cgroup.events"))
	if err != nil || !strings.Contains(string(events), "populated 1") || !strings.Contains(string(events), "frozen 0") {
		t.Errorf("the later cgroup has %q, %v", events, err)
	}
	unix.Kill(unrelated.pid, unix.SIGKILL)
	unrelated.reap()
}

// TestThawBelowFails: ThawCgroup returns the error of a cgroup that it cannot resume, and resumes the other cgroups all
// the same.
func TestThawBelowFails(t *testing.T) {
	dir := t.TempDir()
	frozen := func(name string) string {
		path := filepath.Join(dir, name, "cgroup.freeze")
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("1"), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	top, last := frozen("."), frozen("c")
	// A link to /proc/1/stat stands for a cgroup.freeze that cannot be thawed: the file begins with a 1 and refuses
	// every write.
	if err := os.MkdirAll(filepath.Join(dir, "b"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/proc/1/stat", filepath.Join(dir, "b", "cgroup.freeze")); err != nil {
		t.Fatal(err)
	}
	freeze, err := os.OpenFile(top, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer freeze.Close()
	k := newKernel(t, false)
	k.cgroup = &cgroup{dir: dir, freeze: freeze}
	if err := k.ThawCgroup(true); err == nil {
		t.Error("no error")
	}
	for _, path := range []string{top, last} {
		if b, err := os.ReadFile(path); err != nil || string(b) != "0" {
			t.Errorf("%s: %q, %v", path, b, err)
		}
	}
	if err := k.ThawCgroup(false); err != nil {
		t.Error(err)
	}
}
