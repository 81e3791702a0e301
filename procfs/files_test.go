package procfs_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"killbox/procfs"
	"killbox/procfs/procfstest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func open(t testing.TB, root string) *procfs.FS {
	t.Helper()
	fs, err := procfs.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := fs.Close(); err != nil {
			t.Error(err)
		}
	})
	return fs
}

func rename(t testing.TB, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func overwrite(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestParseStatusHostileNames(t *testing.T) {
	for _, name := range hostileNames {
		s, err := procfs.ParseStatus([]byte(procfstest.Proc{PID: 5, Comm: name}.StatusText()))
		if err != nil {
			t.Errorf("name %q: %v", name, err)
		} else if s.Name != name || s.TracerPID != 0 || s.PPID != 0 || s.State != 'S' {
			t.Errorf("name %q: read as %+v", name, s)
		}
	}
}

func TestParseStatus(t *testing.T) {
	const text = "Name:\tx\nUmask:\t0022\nState:\tt (tracing stop)\nTgid:\t8\nNgid:\t0\nPid:\t9\nPPid:\t7\nTracerPid:\t6\n" +
		"Uid:\t0\t1\t2\t3\nGid:\t4\t5\t6\t7\nFDSize:\t64\nGroups:\t4 20 \nNStgid:\t9\t1\nNSpid:\t9\t3\t1\nVmHWM:\t   17520 kB\nVmRSS:\t    9752 kB\n" +
		"Threads:\t13\nSigQ:\t0/96365\nSigPnd:\t0000000000000001\nShdPnd:\t0000000000004000\nSigBlk:\t8000000000000000\n" +
		"SigIgn:\t0000000000001000\nSigCgt:\t00000000000000000000000000000002\nCapInh:\t0000000000000000\nCapEff:\t000001ffffffffff\n" +
		"voluntary_ctxt_switches:\t333\nnonvoluntary_ctxt_switches:\t22\nSome new line\nNew:\t\n"
	got, err := procfs.ParseStatus([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(procfs.Status{
		Name: "x", State: 't', TGID: 8, PPID: 7, TracerPID: 6, UID: [4]int{0, 1, 2, 3}, GID: [4]int{4, 5, 6, 7},
		NSPID: []int{9, 3, 1}, Threads: 13, VmHWM: 17520, VmRSS: 9752, ThreadPending: 1, Pending: 1 << 14, Blocked: 1 << 63, Ignored: 1 << 12,
		Caught: 2, Effective: 1<<41 - 1, VoluntarySwitches: 333, InvoluntarySwitches: 22,
	}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	if s, err := procfs.ParseStatus([]byte("State:\tZ (zombie)")); err != nil || s.State != 'Z' {
		t.Errorf("of an old kernel, or truncated: %+v, %v", s, err)
	}
	if s, err := procfs.ParseStatus([]byte("State:\tS\nUid:\t4294967294\t0\t0\t0\n")); err != nil || uint32(s.UID[0]) != 4294967294 {
		t.Errorf("a high user ID: %+v, %v", s, err)
	}
}

func TestParseStatusRefuses(t *testing.T) {
	for _, in := range []string{
		"", "\n", "Name:\tx\n", "State:\n", "State:\t\n", "State", "State:\tS\nPPid:\t\n", "State:\tS\nPPid:\tx\n",
		"State:\tS\nUid:\t1\t2\t3\n", "State:\tS\nUid:\t1\t2\t3\t-1\n", "State:\tS\nUid:\t4294967296\t0\t0\t0\n",
		"State:\tS\nSigBlk:\t\n", "State:\tS\nSigBlk:\t+1\n", "State:\tS\nSigBlk:\txyz\n", "State:\tS\nNSpid:\t1\tx\n",
		"State:\tS\nThreads:\t99999999999\n",
	} {
		if got, err := procfs.ParseStatus([]byte(in)); err == nil {
			t.Errorf("ParseStatus(%q) = %+v, want an error", in, got)
		}
	}
}

func TestSigSet(t *testing.T) {
	set := procfs.SigSet(1<<14 | 1<<63 | 1)
	var has []int
	for sig := -70; sig < 200; sig++ {
		if set.Has(sig) {
			has = append(has, sig)
		}
	}
	if diff := cmp.Diff([]int{1, 15, 64}, has); diff != "" {
		t.Error(diff)
	}
}

func FuzzParseStatus(f *testing.F) {
	for _, name := range hostileNames {
		f.Add([]byte(procfstest.Proc{PID: 42, Comm: name}.StatusText()))
	}
	f.Add([]byte("State:\tS\nNSpid:\t1\t2\nSigCgt:\t00000000000000000000000000000002"))
	f.Fuzz(func(t *testing.T, in []byte) {
		s, err := procfs.ParseStatus(in)
		if err != nil {
			return
		}
		if s.State == 0 {
			t.Errorf("no state in %q, and no error", in)
		}
		again, err := procfs.ParseStatus(slices.Concat(in, []byte("\nUnknown:\tline\n")))
		if err != nil || cmp.Diff(s, again) != "" {
			t.Errorf("an unknown line makes a difference to %q: %v\n%s", in, err, cmp.Diff(s, again))
		}
	})
}

func TestParseCmdline(t *testing.T) {
	for in, want := range map[string][]string{
		"":                          nil,
		"\x00":                      {""},
		"\x00\x00":                  {"", ""},
		"a\x00":                     {"a"},
		"a\x00\x00b\x00":            {"a", "", "b"},
		"a\x00b\x00\x00":            {"a", "b", ""},
		"a b\x00c\nd\x00":           {"a b", "c\nd"},
		"sshd: root@pts/0":          {"sshd: root@pts/0"}, // setproctitle
		"nginx: worker process    ": {"nginx: worker process    "},
		"\xff\xfe\x00":              {"\xff\xfe"},
		"-bash\x00":                 {"-bash"},
	} {
		if diff := cmp.Diff(want, procfs.ParseCmdline([]byte(in))); diff != "" {
			t.Errorf("%q (-want +got):\n%s", in, diff)
		}
	}
}

func FuzzParseCmdline(f *testing.F) {
	f.Add([]byte(""))
	f.Add([]byte("a\x00\x00b\x00"))
	f.Add([]byte("title"))
	f.Fuzz(func(t *testing.T, in []byte) {
		args := procfs.ParseCmdline(in)
		if len(in) == 0 {
			if args != nil {
				t.Errorf("%q from an empty file", args)
			}
			return
		}
		out := strings.Join(args, "\x00")
		if in[len(in)-1] == 0 {
			out += "\x00"
		}
		if out != string(in) {
			t.Errorf("%q becomes %q", in, out)
		}
		if n := bytes.Count(in, []byte{0}); len(args) != n && len(args) != n+1 {
			t.Errorf("%d arguments from %q", len(args), in)
		}
	})
}

func TestEnviron(t *testing.T) {
	env := []byte("A=1\x00\x00BB=\x00A=2\x00noequals\x00=odd\x00LAST=a=b\x00\x00\x00")
	if diff := cmp.Diff([]string{"A=1", "BB=", "A=2", "noequals", "=odd", "LAST=a=b"}, procfs.ParseEnviron(env)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := procfs.ParseEnviron(nil); got != nil {
		t.Errorf("%q from an empty file", got)
	}
	for _, tt := range []struct {
		name, value string
		any, want   bool
	}{
		{"A", "1", false, true},
		{"A", "2", false, true},
		{"A", "", false, false},
		{"A", "", true, true},
		{"BB", "", false, true},
		{"B", "", true, false},
		{"BBB", "", true, false},
		{"noequals", "", true, false},
		{"LAST", "a=b", false, true},
		{"LAST=a", "b", false, false},
		{"LAST", "a", false, false},
		{"LAST", "a=b\x00", false, false},
		{"a", "1", false, false},
	} {
		if got := procfs.HasEnv(env, tt.name, tt.value, tt.any); got != tt.want {
			t.Errorf("HasEnv(%q, %q, %v) = %v", tt.name, tt.value, tt.any, got)
		}
	}
}

func TestParseCgroup(t *testing.T) {
	got, err := procfs.ParseCgroup([]byte("9:name=systemd:/\n4:memory,cpu:/a:b/c (deleted)\n3::/odd\n0::/../x y\n"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]procfs.CgroupEntry{
		{Hierarchy: 9, Controllers: []string{"name=systemd"}, Path: "/"},
		{Hierarchy: 4, Controllers: []string{"memory", "cpu"}, Path: "/a:b/c (deleted)"},
		{Hierarchy: 3, Path: "/odd"},
		{Hierarchy: 0, Path: "/../x y"},
	}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for i, want := range []bool{false, false, false, true} {
		if got[i].V2() != want {
			t.Errorf("%+v: version 2 %v", got[i], !want)
		}
	}
	if got, err := procfs.ParseCgroup(nil); len(got) != 0 || err != nil {
		t.Errorf("an empty file: %v, %v", got, err)
	}
	for _, in := range []string{"\n", "0", "0:", "0::", "x::/", "-1::/", "::/", "0:/\n", "0::/\n\n", "99999999999::/"} {
		if got, err := procfs.ParseCgroup([]byte(in)); err == nil {
			t.Errorf("ParseCgroup(%q) = %+v, want an error", in, got)
		}
	}
}

func FuzzParseCgroup(f *testing.F) {
	f.Add([]byte("9:name=systemd:/\n4:memory,cpu:/a:b/c\n0::/\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		entries, err := procfs.ParseCgroup(in)
		if err != nil {
			return
		}
		var out strings.Builder
		for _, e := range entries {
			fmt.Fprintf(&out, "%d:%s:%s\n", e.Hierarchy, strings.Join(e.Controllers, ","), e.Path)
		}
		again, err := procfs.ParseCgroup([]byte(out.String()))
		if err != nil || cmp.Diff(entries, again) != "" {
			t.Errorf("%q, printed as %q: %v\n%s", in, out.String(), err, cmp.Diff(entries, again))
		}
	})
}

func TestParseMountInfo(t *testing.T) {
	got, err := procfs.ParseMountInfo([]byte(
		`36 35 98:0 /mnt1 /mnt\0402\134040 rw,noatime master:1 shared:2 - ext3 /dev/ro\011ot rw,errors=continue` + "\n" +
			`41 31 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate` + "\n" +
			`42 31 0:39 / /a\b\9\12 rw - tmpfs  rw` + "\n" +
			`43 31 0:40 / /\043 rw - fuse.x - rw,a b` + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]procfs.Mount{
		{ID: 36, Parent: 35, Device: unix.Mkdev(98, 0), Propagation: "master:1 shared:2", Root: "/mnt1", Point: `/mnt 2\040`, FSType: "ext3", Source: "/dev/ro\tot", SuperOptions: "rw,errors=continue"},
		{ID: 41, Parent: 31, Device: unix.Mkdev(0, 38), Root: "/", Point: "/sys/fs/cgroup", FSType: "cgroup2", Source: "cgroup2", SuperOptions: "rw,nsdelegate"},
		{ID: 42, Parent: 31, Device: unix.Mkdev(0, 39), Root: "/", Point: `/a\b\9\12`, FSType: "tmpfs", Source: "", SuperOptions: "rw"},
		{ID: 43, Parent: 31, Device: unix.Mkdev(0, 40), Root: "/", Point: "/#", FSType: "fuse.x", Source: "-", SuperOptions: "rw,a b"},
	}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, in := range []string{
		"\n", "1", "36 35 98:0 /mnt1 /mnt2 rw master:1", "36 35 98:0 /mnt1 /mnt2 - ext3 x rw",
		"x 35 98:0 / / rw - ext3 x rw", "36 x 98:0 / / rw - ext3 x rw", "36 35 98 / / rw - ext3 x rw", "36 35 98:x / / rw - ext3 x rw",
		"36 35 98:0 /mnt1 /mnt2 rw - ext3", "36 35 98:0 /mnt1 /mnt2 rw - ext3 x",
	} {
		if got, err := procfs.ParseMountInfo([]byte(in)); err == nil {
			t.Errorf("ParseMountInfo(%q) = %+v, want an error", in, got)
		}
	}
}

func FuzzParseMountInfo(f *testing.F) {
	f.Add([]byte(`36 35 98:0 /mnt1 /mnt\0402\134040 rw,noatime master:1 - ext3 /dev/root rw` + "\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		mounts, err := procfs.ParseMountInfo(in)
		if err != nil {
			return
		}
		lines := bytes.Count(in, []byte("\n"))
		if len(in) > 0 && in[len(in)-1] != '\n' {
			lines++
		}
		if len(mounts) != lines {
			t.Errorf("%d mounts from %d lines", len(mounts), lines)
		}
	})
}

func TestParseNumbers(t *testing.T) {
	for in, want := range map[string]int{
		"0.00 0.01 0.05 1/123 4567\n": 4567,
		"0.00 0.01 0.05 1/123 0":      0,
		"":                            -1,
		"4567":                        -1,
		"0.00 0.01 0.05 1/123 ":       -1,
		"0.00 0.01 0.05 1/123 x":      -1,
		"0.00 0.01 0.05 1/123 -3":     -1,
		"0.00 0.01 0.05 1/123 4\n5":   -1,
	} {
		if got, err := procfs.ParseLoadavg([]byte(in)); (err != nil) != (want < 0) || err == nil && got != want {
			t.Errorf("ParseLoadavg(%q) = %d, %v", in, got, err)
		}
	}
	for in, want := range map[string]time.Duration{
		"12345.67 99.01\n": 12345*time.Second + 670*time.Millisecond,
		"0.05 0.00":        50 * time.Millisecond,
		"":                 -1, "12345": -1, "1.5 2": -1, ".50": -1, "-1.00": -1, "1.x0": -1, "nan": -1,
		"99999999999.00": -1, "18446744073709551616.00": -1,
	} {
		if got, err := procfs.ParseUptime([]byte(in)); (err != nil) != (want < 0) || err == nil && got != want {
			t.Errorf("ParseUptime(%q) = %v, %v", in, got, err)
		}
	}
	for in, want := range map[string][]int{"": nil, "5 ": {5}, "5 6 7 ": {5, 6, 7}, "5 6": {5, 6}} {
		if got, err := procfs.ParseChildren([]byte(in)); err != nil || !slices.Equal(got, want) {
			t.Errorf("ParseChildren(%q) = %v, %v", in, got, err)
		}
	}
	for _, in := range []string{"x", "5 x", "-5 ", "99999999999 ", "5 \n6 "} {
		if got, err := procfs.ParseChildren([]byte(in)); err == nil {
			t.Errorf("ParseChildren(%q) = %v, want an error", in, got)
		}
	}
}

func TestTTYName(t *testing.T) {
	for nr, want := range map[uint32]string{
		0: "?", 4<<8 | 1: "tty1", 4<<8 | 63: "tty63", 4<<8 | 64: "ttyS0", 4<<8 | 67: "ttyS3",
		136 << 8: "pts/0", 136<<8 | 255: "pts/255", 137 << 8: "pts/256",
		// pts/256 and pts/1048575 since Linux 2.6: bits 20 to 31 are the upper bits of the minor.
		1<<20 | 136<<8: "pts/256", 0xfff<<20 | 136<<8 | 0xff: "pts/1048575",
		204<<8 | 64: "ttyAMA0", 188 << 8: "ttyUSB0", 166<<8 | 2: "ttyACM2", 229 << 8: "hvc0", 5<<8 | 1: "5:1", 250<<8 | 3: "250:3",
	} {
		if got := procfs.TTYName(nr); got != want {
			t.Errorf("TTYName(%#x) = %q, want %q", nr, got, want)
		}
	}
}

func TestTTYNumber(t *testing.T) {
	fs := open(t, procfstest.Build(t))
	// TTYNumber accepts any character device. /dev/null is one that exists on every system, with the same device
	// number.
	for name, want := range map[string]uint32{"?": 0, "-": 0, "null": 1<<8 | 3, "/dev/null": 1<<8 | 3} {
		if got, err := fs.TTYNumber(name); err != nil || got != want {
			t.Errorf("TTYNumber(%q) = %#x, %v; want %#x", name, got, err, want)
		}
	}
	for _, name := range []string{"", "pts/99999999", "/", "/etc/passwd", "a\x00b", "/dev/"} {
		if got, err := fs.TTYNumber(name); err == nil {
			t.Errorf("TTYNumber(%q) = %#x, want an error", name, got)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	file := t.TempDir() + "/file"
	overwrite(t, file, "")
	for _, root := range []string{"/does/not/exist", file} {
		if _, err := procfs.Open(root); err == nil || !strings.HasPrefix(err.Error(), "cannot open "+root+": ") ||
			!strings.HasSuffix(err.Error(), "is it mounted?") {
			t.Errorf("Open(%q): %v", root, err)
		}
	}
}

func TestReaders(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	root := procfstest.Build(t,
		procfstest.Proc{PID: 1, Comm: "init"},
		procfstest.Proc{PID: 7, PPID: 1, Start: procfstest.Ticks(90), Comm: "a) R 1 (", Cmdline: []string{"prog", "", long},
			Environ: []string{"A=1", "LONG=" + long}, Cgroup: "/a/b", Wchan: "do_wait", Exe: "/bin/prog (deleted)", UID: 1000},
		procfstest.Proc{PID: 9, PPID: 7, State: 'Z'},
		procfstest.Proc{PID: 8, PPID: 7},
	)
	fs := open(t, root)
	if fs.Root() != root {
		t.Error(fs.Root())
	}
	check := func(what string, want, got any, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", what, err)
		} else if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	pids, err := fs.PIDs(nil)
	slices.Sort(pids)
	check("PIDs", []int{1, 7, 8, 9}, pids, err)
	stat, err := fs.Stat(7)
	check("Stat", "a) R 1 (", stat.Comm, err)
	age, err := fs.Age(stat)
	check("Age", 90*time.Second, age, err)
	age, err = fs.Age(procfs.Stat{ID: procfs.ID{Start: 1<<64 - 1}})
	check("Age with a start time in the future", time.Duration(0), age, err)
	status, err := fs.Status(7)
	check("Status", [4]int{1000, 1000, 1000, 1000}, status.UID, err)
	cmdline, err := fs.Cmdline(7)
	check("Cmdline", []string{"prog", "", long}, cmdline, err)
	cmdline, err = fs.Cmdline(9)
	check("Cmdline of a zombie", []string(nil), cmdline, err)
	environ, err := fs.Environ(7)
	check("Environ", []string{"A=1", "LONG=" + long}, environ, err)
	raw, err := fs.EnvironBytes(7)
	check("EnvironBytes", "A=1\x00LONG="+long+"\x00", string(raw), err)
	cgroups, err := fs.Cgroups(&procfs.Stat{ID: procfs.ID{PID: 7}})
	check("Cgroups", []procfs.CgroupEntry{{Path: "/a/b"}}, cgroups, err)
	wchan, err := fs.Wchan(7)
	check("Wchan", "do_wait", wchan, err)
	wchan, err = fs.Wchan(8)
	check("Wchan of a running process", "", wchan, err)
	exe, err := fs.Exe(7)
	check("Exe", "/bin/prog", exe, err)
	exe, err = fs.Exe(9)
	check("Exe of a zombie", "", exe, err)
	children, err := fs.Children(7)
	check("Children", []int{8, 9}, children, err)
	children, err = fs.Children(9)
	check("Children of a process without children", []int(nil), children, err)
	mounts, err := fs.Mounts()
	check("Mounts", "/sys/fs/cgroup", mounts[len(mounts)-1].Point, err)
	last, err := fs.LastPID()
	check("LastPID", 9, last, err)
	up, err := fs.Uptime()
	check("Uptime", procfstest.Uptime*time.Second, up, err)

	for what, read := range perProcess(fs) {
		for _, pid := range []int{2, 0, -1, 1 << 30} {
			if err := read(pid); !errors.Is(err, procfs.ErrNoProcess) {
				t.Errorf("%s of %d: %v, want ErrNoProcess", what, pid, err)
			}
		}
	}
}

// perProcess returns the readers that take a PID, by name.
func perProcess(fs *procfs.FS) map[string]func(int) error {
	return map[string]func(int) error{
		"Stat":     func(pid int) error { _, err := fs.Stat(pid); return err },
		"Status":   func(pid int) error { _, err := fs.Status(pid); return err },
		"Cmdline":  func(pid int) error { _, err := fs.Cmdline(pid); return err },
		"Environ":  func(pid int) error { _, err := fs.Environ(pid); return err },
		"Cgroups":  func(pid int) error { _, err := fs.Cgroups(&procfs.Stat{ID: procfs.ID{PID: pid}}); return err },
		"Wchan":    func(pid int) error { _, err := fs.Wchan(pid); return err },
		"Exe":      func(pid int) error { _, err := fs.Exe(pid); return err },
		"Children": func(pid int) error { _, err := fs.Children(pid); return err },
	}
}

// TestUnsupported covers kernels that were built without some files: if a file is missing but the process exists, the
// error must not be ErrNoProcess.
func TestUnsupported(t *testing.T) {
	root := procfstest.Build(t, procfstest.Proc{PID: 5}, procfstest.Proc{PID: 6, PPID: 5})
	for _, file := range []string{"cgroup", "wchan", "task/5/children"} {
		if err := os.Remove(root + "/5/" + file); err != nil {
			t.Fatal(err)
		}
	}
	fs := open(t, root)
	for _, what := range []string{"Cgroups", "Wchan", "Children"} {
		if err := perProcess(fs)[what](5); !errors.Is(err, errors.ErrUnsupported) || errors.Is(err, procfs.ErrNoProcess) {
			t.Errorf("%s: %v, want ErrUnsupported", what, err)
		}
	}
	// After a children file was read, a missing one means that the thread has exited.
	if got, err := fs.Children(6); len(got) != 0 || err != nil {
		t.Errorf("Children(6) = %v, %v", got, err)
	}
	if got, err := fs.Children(5); len(got) != 0 || err != nil {
		t.Errorf("Children(5) = %v, %v", got, err)
	}
}

func TestChildrenOfAllThreads(t *testing.T) {
	root := procfstest.Build(t, procfstest.Proc{PID: 5}, procfstest.Proc{PID: 9, PPID: 5})
	var many strings.Builder
	want := []int{9}
	for pid := 1000; pid < 9000; pid++ {
		fmt.Fprintf(&many, "%d ", pid)
		want = append(want, pid)
	}
	for tid, children := range map[string]string{"6": "9 1000 ", "7": many.String(), "8": ""} {
		if err := os.Mkdir(root+"/5/task/"+tid, 0o755); err != nil {
			t.Fatal(err)
		}
		overwrite(t, root+"/5/task/"+tid+"/children", children)
	}
	got, err := open(t, root).Children(5)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestParseStatusName(t *testing.T) {
	for escaped, want := range map[string]string{
		"":            "",
		"sshd":        "sshd",
		`a\nb`:        "a\nb",
		`a\\nb`:       `a\nb`,
		`a\\\nb`:      "a\\\nb",
		`\\\\`:        `\\`,
		`\tab`:        `\tab`,
		`end\`:        `end\`,
		"\xff\\n\xfe": "\xff\n\xfe",
	} {
		if s, err := procfs.ParseStatus([]byte("Name:\t" + escaped + "\nState:\tS\n")); err != nil || s.Name != want {
			t.Errorf("%q is read as %q, %v; want %q", escaped, s.Name, err, want)
		}
	}
}

// TestLastPIDError checks that the error says why the last PID is not known.
func TestLastPIDError(t *testing.T) {
	for what, test := range map[string]struct {
		change func(path string) error
		want   string
	}{
		"missing":   {os.Remove, " cannot be read (subset=pid)"},
		"malformed": {func(path string) error { return os.WriteFile(path, []byte("x\n"), 0o600) }, ` does not show the last PID: malformed loadavg: "x"`},
		"no PID":    {func(path string) error { return os.WriteFile(path, []byte("0 0 0 0/0 0\n"), 0o600) }, " does not show the last PID"},
		"refused": {func(path string) error {
			return errors.Join(os.Remove(path), os.Mkdir(path, 0o700))
		}, " cannot be read (is a directory)"},
		"replaced": {func(path string) error {
			return errors.Join(os.Remove(path), os.Symlink("/proc/loadavg", path))
		}, " is not the kernel's (a file is mounted over it, as lxcfs does)"},
	} {
		root := procfstest.Build(t, procfstest.Proc{PID: 1})
		path := filepath.Join(root, "loadavg")
		if err := test.change(path); err != nil {
			t.Fatal(err)
		}
		fs, err := procfs.Open(root)
		if err != nil {
			t.Fatal(err)
		}
		if pid, err := fs.LastPID(); pid != 0 || err == nil || err.Error() != path+test.want {
			t.Errorf("%s: %d, %v, want %s", what, pid, err, path+test.want)
		}
		var s procfs.Snapshot
		if err := fs.Snapshot(&s); err != nil || s.NoPIDAllocated() || s.LastPIDErr == nil || s.FirstPID != 0 || s.LastPID != 0 {
			t.Errorf("%s: a snapshot from %d to %d: %v (%v)", what, s.FirstPID, s.LastPID, s.LastPIDErr, err)
		}
		_ = fs.Close()
	}
}
