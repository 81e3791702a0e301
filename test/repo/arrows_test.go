package repo

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// room is a package of killbox with the packages outside the standard library that it may import. Tests may import
// more.
type room struct {
	path    string
	imports []string
}

// layers is the structure that CONTRIBUTING.md describes, from top to bottom. A package imports the packages that
// its room names, and these are further down: in a lower layer, or below it in the same layer. Only main imports the
// kernel package, which implements interfaces that its consumers declare.
var layers = [][]room{
	{ // main
		{"killbox", []string{
			"killbox/applets", "killbox/internal/cli", "killbox/internal/kernel", "killbox/procfs", "github.com/mattn/go-isatty",
		}},
	},
	{ // applets, and what all applets share
		{"killbox/applets", []string{
			"killbox/applets/completion", "killbox/applets/dropin", "killbox/internal/child", "killbox/internal/cli", "killbox/internal/duration", "killbox/internal/escalate",
			"killbox/internal/file", "killbox/internal/report", "killbox/internal/show", "killbox/internal/signals", "killbox/internal/suggest",
			"killbox/internal/target", "killbox/procfs", "github.com/spf13/pflag",
		}},
		{"killbox/applets/dropin", []string{
			"killbox/internal/child", "killbox/internal/cli", "killbox/internal/duration", "killbox/internal/escalate",
			"killbox/internal/file", "killbox/internal/posixre", "killbox/internal/report", "killbox/internal/show",
			"killbox/internal/signals", "killbox/internal/target", "killbox/procfs", "github.com/spf13/pflag",
		}},
		{"killbox/applets/completion", []string{
			"killbox/internal/cli", "killbox/internal/report", "killbox/internal/show", "killbox/internal/signals",
			"killbox/internal/target", "killbox/procfs",
		}},
		{"killbox/internal/cli", []string{
			"killbox/internal/child", "killbox/internal/duration", "killbox/internal/escalate", "killbox/internal/posixre",
			"killbox/internal/report", "killbox/internal/show", "killbox/internal/signals", "killbox/internal/suggest", "killbox/internal/target",
			"killbox/procfs", "github.com/spf13/pflag",
		}},
	},
	{ // system calls
		{"killbox/internal/kernel", []string{
			"killbox/internal/child", "killbox/internal/show", "killbox/internal/signals", "killbox/procfs", "golang.org/x/sys/unix",
		}},
	},
	{ // targets, ladders, started processes, reports
		{"killbox/internal/report", []string{
			"killbox/internal/child", "killbox/internal/duration", "killbox/internal/escalate", "killbox/internal/file",
			"killbox/internal/show", "killbox/internal/signals", "killbox/procfs",
		}},
		{"killbox/internal/child", []string{
			"killbox/internal/duration", "killbox/internal/escalate", "killbox/internal/file", "killbox/internal/show",
			"killbox/internal/signals", "killbox/procfs",
		}},
		{"killbox/internal/escalate", []string{
			"killbox/internal/duration", "killbox/internal/freeze", "killbox/internal/show", "killbox/internal/signals",
			"killbox/procfs",
		}},
		{"killbox/internal/target", []string{
			"killbox/internal/file", "killbox/internal/posixre", "killbox/internal/show", "killbox/procfs",
		}},
	},
	{ // stopping processes
		{"killbox/internal/freeze", []string{"killbox/internal/show", "killbox/internal/signals", "killbox/procfs"}},
	},
	{ // signals, /proc
		{"killbox/procfs", []string{"killbox/internal/show", "golang.org/x/sys/unix"}},
		{"killbox/internal/signals", []string{"killbox/internal/show", "killbox/internal/suggest"}},
		{"killbox/internal/duration", []string{"killbox/internal/show"}},
	},
	{ // helpers that do not deal with processes
		{"killbox/internal/file", []string{"golang.org/x/sys/unix"}},
		{"killbox/internal/posixre", nil},
		{"killbox/internal/show", nil},
		{"killbox/internal/suggest", nil},
	},
}

// testPackage reports whether the package is for tests or measurements only: no shipped package may import it.
func testPackage(path string) bool {
	return strings.HasPrefix(path, "killbox/test/") || strings.HasPrefix(path, "killbox/packaging/") || path == "killbox/bench" || path == "killbox/docs" || strings.HasSuffix(filepath.Base(path), "test")
}

// heavy are packages that the binary must not contain: they add size or start-up time without a benefit that users see.
var heavy = []string{"html/template", "log/slog", "net/http", "os/exec", "plugin", "testing", "text/template"}

// Only the kernel package may signal, wait for, reap or start processes.
var (
	kernelImports = []string{"os/signal", "os/exec"}
	kernelCalls   = map[string][]string{
		"os": {"FindProcess", "StartProcess"},
		"syscall": {
			"Kill", "Wait4", "ForkExec", "StartProcess", "Exec", "Syscall", "Syscall6", "RawSyscall", "RawSyscall6", "PtraceAttach",
		},
		"unix": {
			"Kill", "Tgkill", "Wait4", "Waitid", "Exec", "PidfdOpen", "PidfdSendSignal", "Prctl", "Setpriority", "Setpgid", "Setsid",
			"Syscall", "Syscall6", "RawSyscall", "RawSyscall6", "PtraceAttach",
		},
	}
)

type goPackage struct {
	ImportPath string
	Dir        string
	Standard   bool
	GoFiles    []string
	Imports    []string
	Export     string // with -export: the path of the export data
}

func goList(t *testing.T, args ...string) []goPackage {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Dir,Standard,GoFiles,Imports,Export"}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", cmd.Args, err)
	}
	var list []goPackage
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
}

func TestArrows(t *testing.T) {
	std := map[string]bool{}
	for _, p := range goList(t, "-deps", "./...") {
		std[p.ImportPath] = p.Standard
	}
	rooms := slices.Concat(layers...)
	at := func(path string) int {
		return slices.IndexFunc(rooms, func(r room) bool { return r.path == path })
	}
	seen := map[string]bool{}
	for _, p := range goList(t, "./...") {
		seen[p.ImportPath] = true
		if testPackage(p.ImportPath) {
			continue
		}
		here := at(p.ImportPath)
		if here < 0 {
			t.Errorf("%s: a new package needs a place in layers, and in CONTRIBUTING.md", p.ImportPath)
			continue
		}
		for _, imported := range p.Imports {
			switch {
			case imported == "C":
				t.Errorf("%s uses cgo", p.ImportPath)
			case slices.Contains(kernelImports, imported) && p.ImportPath != "killbox/internal/kernel":
				t.Errorf("%s imports %s, which is the kernel package's to use", p.ImportPath, imported)
			case !std[imported] && !slices.Contains(rooms[here].imports, imported):
				t.Errorf("%s must not import %s: move the code, or give the arrow a place in layers and say why", p.ImportPath, imported)
			}
		}
		for _, allowed := range rooms[here].imports {
			switch there := at(allowed); {
			case !slices.Contains(p.Imports, allowed):
				t.Errorf("%s no longer imports %s: take the arrow out of layers", p.ImportPath, allowed)
			case strings.HasPrefix(allowed, "killbox/") && there <= here:
				t.Errorf("%s must not import %s, which stands above it in layers", p.ImportPath, allowed)
			case allowed == "killbox/internal/kernel" && p.ImportPath != "killbox":
				t.Errorf("%s must not import %s: declare the interface, and let main hand the kernel over", p.ImportPath, allowed)
			}
		}
	}
	for _, r := range rooms {
		if !seen[r.path] {
			t.Errorf("layers names %s, which is not there", r.path)
		}
	}
}

var readingCalls = []string{"SYS_OPENAT", "SYS_READ", "SYS_READLINKAT", "SYS_CLOSE", "SYS_KCMP"}

func TestKernelCalls(t *testing.T) {
	for _, p := range goList(t, "./...") {
		if testPackage(p.ImportPath) || p.ImportPath == "killbox/internal/kernel" {
			continue
		}
		files := token.NewFileSet()
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(files, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			reads := make(map[*ast.SelectorExpr]bool)
			ast.Inspect(f, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok && len(call.Args) > 0 {
					// procfs may make raw system calls, but only those in readingCalls.
					number, _ := call.Args[0].(*ast.SelectorExpr)
					if fun, ok := call.Fun.(*ast.SelectorExpr); ok && number != nil && p.ImportPath == "killbox/procfs" {
						reads[fun] = slices.Contains(readingCalls, number.Sel.Name)
					}
				}
				if sel, ok := n.(*ast.SelectorExpr); ok {
					if pkg, ok := sel.X.(*ast.Ident); ok && slices.Contains(kernelCalls[pkg.Name], sel.Sel.Name) && !reads[sel] {
						t.Errorf("%v: %s.%s outside internal/kernel", files.Position(sel.Pos()), pkg.Name, sel.Sel.Name)
					}
				}
				return true
			})
		}
	}
}

// pollerCalls make the Go runtime open its poller, or start timers that need the poller. If the runtime cannot get
// the descriptors for that, it ends the program with a trace, even while processes are stopped.
var pollerCalls = map[string][]string{
	"time": {"After", "AfterFunc", "NewTicker", "NewTimer", "Sleep", "Tick"},
	"os":   {"Create", "Open", "OpenFile", "ReadFile", "WriteFile"},
}

func TestNoPoller(t *testing.T) {
	core := []string{
		"killbox/internal/kernel", "killbox/internal/escalate", "killbox/internal/freeze", "killbox/internal/report", "killbox/procfs",
	}
	files := token.NewFileSet()
	for _, p := range goList(t, "./...") {
		if !slices.Contains(core, p.ImportPath) {
			continue
		}
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(files, filepath.Join(p.Dir, name), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if sel, ok := n.(*ast.SelectorExpr); ok {
					if pkg, ok := sel.X.(*ast.Ident); ok && slices.Contains(pollerCalls[pkg.Name], sel.Sel.Name) {
						t.Errorf("%v: %s.%s needs the runtime's poller", files.Position(sel.Pos()), pkg.Name, sel.Sel.Name)
					}
				}
				return true
			})
		}
	}
}

func TestWeight(t *testing.T) {
	for _, p := range goList(t, "-deps", ".") {
		if slices.Contains(heavy, p.ImportPath) || testPackage(p.ImportPath) && !p.Standard {
			t.Errorf("the binary contains %s", p.ImportPath)
		}
	}
}

func TestMainIsShort(t *testing.T) {
	if n := strings.Count(read(t, "main.go"), "\n"); n > 50 {
		t.Errorf("main.go has %d lines; more than 50 is work that belongs elsewhere", n)
	}
}

// TestModule checks that go.mod names only modules that killbox uses; staticcheck is in a module of its own.
func TestModule(t *testing.T) {
	want := []string{
		"github.com/google/go-cmp", "github.com/mattn/go-isatty", "github.com/rogpeppe/go-internal", "github.com/santhosh-tekuri/jsonschema/v6",
		"github.com/spf13/pflag", "golang.org/x/sys",
	}
	var got []string
	for line := range strings.Lines(read(t, "go.mod")) {
		if strings.HasPrefix(line, "tool ") {
			t.Errorf("go.mod: %s belongs into tools/go.mod", strings.TrimSpace(line))
		}
		line = strings.TrimPrefix(strings.TrimSpace(line), "require ")
		if f := strings.Fields(line); len(f) == 2 && strings.Contains(f[0], "/") {
			got = append(got, f[0])
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("go.mod requires %q directly, want %q; a further one needs a reason in CONTRIBUTING.md", got, want)
	}
}
