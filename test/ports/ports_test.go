// Package ports tests killbox on other architectures. Run it by make ports: then the kernel starts programs of these
// architectures with qemu-user.
package ports

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// unsupported are the unit tests that qemu-user cannot run, and why.
var unsupported = map[string]string{}

// TestPorts builds killbox for each architecture of KILLBOX_TEST_PORTS, as Go names them, and runs the unit tests and
// smoke.sh.
func TestPorts(t *testing.T) {
	for _, arch := range strings.Fields(os.Getenv("KILLBOX_TEST_PORTS")) {
		t.Run(arch, func(t *testing.T) {
			root, bin := filepath.Join("..", ".."), t.TempDir()
			killbox := filepath.Join(bin, "killbox")
			env := append(os.Environ(), "GOOS=linux", "GOARCH="+arch, "GOARM=7", "CGO_ENABLED=0")
			// The flags of BUILD in the Makefile.
			build := exec.Command("go", "build", "-trimpath", "-tags=exactsignals", "-ldflags=-s -w -checklinkname=0", "-o", killbox, ".")
			build.Dir, build.Env = root, env
			run(t, build)
			out, err := exec.Command(killbox, "--install", bin).CombinedOutput()
			if errors.Is(err, syscall.ENOEXEC) {
				t.Skip("no emulator: install qemu-user")
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			run(t, exec.Command("unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "smoke.sh", bin))

			args := []string{"test", "-count=1"}
			if !native(arch) {
				var skip []string
				for name, reason := range unsupported {
					t.Logf("SKIP %s: %s", name, reason)
					skip = append(skip, "^"+name+"$")
				}
				if skip != nil {
					args = append(args, "-skip="+strings.Join(skip, "|"))
				}
			}
			units := exec.Command("go", append(args, strings.Fields(os.Getenv("KILLBOX_TEST_UNITS"))...)...)
			units.Dir, units.Env = root, env
			run(t, units)
		})
	}
}

// native reports whether the kernel runs programs of the architecture without an emulator.
func native(arch string) bool { return arch == "386" || arch == "amd64" }

func run(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v: %v\n%s", cmd.Args, err, out)
	}
}
