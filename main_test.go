package main_test

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"unsafe"

	"killbox/internal/victims"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/rogpeppe/go-internal/txtar"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"ns":     victims.NS,
		"nsinit": victims.NSInit,
		"nsrun":  victims.NSRun,
		"victim": victims.Victim,
		"refuse": victims.Refuse,
		"events": victims.Events,
		"swap":   victims.Swap,
	})
}

// TestScripts runs testdata/scripts against the binary as it is shipped. See testdata/lib.sh for what the scripts can use.
//
//	KILLBOX_TEST_STRICT=1   a skip is a failure
//	KILLBOX_TEST_FACTOR=N   N times as many rounds in the scripts that have rounds
//	KILLBOX_TEST_TIMEOUT=S  seconds that a script's namespace may live
func TestScripts(t *testing.T) {
	if out, err := exec.Command("ns", "true").CombinedOutput(); err != nil {
		scriptT{t}.Skip(fmt.Sprintf("no PID namespace of our own, and nothing is killed outside one: %v: %s", err, out))
	}
	// Some scripts become another user, who has to find the programs too.
	helpers, err := exec.LookPath("ns")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{filepath.Dir(helpers), filepath.Dir(filepath.Dir(helpers))} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	bin := install(t)
	testdata, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	var cleanup sync.Once
	testscript.RunT(scriptT{t}, testscript.Params{
		Dir:  "testdata/scripts",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"needs": needs},
		Setup: func(env *testscript.Env) error {
			env.Values["T"] = env.T()
			env.Setenv("PATH", bin+":"+env.Getenv("PATH"))
			env.Setenv("BIN", bin)
			env.Setenv("LIB", testdata)
			env.Setenv("LC_ALL", "C")
			for _, name := range []string{"KILLBOX_TEST_FACTOR", "KILLBOX_TEST_TIMEOUT"} {
				if v := os.Getenv(name); v != "" {
					env.Setenv(name, v)
				}
			}
			all := filepath.Dir(env.WorkDir)
			// testscript removes it itself, but not when -run leaves scripts out.
			cleanup.Do(func() { t.Cleanup(func() { _ = os.Remove(all) }) })
			return os.Chmod(all, 0o755)
		},
		Condition:           condition,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// install builds killbox and gives it the names of its applets in a folder of its own.
func install(t *testing.T) string {
	t.Helper()
	// Not t.TempDir: its parent is closed to other users.
	bin, err := os.MkdirTemp("", "killbox-bin")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(bin) })
	if err := os.Chmod(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(bin, "killbox")
	// As the Makefile's BUILD.
	build := exec.Command("go", "build", "-trimpath", "-tags=exactsignals", "-ldflags=-s -w -checklinkname=0", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	for _, cmd := range []*exec.Cmd{build, exec.Command(binary, "--install", bin)} {
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
		}
	}
	return bin
}

// TestNoDropins: the five alone.
func TestNoDropins(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "killbox")
	if out, err := exec.Command("go", "build", "-tags=nodropins", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := exec.Command(binary, "--list").Output()
	if want := "freezekill\nkillwait\npgkill\nreapwait\ntkill\n"; err != nil || string(out) != want {
		t.Errorf("killbox --list: %v, %q, want %q", err, out, want)
	}
}

// scriptT is a testing.T as testscript wants it, in which a skip is never quiet.
type scriptT struct{ *testing.T }

func (t scriptT) Run(name string, f func(testscript.T)) {
	t.T.Run(name, func(t *testing.T) { f(scriptT{t}) })
}

func (t scriptT) Verbose() bool { return testing.Verbose() }

func (t scriptT) Skip(args ...any) {
	t.Helper()
	why := strings.TrimSpace(fmt.Sprint(args...))
	if os.Getenv("KILLBOX_TEST_STRICT") == "1" {
		t.Fatal("skipped, which KILLBOX_TEST_STRICT=1 forbids: " + why)
	}
	fmt.Fprintf(os.Stderr, "SKIP %s: %s\n", t.Name(), why)
	t.T.Skip(why)
}

// checkDeps ends the line of a skip for want of a tool.
const checkDeps = "make check-deps installs what is missing"

// needs is the script command `needs TOOL...`: it skips the script unless every TOOL is in PATH, or at its own path.
func needs(ts *testscript.TestScript, neg bool, tools []string) {
	if neg || len(tools) == 0 {
		ts.Fatalf("usage: needs TOOL...")
	}
	missing := slices.DeleteFunc(slices.Clone(tools), func(tool string) bool {
		_, err := exec.LookPath(tool)
		return err == nil
	})
	if len(missing) > 0 {
		ts.Value("T").(testscript.T).Skip(fmt.Sprintf("no %s: %s", strings.Join(missing, ", "), checkDeps))
	}
}

// TestScriptsNeeds: the scripts name their tools by `needs`, whose skip tells how to get them.
func TestScriptsNeeds(t *testing.T) {
	scripts, err := filepath.Glob("testdata/scripts/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, name := range scripts {
		if strings.Contains(read(t, name), "\n[!exec:") {
			t.Errorf("%s: write `needs TOOL`, not [!exec:TOOL] skip", name)
		}
	}
}

// condition answers the conditions of the scripts.
func condition(name string) (bool, error) {
	switch name {
	case "root":
		// In a user namespace of our own there is only one user.
		return os.Geteuid() == 0, nil
	case "pty":
		pty, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
		return err == nil && pty.Close() == nil, nil
	case "pidfd-exit":
		return pidfdExit(), nil
	case "pidfd-inode":
		var st unix.Statfs_t
		fd, err := unix.PidfdOpen(os.Getpid(), 0)
		if err != nil {
			return false, nil
		}
		defer unix.Close(fd)
		return unix.Fstatfs(fd, &st) == nil && st.Type == unix.PID_FS_MAGIC, nil
	case "cgroup2":
		dir := cgroup2()
		return dir != "" && unix.Access(dir, unix.W_OK) == nil, nil
	case "freezer1":
		data, _ := os.ReadFile("/proc/self/mounts")
		return strings.Contains(string(data), "/freezer cgroup ") && os.Geteuid() == 0, nil
	}
	return false, fmt.Errorf("unknown condition %q", name)
}

// pidfdExit says whether this kernel tells the exit status of a process to those who are not its parent (Linux 6.15).
var pidfdExit = sync.OnceValue(func() bool {
	fd := -1
	cmd := exec.Command("true")
	cmd.SysProcAttr = &syscall.SysProcAttr{PidFD: &fd}
	if cmd.Run() != nil || fd < 0 {
		return false
	}
	defer unix.Close(fd)
	const (
		infoExit = 1 << 3
		size     = 64 // of the first struct pidfd_info
		getInfo  = 3<<30 | size<<16 | 0xFF<<8 | 11
	)
	info := [size / 8]uint64{infoExit}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), getInfo, uintptr(unsafe.Pointer(&info)))
	return errno == 0 && info[0]&infoExit != 0
})

// cgroup2 returns where the version 2 hierarchy is mounted.
func cgroup2() string {
	data, _ := os.ReadFile("/proc/self/mounts")
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) > 2 && f[2] == "cgroup2" {
			return f[1]
		}
	}
	return ""
}

// TestScriptsShellcheck reads the shell of the scripts, which no other check can see inside the archives.
func TestScriptsShellcheck(t *testing.T) {
	if _, err := exec.LookPath("shellcheck"); err != nil {
		scriptT{t}.Skip("no shellcheck: " + checkDeps)
	}
	dir := t.TempDir()
	files := []string{"testdata/lib.sh"}
	err := filepath.WalkDir("testdata/scripts", func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".txtar" {
			return err
		}
		archive, err := txtar.ParseFile(path)
		if err != nil {
			return err
		}
		for _, f := range archive.Files {
			if filepath.Ext(f.Name) != ".sh" {
				continue
			}
			name := filepath.Join(dir, strings.TrimSuffix(filepath.Base(path), ".txtar")+"__"+filepath.Base(f.Name))
			if err := os.WriteFile(name, f.Data, 0o666); err != nil {
				return err
			}
			files = append(files, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	// 1090, 1091: lib.sh is found through a variable. 2154: `start` sets variables by the names that the victim tells.
	// 3045: ulimit -n is in every sh.
	args := append([]string{"--shell=sh", "--severity=warning", "--exclude=SC1090,SC1091,SC2154,SC3045", "--"}, files...)
	if out, err := exec.Command("shellcheck", args...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
