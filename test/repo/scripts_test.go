package repo

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"killbox/test/harness"

	"github.com/rogpeppe/go-internal/txtar"
)

// TestShellcheck runs shellcheck on lib.sh and on the .sh files in the txtar archives of testdata/scripts and
// test/image.
func TestShellcheck(t *testing.T) {
	harness.NeedTool(t, "shellcheck")
	dir := t.TempDir()
	files := []string{"testdata/lib.sh"}
	extract := func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".txtar" {
			return err
		}
		archive, err := txtar.ParseFile(path)
		if err != nil {
			return err
		}
		for _, f := range archive.Files {
			if filepath.Ext(f.Name) != ".sh" {
				continue
			}
			name := filepath.Join(dir, strings.TrimSuffix(filepath.Base(path), ".txtar")+"__"+filepath.Base(f.Name))
			if err := os.WriteFile(name, f.Data, 0o666); err != nil {
				return err
			}
			files = append(files, name)
		}
		return nil
	}
	for _, dir := range []string{"testdata/scripts", "test/image/testdata"} {
		if err := filepath.WalkDir(dir, extract); err != nil {
			t.Fatal(err)
		}
	}
	// Excluded: 1090 and 1091, because the path of lib.sh is in a variable; 2154, because `start` sets variables
	// whose names the victim prints; 3045, because every sh has ulimit -n.
	args := append([]string{"--shell=sh", "--severity=warning", "--exclude=SC1090,SC1091,SC2154,SC3045", "--"}, files...)
	if out, err := exec.Command("shellcheck", args...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestNeeds checks that scripts require tools by the command `needs`. Its skip message says how to install the tool.
func TestNeeds(t *testing.T) {
	scripts, err := filepath.Glob("testdata/scripts/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, name := range scripts {
		if strings.Contains(read(t, name), "\n[!exec:") {
			t.Errorf("%s: write `needs TOOL`, not [!exec:TOOL] skip", name)
		}
	}
}
