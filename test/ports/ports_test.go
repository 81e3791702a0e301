// Package ports tests killbox on other architectures. Run it by make ports: then the kernel starts programs of these
// architectures with qemu-user.
package ports

import (
	"context"
	"errors"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"killbox/test/harness"
)

// emulatedLimit is the limit of one package under qemu-user, which is about ten times as slow: most take seconds. A
// package that qemu-user makes hang does not keep the others from being tested.
const emulatedLimit = 3 * time.Minute

// unsupported are the unit tests that fail or take too long under qemu-user 7.2, and why.
var unsupported = map[string]string{
	"TestWords":                  "it takes minutes",
	"TestKernelLeaderExits":      "the executable and the arguments in /proc/PID are those of qemu-user",
	"TestKernelReaders":          "the executable and the arguments in /proc/PID are those of qemu-user",
	"TestSelfFiles":              "the executable in /proc/PID is qemu-user",
	"TestParseAuxvOfThisProcess": "the auxiliary vector has no AT_SYSINFO_EHDR",

	"TestHook":                         cloneRefused,
	"TestHooksRunInParallel":           cloneRefused,
	"TestHookThatHangs":                cloneRefused,
	"TestReservedThreads":              cloneRefused,
	"TestResumeWithoutDescriptors":     cloneRefused,
	"TestPidfdOfALivingProcessRefused": "PR_SET_SECCOMP fails with EINVAL",
	"TestVforks":                       "vfork(2) is fork(2), so the parent is not in vfork(2)",
	"TestBlocks":                       "the signals of qemu-user stay unblocked",
	"TestCatch":                        "the signals RTMAX-1 and RTMAX are refused, and signals are not deferred: " + cloneRefused,
	"TestEarlySignal":                  "signals are not deferred: " + cloneRefused,
	"TestHangupWhileReaping":           subreaperRefused,
	"TestReapThousands":                subreaperRefused,
	"TestSignalChildAfterReap":         subreaperRefused,
	"TestBoostIsNotStopped":            cloneRefused,
	"TestBrokenTool":                   "clone3(2), which starts a process in a cgroup, fails with ENOSYS",
}

const (
	cloneRefused     = "clone(2) without SIGCHLD fails with EINVAL"
	subreaperRefused = "PR_SET_CHILD_SUBREAPER fails with EINVAL"
)

// TestPorts builds killbox for each architecture of KILLBOX_TEST_PORTS, as Go names them, and runs smoke.sh and the unit
// tests of the packages of KILLBOX_TEST_UNITS, each package with a time limit of its own.
func TestPorts(t *testing.T) {
	// nohup(1) ignores HUP. A signal that this process catches has its default action in the programs that it starts.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	for _, arch := range strings.Fields(os.Getenv("KILLBOX_TEST_PORTS")) {
		t.Run(arch, func(t *testing.T) {
			root, bin := filepath.Join("..", ".."), t.TempDir()
			killbox := filepath.Join(bin, "killbox")
			env := append(os.Environ(), "GOOS=linux", "GOARCH="+arch, "GOARM=7", "CGO_ENABLED=0")
			build := exec.Command("go", slices.Concat(harness.Build, []string{"-o", killbox, "."})...)
			build.Dir, build.Env = root, env
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("%v: %v\n%s", build.Args, err, out)
			}
			out, err := exec.Command(killbox, "--install", bin).CombinedOutput()
			if errors.Is(err, syscall.ENOEXEC) {
				harness.Skip(t, "no emulator: install qemu-user")
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			t.Run("smoke", func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 2*emulatedLimit)
				defer cancel()
				kind := "emulated"
				if native(arch) {
					kind = "native"
				}
				smoke := exec.CommandContext(ctx, "unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "smoke.sh", bin, kind)
				out, err := smoke.CombinedOutput()
				for line := range strings.Lines(string(out)) {
					if strings.HasPrefix(line, "smoke.sh:") {
						t.Log(strings.TrimSpace(line))
					}
				}
				if err != nil {
					t.Errorf("%v\n%s", err, out)
				}
			})
			if !native(arch) {
				for _, name := range slices.Sorted(maps.Keys(unsupported)) {
					t.Logf("SKIP %s: %s", name, unsupported[name])
				}
			}
			for _, unit := range strings.Fields(os.Getenv("KILLBOX_TEST_UNITS")) {
				t.Run(strings.TrimPrefix(unit, "killbox/"), func(t *testing.T) { testUnit(t, unit, arch, root, env) })
			}
		})
	}
}

// testUnit runs the unit tests of a package, without those that are unsupported.
func testUnit(t *testing.T, unit, arch, root string, env []string) {
	args := []string{"test", "-count=1", unit}
	if !native(arch) {
		var skip []string
		for _, name := range slices.Sorted(maps.Keys(unsupported)) {
			skip = append(skip, "^"+name+"$")
		}
		args = append(args, "-timeout="+emulatedLimit.String(), "-skip="+strings.Join(skip, "|"))
	}
	cmd := exec.Command("go", args...)
	cmd.Dir, cmd.Env = root, env
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v: %v\n%s", cmd.Args, err, out)
	}
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "SKIP ") {
			t.Log(strings.TrimSpace(line))
		}
	}
}

// native reports whether the kernel runs programs of the architecture without an emulator.
func native(arch string) bool { return arch == "386" || arch == "amd64" }
