// Package harness contains what the tests of the built program share: the commands that make PID namespaces and
// victims, the program under the names of its applets, and skips that are always printed.
package harness

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"killbox/test/victims"

	"github.com/rogpeppe/go-internal/testscript"
)

// CheckDeps is the end of the line that a test skipped for a missing tool prints.
const CheckDeps = "make check-deps installs what is missing"

// Main runs the tests of a package with `ns`, `victim` and the other commands of package victims in PATH, and the
// commands of that package.
func Main(m *testing.M, own ...map[string]func()) {
	commands := map[string]func(){
		"ns":         victims.NS,
		"nsinit":     victims.NSInit,
		"nsrun":      victims.NSRun,
		"victim":     victims.Victim,
		"refuse":     victims.Refuse,
		"events":     victims.Events,
		"swap":       victims.Swap,
		"scans":      victims.Scans,
		"testscript": Script,
		"as-user":    AsUser,
	}
	for _, more := range own {
		maps.Copy(commands, more)
	}
	testscript.Main(m, commands)
}

// Root returns the folder of go.mod, the root of the repository.
var Root = sync.OnceValue(func() string {
	dir, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			panic("harness: no go.mod in the working directory, nor above it")
		}
		dir = parent
	}
})

// Testdata returns the folder that contains lib.sh and the scripts.
func Testdata() string { return filepath.Join(Root(), "testdata") }

// Build is the command that builds killbox, with the flags of BUILD in the Makefile.
var Build = []string{"build", "-trimpath", "-buildvcs=false", "-tags=exactsignals", "-ldflags=-s -w -checklinkname=0"}

// Install builds killbox and gives it the names of its applets, in a folder of its own that every user can read.
func Install(t *testing.T) string {
	t.Helper()
	// Not t.TempDir: its parent is not accessible to other users.
	bin, err := os.MkdirTemp("", "killbox-bin")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(bin) })
	if err := os.Chmod(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(bin, "killbox")
	build := exec.Command("go", slices.Concat(Build, []string{"-o", binary, "."})...)
	build.Dir = Root()
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	actor := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", filepath.Join(bin, "actor"), "./test/victims/actor")
	actor.Dir, actor.Env = build.Dir, build.Env
	for _, cmd := range []*exec.Cmd{build, actor, exec.Command(binary, "--install", bin)} {
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
		}
	}
	return bin
}

// NeedNamespace skips the test where no PID namespace can be made, because no test signals processes outside one.
func NeedNamespace(t *testing.T) {
	t.Helper()
	if out, err := exec.Command("ns", "true").CombinedOutput(); err != nil {
		T{T: t}.Skip(fmt.Sprintf("no PID namespace of our own, and nothing is killed outside one: %v: %s", err, out))
	}
}

// NeedTool skips the test where the tool is not installed.
func NeedTool(t *testing.T, tool string) {
	t.Helper()
	if _, err := exec.LookPath(tool); err != nil {
		T{T: t}.Skip("no " + tool + ": " + CheckDeps)
	}
}

// T adapts testing.T to testscript. Skips are printed; with KILLBOX_TEST_STRICT=1 they are failures.
type T struct{ *testing.T }

func (t T) Run(name string, f func(testscript.T)) {
	t.T.Run(name, func(t *testing.T) { f(T{T: t}) })
}

func (t T) Verbose() bool { return testing.Verbose() }

func (t T) Skip(args ...any) {
	t.Helper()
	Skip(t.T, args...)
}

// Skip skips a test for which the machine lacks something, and prints a line that says so. With KILLBOX_TEST_STRICT=1
// the test fails instead.
func Skip(t *testing.T, args ...any) {
	t.Helper()
	why := strings.TrimSpace(fmt.Sprint(args...))
	if os.Getenv("KILLBOX_TEST_STRICT") == "1" {
		t.Fatal("skipped, which KILLBOX_TEST_STRICT=1 forbids: " + why)
	}
	fmt.Fprintf(os.Stderr, "SKIP %s: %s\n", t.Name(), why)
	t.Skip(why)
}

// Needs is the script command `needs TOOL...`: it skips the script unless every TOOL is in PATH, or exists if TOOL
// is a path. It finds the T of the script under "T" in the script's environment.
func Needs(ts *testscript.TestScript, neg bool, tools []string) {
	if neg || len(tools) == 0 {
		ts.Fatalf("usage: needs TOOL...")
	}
	missing := slices.DeleteFunc(slices.Clone(tools), func(tool string) bool {
		_, err := exec.LookPath(tool)
		return err == nil
	})
	if len(missing) > 0 {
		ts.Value("T").(testscript.T).Skip(fmt.Sprintf("no %s: %s", strings.Join(missing, ", "), CheckDeps))
	}
}
