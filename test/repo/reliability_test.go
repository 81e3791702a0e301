package repo

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReliability checks that each script that docs/reliability.md names exists, and that each promise names one.
func TestReliability(t *testing.T) {
	doc := read(t, "docs/reliability.md")
	for _, m := range regexp.MustCompile("`([a-z0-9]+(?:_[a-z0-9]+)+)`").FindAllStringSubmatch(doc, -1) {
		if _, err := os.Stat(filepath.Join("testdata", "scripts", m[1]+".txtar")); err != nil {
			t.Error(err)
		}
	}
	_, promises, _ := strings.Cut(doc, "## Promises")
	promises, _, _ = strings.Cut(promises, "\n## ")
	for _, row := range regexp.MustCompile(`(?m)^\| [A-Z].*`).FindAllString(promises, -1) {
		if !regexp.MustCompile("`[a-z0-9]+_[a-z0-9_]+`").MatchString(row) {
			t.Errorf("a promise without a script: %s", row)
		}
	}
}
