package repo

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// TestSSHRecipesRun checks that a script recipes_*.txtar runs every line of docs/recipes-ssh.md exactly as it is there:
// the blocks of sh, and what the blocks of console show after a prompt, without indentation and comments.
func TestSSHRecipesRun(t *testing.T) {
	var run []string
	scripts, _ := filepath.Glob("testdata/scripts/recipes_*.txtar")
	for _, name := range scripts {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			for line := range strings.Lines(string(f.Data)) {
				run = append(run, strings.TrimSpace(line))
			}
		}
	}
	lines := markdownExamples(t, "docs/recipes-ssh.md")
	if len(lines) < 10 {
		t.Errorf("only %d lines were found", len(lines))
	}
	for _, line := range lines {
		if !slices.Contains(run, line) {
			t.Errorf("no testdata/scripts/recipes_*.txtar runs this line:\n%s", line)
		}
	}
}
