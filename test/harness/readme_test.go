package harness

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// TestReadme checks that test/README.md describes every command of the scripts.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(Root(), "test", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	described := map[string]bool{}
	row := regexp.MustCompile("(?m)^\\| (`.*?) \\| ")
	for _, line := range row.FindAllSubmatch(text, -1) {
		for _, m := range regexp.MustCompile("`([a-z][a-z-]*)").FindAllSubmatch(line[1], -1) {
			described[string(m[1])] = true
		}
	}
	described["wait-none-left"] = true // described in the line of none-left
	for _, name := range slices.Sorted(maps.Keys(commands())) {
		if !described[name] {
			t.Errorf("test/README.md does not describe %s", name)
		}
	}
}
