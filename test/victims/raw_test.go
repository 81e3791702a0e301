package victims

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// safeCalls matches the calls that functions of raw processes may contain: each other, system calls, and expressions
// that look like calls but are none.
var safeCalls = regexp.MustCompile(`^(raw[A-Z]\w*|raw\.run|unix\.RawSyscall6?|unix\.WaitStatus|unsafe\.(Pointer|Sizeof)|len|byte|u?int(8|16|32|64|ptr)?)$`)

// TestRaw checks that the functions of raw processes, whose names begin with raw, are nosplit and call nothing else.
func TestRaw(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	fset := token.NewFileSet()
	for _, name := range files {
		file, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || !regexp.MustCompile(`^raw[A-Z]`).MatchString(f.Name.Name) {
				continue
			}
			n++
			checkRaw(t, fset, f)
		}
	}
	if n == 0 {
		t.Error("no functions of raw processes")
	}
}

func checkRaw(t *testing.T, fset *token.FileSet, f *ast.FuncDecl) {
	t.Helper()
	var lines []string
	if f.Doc != nil {
		for _, c := range f.Doc.List {
			lines = append(lines, c.Text)
		}
	}
	for _, want := range []string{"//go:nosplit", "//go:norace"} {
		if !slices.Contains(lines, want) {
			t.Errorf("%v: %s lacks %s", fset.Position(f.Pos()), f.Name.Name, want)
		}
	}
	ast.Inspect(f.Body, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.CallExpr:
			if called := callee(node.Fun); !safeCalls.MatchString(called) {
				t.Errorf("%v: %s calls %s", fset.Position(node.Pos()), f.Name.Name, called)
			}
		case *ast.FuncLit, *ast.GoStmt, *ast.DeferStmt, *ast.SendStmt, *ast.SelectStmt:
			t.Errorf("%v: %s needs the runtime", fset.Position(node.Pos()), f.Name.Name)
		}
		return true
	})
}

func callee(fun ast.Expr) string {
	switch fun := fun.(type) {
	case *ast.Ident:
		return fun.Name
	case *ast.SelectorExpr:
		return callee(fun.X) + "." + fun.Sel.Name
	}
	return "something"
}
