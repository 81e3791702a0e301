// Package repo tests the repository: documents against code, imports between packages, and the size of functions.
package repo

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"killbox/test/harness"
)

// TestMain changes to the folder of go.mod, so that paths in the tests are those in the documents.
func TestMain(m *testing.M) {
	if err := os.Chdir(harness.Root()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// sources returns all Go files of the module, whatever their build tags, except tests, measurements and tools.
func sources(t *testing.T) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (slices.Contains([]string{"test", "bench", "tools", "packaging", "testdata"}, path) || strings.HasPrefix(d.Name(), ".") && path != "."):
			return filepath.SkipDir
		case filepath.Ext(path) == ".go" && !strings.HasSuffix(path, "_test.go"):
			files = append(files, path)
		}
		return nil
	})
	if err != nil || len(files) < 50 {
		t.Fatalf("%d Go files were found, %v", len(files), err)
	}
	return files
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestNothingCompiledAtStart checks that no package compiles a regular expression when it is initialized: every call of
// every applet would pay for it.
func TestNothingCompiledAtStart(t *testing.T) {
	global := regexp.MustCompile(`(?m)^(var |\t)\w+ += regexp\.(Must)?Compile`)
	for _, name := range sources(t) {
		if m := global.FindString(read(t, name)); m != "" {
			t.Errorf("%s: %s: use sync.OnceValue", name, m)
		}
	}
}
