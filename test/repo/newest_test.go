//go:build newest

package repo

import (
	"go/version"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestNewestGo builds with the newest release of Go, with the tag exactsignals and without it. The tag links to
// names of the runtime that another release may not have. The test needs the Go module proxy.
func TestNewestGo(t *testing.T) {
	const hup, usr1, pipe = 1 << (1 - 1), 1 << (10 - 1), 1 << (13 - 1)
	release := newestGo(t)
	t.Log(release)
	for _, test := range []struct {
		name    string
		flags   []string
		ignored uint64 // mask of the signals that the command must ignore; its caller ignores HUP, USR1 and PIPE
	}{
		{"exactsignals", []string{"-tags=exactsignals", "-ldflags=-checklinkname=0"}, hup | usr1 | pipe},
		{"plain", nil, hup},
	} {
		dir := t.TempDir()
		build := exec.Command("go", slices.Concat([]string{"build", "-o", filepath.Join(dir, "reapwait")}, test.flags, []string{"."})...)
		build.Env = append(os.Environ(), "GOTOOLCHAIN="+release, "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			t.Errorf("%s, %s: %v\n%s", release, test.name, err, out)
			continue
		}
		run := exec.Command("sh", "-c", `trap "" HUP USR1 PIPE; exec "$1" grep SigIgn: /proc/self/status`, "sh", filepath.Join(dir, "reapwait"))
		out, err := run.CombinedOutput()
		ignored, parseErr := strconv.ParseUint(strings.TrimSpace(strings.TrimPrefix(string(out), "SigIgn:")), 16, 64)
		if ignored &= hup | usr1 | pipe; err != nil || parseErr != nil || ignored != test.ignored {
			t.Errorf("%s, %s: %v, %q; want %#x of HUP, USR1, PIPE", release, test.name, err, out, test.ignored)
		}
	}
}

// newestGo returns the newest release of Go for this machine, such as "go1.26.4".
func newestGo(t *testing.T) string {
	out, err := exec.Command("go", "list", "-m", "-versions", "golang.org/toolchain").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var releases []string
	for _, word := range strings.Fields(string(out)) {
		release, ok := strings.CutSuffix(word, "."+runtime.GOOS+"-"+runtime.GOARCH)
		if ok && !strings.ContainsAny(release, "rb") { // no release candidate or beta
			releases = append(releases, strings.TrimPrefix(release, "v0.0.1-"))
		}
	}
	if len(releases) == 0 {
		t.Fatal("the module proxy has no release of Go")
	}
	return slices.MaxFunc(releases, version.Compare)
}
