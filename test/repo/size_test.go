package repo

import (
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The limits of a function, a file of internal/escalate, and an interface. They limit what a reader must know at a
// time.
const (
	maxLines      = 80 // lines of a function, from func to its closing brace
	maxComplexity = 20 // cyclomatic complexity of a function, see complexity
	maxFiles      = 5  // other files of the package that a file of internal/escalate refers to
	maxMethods    = 6  // methods of an interface, without those of embedded interfaces
)

// largeInterfaces maps interfaces that may have more than maxMethods methods, as "folder.Name", to the reason.
var largeInterfaces = map[string]string{}

// function is a declared function, or a function literal outside one.
type function struct {
	name string
	node ast.Node
	doc  *ast.CommentGroup
}

// functions returns the functions of a file. A literal inside a function belongs to that function.
func functions(f *ast.File) []function {
	var list []function
	for _, decl := range f.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			list = append(list, function{functionName(decl), decl, decl.Doc})
		case *ast.GenDecl:
			ast.Inspect(decl, func(n ast.Node) bool {
				if lit, ok := n.(*ast.FuncLit); ok {
					list = append(list, function{"a function literal", lit, decl.Doc})
					return false
				}
				return true
			})
		}
	}
	return list
}

// functionName returns the name of a function. That of a method includes the type of its receiver: (*run).step.
func functionName(decl *ast.FuncDecl) string {
	if decl.Recv == nil || len(decl.Recv.List) == 0 {
		return decl.Name.Name
	}
	return "(" + types.ExprString(decl.Recv.List[0].Type) + ")." + decl.Name.Name
}

// eachFunction parses the files of the module and calls f for every function. where is FILE:LINE.
func eachFunction(t *testing.T, f func(fset *token.FileSet, where string, fn function)) {
	t.Helper()
	fset := token.NewFileSet()
	count := 0
	for _, name := range sources(t) {
		file, err := parser.ParseFile(fset, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, fn := range functions(file) {
			count++
			f(fset, position(fset, fn.node), fn)
		}
	}
	if count < 500 {
		t.Errorf("only %d functions were found", count)
	}
}

func position(fset *token.FileSet, n ast.Node) string {
	p := fset.Position(n.Pos())
	return fmt.Sprintf("%s:%d", p.Filename, p.Line)
}

func TestFunctionLength(t *testing.T) {
	eachFunction(t, func(fset *token.FileSet, where string, fn function) {
		lines := fset.Position(fn.node.End()).Line - fset.Position(fn.node.Pos()).Line + 1
		if lines > maxLines {
			t.Errorf("%s: %s has %d lines, at most %d are allowed: move a part that has a name of its own into a function",
				where, fn.name, lines, maxLines)
		}
	})
}

// complexityReason matches the line of a doc comment that allows a function more than maxComplexity.
var complexityReason = regexp.MustCompile(`(?m)^Complexity: \S`)

func TestFunctionComplexity(t *testing.T) {
	eachFunction(t, func(_ *token.FileSet, where string, fn function) {
		if n := complexity(fn.node); n > maxComplexity && !complexityReason.MatchString(fn.doc.Text()) {
			t.Errorf("%s: %s has a cyclomatic complexity of %d, at most %d is allowed: split it, make the cases a table, "+
				"or say in its comment why it is better whole, in a line `Complexity: REASON`", where, fn.name, n, maxComplexity)
		}
	})
}

// complexity returns 1 plus the number of branches: if, for, range, each case except the default, && and ||.
// Branches of function literals inside the node count, too.
func complexity(n ast.Node) int {
	branches := 1
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.IfStmt, *ast.ForStmt, *ast.RangeStmt:
			branches++
		case *ast.CaseClause:
			if n.List != nil {
				branches++
			}
		case *ast.CommClause:
			if n.Comm != nil {
				branches++
			}
		case *ast.BinaryExpr:
			if n.Op == token.LAND || n.Op == token.LOR {
				branches++
			}
		}
		return true
	})
	return branches
}

// TestComplexity tests the function complexity with a few functions.
func TestComplexity(t *testing.T) {
	const source = `package p
func one() { x := 1; _ = x }
func (p *T) two() { if a { } }
func four() { for range 3 { if a && b { } } }
func five() { switch { case a: case b, c: default: }; select { case <-d: case e <- 1: default: } }
func three() { func() { if a || b { } }() }
var six = func() int { for a && b { if c { switch d { case 1: case 2: } } }; return 0 }
`
	want := []string{"one 1", "(*T).two 2", "four 4", "five 5", "three 3", "a function literal 6"}
	f, err := parser.ParseFile(token.NewFileSet(), "p.go", source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, fn := range functions(f) {
		got = append(got, fmt.Sprint(fn.name, " ", complexity(fn.node)))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestEscalateFiles checks that a file of internal/escalate refers to few other files of the package. A file refers
// to another by the package-level names, methods and fields that the other declares. A call of a method of an
// interface refers to the file of the interface.
func TestEscalateFiles(t *testing.T) {
	const path = "killbox/internal/escalate"
	fset := token.NewFileSet()
	uses := typeCheck(t, fset, path)
	files := map[string]map[string]string{} // from file to file; the value is an identifier that the second declares
	for id, obj := range uses {
		if obj.Pkg() == nil || obj.Pkg().Path() != path || !ofPackage(obj) {
			continue
		}
		from, to := fset.Position(id.Pos()).Filename, fset.Position(obj.Pos()).Filename
		if files[from] == nil {
			files[from] = map[string]string{}
		}
		// Keep the identifier that is first in the alphabet, so that a failure always prints the same one.
		if known := files[from][to]; from != to && (known == "" || id.Name < known) {
			files[from][to] = id.Name
		}
	}
	if len(files) < 3 {
		t.Errorf("only %d files were found", len(files))
	}
	for _, from := range slices.Sorted(maps.Keys(files)) {
		others := files[from]
		if len(others) <= maxFiles {
			continue
		}
		var list []string
		for _, to := range slices.Sorted(maps.Keys(others)) {
			list = append(list, fmt.Sprintf("%s (%s)", filepath.Base(to), others[to]))
		}
		t.Errorf("%s:1: the file refers to %d others of its package, at most %d are allowed: move what it needs next to it, "+
			"or let it ask through an interface; it refers to %s", from, len(others), maxFiles, strings.Join(list, ", "))
	}
}

// ofPackage reports whether the object is a package-level name, a method or a field, and not a local name.
func ofPackage(obj types.Object) bool {
	switch obj := obj.(type) {
	case *types.Func:
		return true
	case *types.Var:
		if obj.IsField() {
			return true
		}
	}
	return obj.Parent() == obj.Pkg().Scope()
}

// typeCheck returns the object to which each identifier of the package refers. Tests of the package are not
// included. Imported packages are read from the export data of the go command.
func typeCheck(t *testing.T, fset *token.FileSet, path string) map[*ast.Ident]types.Object {
	t.Helper()
	exports := map[string]string{}
	var files []*ast.File
	for _, p := range goList(t, "-deps", "-export", path) {
		exports[p.ImportPath] = p.Export
		if p.ImportPath != path {
			continue
		}
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(fset, filepath.Join(strings.TrimPrefix(path, "killbox/"), name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, f)
		}
	}
	lookup := func(path string) (io.ReadCloser, error) {
		if exports[path] == "" {
			return nil, errors.New("no export data of " + path)
		}
		return os.Open(exports[path])
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: importer.ForCompiler(fset, "gc", lookup)}
	if _, err := config.Check(path, fset, files, info); err != nil {
		t.Fatal(err)
	}
	return info.Uses
}

func TestInterfaceSize(t *testing.T) {
	fset := token.NewFileSet()
	count := 0
	allowed := maps.Clone(largeInterfaces)
	for _, name := range sources(t) {
		f, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		names := map[*ast.InterfaceType]string{}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.TypeSpec:
				if i, ok := n.Type.(*ast.InterfaceType); ok {
					names[i] = n.Name.Name
				}
			case *ast.InterfaceType:
				count++
				key := filepath.ToSlash(filepath.Dir(name)) + "." + names[n]
				methods := ownMethods(n)
				if reason := allowed[key]; reason != "" && methods > maxMethods {
					delete(allowed, key)
				} else if methods > maxMethods {
					t.Errorf("%s: interface %s has %d methods of its own, at most %d are allowed: split it by the roles of "+
						"its consumers, and embed those where one consumer needs several", position(fset, n), names[n], methods, maxMethods)
				}
			}
			return true
		})
	}
	if count < 5 {
		t.Errorf("only %d interfaces were found", count)
	}
	for key := range allowed {
		t.Errorf("largeInterfaces names %s, which is none (or has no reason)", key)
	}
}

// ownMethods counts the methods that an interface declares itself. Embedded interfaces are entries without a name.
func ownMethods(i *ast.InterfaceType) int {
	methods := 0
	for _, field := range i.Methods.List {
		methods += len(field.Names)
	}
	return methods
}
