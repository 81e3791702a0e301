package main_test

import (
	"go/ast"
	"go/constant"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestFormats holds every call with a format, or with any value to print, to what internal/fmt can do. Functions that hand
// their arguments on are known by their parameters: they end in a format and values.
func TestFormats(t *testing.T) {
	out, err := exec.Command("go", "list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	exports := map[string]string{}
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		exports[path] = file
	}
	fset := token.NewFileSet()
	lookup := func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) }
	conf := types.Config{Importer: importer.ForCompiler(fset, "gc", lookup)}
	calls := 0
	for _, p := range goList(t, "-deps", ".") {
		if p.Standard || !strings.HasPrefix(p.ImportPath, "killbox/") || p.ImportPath == "killbox/internal/fmt" {
			continue
		}
		var files []*ast.File
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, f)
		}
		info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
		if _, err := conf.Check(p.ImportPath, fset, files, info); err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			ast.Inspect(f, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					if complaint, ok := checkFormat(info, call); !ok {
						t.Errorf("%v: %s", fset.Position(call.Pos()), complaint)
					} else if complaint != "" {
						calls++
					}
				}
				return true
			})
		}
	}
	if calls < 100 {
		t.Errorf("only %d calls were looked at", calls)
	}
}

// checkFormat returns what is wrong with a call, or a word if it prints at all.
func checkFormat(info *types.Info, call *ast.CallExpr) (string, bool) {
	sig, ok := info.TypeOf(call.Fun).(*types.Signature)
	if !ok || call.Ellipsis.IsValid() || sig.Params().Len() == 0 {
		return "", true
	}
	last := sig.Params().Len() - 1
	anything := types.NewInterfaceType(nil, nil)
	if !sig.Variadic() {
		if fn, ok := call.Fun.(*ast.SelectorExpr); !ok || !strings.Contains(fn.Sel.Name, "rint") || !types.Identical(sig.Params().At(last).Type().Underlying(), anything) {
			return "", true
		}
		return suits(info, 'v', call.Args[last])
	}
	list, ok := sig.Params().At(last).Type().(*types.Slice)
	if !ok || !types.Identical(list.Elem().Underlying(), anything) {
		return "", true
	}
	if fn, ok := call.Fun.(*ast.SelectorExpr); ok && strings.HasSuffix(fn.Sel.Name, "println") {
		for _, arg := range call.Args[last:] {
			if complaint, ok := suits(info, 'v', arg); !ok {
				return complaint, false
			}
		}
		return "checked", true
	}
	value := info.Types[call.Args[last-1]].Value
	if value == nil {
		return "the format is no constant", false
	}
	args := call.Args[last:]
	for format := constant.StringVal(value); ; {
		_, rest, found := strings.Cut(format, "%")
		rest = strings.TrimLeft(rest, "-#0123456789")
		switch {
		case !found && len(args) > 0:
			return "too many arguments", false
		case !found:
			return "checked", true
		case rest == "":
			return "the format ends in %", false
		}
		verb := rest[0]
		format = rest[1:]
		if verb == '%' {
			continue
		}
		if len(args) == 0 {
			return "too few arguments", false
		}
		if complaint, ok := suits(info, verb, args[0]); !ok {
			return complaint, false
		}
		args = args[1:]
	}
}

// suits tells whether internal/fmt can print the argument with the verb.
func suits(info *types.Info, verb byte, arg ast.Expr) (string, bool) {
	typ := types.Default(info.TypeOf(arg))
	verbs := ""
	switch typ.String() {
	case "int", "int64", "int32", "rune", "byte", "uint8", "uint32", "uint64":
		verbs = "vdoxcq"
	case "string", "[]byte", "[]uint8":
		verbs = "vsq"
	case "error":
		verbs = "vsqw"
	default:
		for _, method := range []string{"Error", "String"} {
			if obj, _, _ := types.LookupFieldOrMethod(typ, false, nil, method); obj != nil {
				verbs = "vsq"
			}
		}
	}
	if strings.IndexByte(verbs, verb) < 0 {
		return "internal/fmt has no %" + string(verb) + " of " + typ.String(), false
	}
	return "checked", true
}
