package main_test

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

// arrows says which packages outside the standard library each package may import: the structure that CONTRIBUTING.md
// describes. Tests may import more.
var arrows = map[string][]string{
	"killbox": {"killbox/applets", "killbox/internal/kernel", "killbox/procfs", "github.com/mattn/go-isatty"},
	"killbox/applets": {
		"killbox/internal/posixre", "killbox/internal/duration", "killbox/internal/escalate", "killbox/internal/child", "killbox/internal/file",
		"github.com/spf13/pflag", "killbox/internal/report", "killbox/internal/show", "killbox/internal/signals", "killbox/internal/target",
		"killbox/procfs",
	},
	"killbox/internal/posixre":  {},
	"killbox/internal/duration": {"killbox/internal/show"},
	"killbox/internal/escalate": {
		"killbox/internal/duration", "killbox/internal/freeze", "killbox/internal/show", "killbox/internal/signals", "killbox/procfs",
	},
	"killbox/internal/freeze": {"killbox/internal/show", "killbox/internal/signals", "killbox/procfs"},
	"killbox/internal/child": {
		"killbox/internal/duration", "killbox/internal/escalate", "killbox/internal/show", "killbox/internal/signals", "killbox/procfs",
	},
	"killbox/internal/file": {"golang.org/x/sys/unix"},
	"killbox/internal/kernel": {
		"killbox/internal/child", "killbox/internal/signals", "killbox/procfs", "golang.org/x/sys/unix",
	},
	"killbox/internal/report": {
		"killbox/internal/duration", "killbox/internal/escalate", "killbox/internal/child", "killbox/internal/file", "killbox/internal/show",
		"killbox/internal/signals", "killbox/procfs",
	},
	"killbox/internal/show":    {},
	"killbox/internal/signals": {"killbox/internal/show"},
	"killbox/internal/target": {
		"killbox/internal/posixre", "killbox/internal/file", "killbox/internal/show", "killbox/internal/signals", "killbox/procfs",
	},
	"killbox/procfs": {"killbox/internal/show", "golang.org/x/sys/unix"},
}

// testPackages hold what only tests and measurements use; nothing that is shipped may import them.
func testPackage(path string) bool {
	return path == "killbox/internal/victims" || path == "killbox/bench" || strings.HasSuffix(filepath.Base(path), "test")
}

// heavy are packages that cost size or start-up without a user seeing why.
var heavy = []string{"html/template", "log/slog", "net/http", "os/exec", "plugin", "testing", "text/template"}

// Only the kernel package signals, waits, reaps, or starts processes.
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
}

func goList(t *testing.T, args ...string) []goPackage {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Dir,Standard,GoFiles,Imports"}, args...)...)
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
	seen := map[string]bool{}
	for _, p := range goList(t, "./...") {
		seen[p.ImportPath] = true
		if testPackage(p.ImportPath) {
			continue
		}
		allowed, ok := arrows[p.ImportPath]
		if !ok {
			t.Errorf("%s: a new package needs a place in arrows, and in CONTRIBUTING.md", p.ImportPath)
			continue
		}
		for _, imported := range p.Imports {
			switch {
			case imported == "C":
				t.Errorf("%s uses cgo", p.ImportPath)
			case slices.Contains(kernelImports, imported) && p.ImportPath != "killbox/internal/kernel":
				t.Errorf("%s imports %s, which is the kernel package's to use", p.ImportPath, imported)
			case !std[imported] && !slices.Contains(allowed, imported):
				t.Errorf("%s must not import %s", p.ImportPath, imported)
			}
		}
	}
	for path := range arrows {
		if !seen[path] {
			t.Errorf("arrows names %s, which is not there", path)
		}
	}
}

var readingCalls = []string{"SYS_OPENAT", "SYS_READ", "SYS_READLINKAT", "SYS_CLOSE"}

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
					// procfs may read in its own way.
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

// pollerCalls make the Go runtime open its poller, or start timers that need it. If it cannot get the descriptors for that
// it ends the program with a trace, even while processes are stopped.
var pollerCalls = map[string][]string{
	"time": {"After", "AfterFunc", "NewTicker", "NewTimer", "Sleep", "Tick"},
	"os":   {"Create", "Open", "OpenFile", "ReadFile", "WriteFile"},
}

func TestNoPoller(t *testing.T) {
	core := []string{"killbox/internal/kernel", "killbox/internal/escalate", "killbox/internal/freeze", "killbox/internal/report", "killbox/procfs"}
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

// TestModule keeps go.mod down to what killbox uses: the tools have a module of their own.
func TestModule(t *testing.T) {
	want := []string{
		"github.com/google/go-cmp", "github.com/mattn/go-isatty", "github.com/rogpeppe/go-internal", "github.com/spf13/pflag",
		"golang.org/x/sys",
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

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
