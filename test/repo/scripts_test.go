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

// TestShellcheck reads the shell of the scripts, which no other check can see inside the archives.
func TestShellcheck(t *testing.T) {
	harness.NeedTool(t, "shellcheck")
	dir := t.TempDir()
	files := []string{"testdata/lib.sh"}
	err := filepath.WalkDir("testdata/scripts", func(path string, d fs.DirEntry, err error) error {
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
	})
	if err != nil {
		t.Fatal(err)
	}
	// 1090, 1091: lib.sh is found through a variable. 2154: `start` sets variables by the names that the victim tells.
	// 3045: ulimit -n is in every sh.
	args := append([]string{"--shell=sh", "--severity=warning", "--exclude=SC1090,SC1091,SC2154,SC3045", "--"}, files...)
	if out, err := exec.Command("shellcheck", args...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestNeeds: the scripts name their tools by `needs`, whose skip tells how to get them.
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
