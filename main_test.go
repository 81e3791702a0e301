package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"unsafe"

	"killbox/test/harness"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { harness.Main(m) }

// TestScripts runs testdata/scripts against the binary as it is shipped. See testdata/lib.sh for what the scripts can use.
//
//	KILLBOX_TEST_STRICT=1   a skip is a failure
//	KILLBOX_TEST_FACTOR=N   N times as many rounds in the scripts that have rounds
//	KILLBOX_TEST_TIMEOUT=S  seconds that a script's namespace may live
func TestScripts(t *testing.T) {
	harness.NeedNamespace(t)
	// Some scripts become another user, and that user has to find the programs too.
	helpers, err := exec.LookPath("ns")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{filepath.Dir(helpers), filepath.Dir(filepath.Dir(helpers))} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	bin := harness.Install(t)
	var cleanup sync.Once
	testscript.RunT(harness.T{T: t}, testscript.Params{
		Dir:  "testdata/scripts",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"needs": harness.Needs},
		Setup: func(env *testscript.Env) error {
			env.Values["T"] = env.T()
			env.Setenv("PATH", bin+":"+env.Getenv("PATH"))
			env.Setenv("BIN", bin)
			env.Setenv("LIB", harness.Testdata())
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

// pidfdExit reports whether this kernel tells the exit status of a process to others than its parent (Linux 6.15).
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
