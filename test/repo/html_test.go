package repo

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"killbox/applets"
	"killbox/test/harness"
)

// TestManHTML checks that docs/man is what `make html` writes.
func TestManHTML(t *testing.T) {
	harness.NeedTool(t, "mandoc")
	dir := t.TempDir()
	// A page that is no longer in man/ is removed.
	if err := os.WriteFile(filepath.Join(dir, "old.1.html"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "run", "./packaging/html", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	fresh, committed := htmlFiles(t, dir), htmlFiles(t, "docs/man")
	if !slices.Equal(fresh, committed) {
		t.Errorf("docs/man has %v, and make html writes %v", committed, fresh)
	}
	for _, name := range fresh {
		text := read(t, filepath.Join(dir, name))
		if file := "docs/man/" + name; slices.Contains(committed, name) && read(t, file) != text {
			t.Errorf("%s is not what make html writes", file)
		}
		checkHTMLLinks(t, dir, name, text)
	}
	pages, _ := filepath.Glob("man/*.[1-8]")
	contents := read(t, filepath.Join(dir, "index.html"))
	index := regexp.MustCompile(`<dt><a href="([^"]+)\.html">`).FindAllStringSubmatch(contents, -1)
	if len(index) != len(pages) || len(fresh) != len(pages)+1 {
		t.Errorf("%d pages in man/, %d in the index, %d files", len(pages), len(index), len(fresh))
	}
	for i, m := range regexp.MustCompile(`\| \[man page\]\(man/([^)]+)\)`).FindAllStringSubmatch(read(t, "README.md"), -1) {
		if i >= len(index) || index[i][1] != m[1] {
			t.Errorf("%s is not page %d of the index, as in README.md", m[1], i+1)
		}
	}
	checkIndex(t, contents)
}

// checkIndex checks that the drop-ins have a heading of their own in the index, and that the recipes are linked.
func checkIndex(t *testing.T, contents string) {
	t.Helper()
	parts := strings.Split(contents, "<h1>")
	if len(parts) != 5 {
		t.Fatalf("the index has %d headings", len(parts)-1)
	}
	for _, a := range applets.All() {
		part := parts[1]
		if a.Dropin {
			part = parts[2]
		}
		if !strings.Contains(part, `<a href="`+a.Name+`.1.html">`) {
			t.Errorf("%s is not under %q", a.Name, strings.SplitN(part, "<", 2)[0])
		}
	}
	if !strings.Contains(parts[4], `<a href="../recipes.md">`) {
		t.Error("the index does not link to the recipes")
	}
}

func htmlFiles(t *testing.T, dir string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.html"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		names = append(names, filepath.Base(file))
	}
	return names
}

// checkHTMLLinks checks that the links of a page lead to pages of dir, and to places that exist there, or to documents
// in docs.
func checkHTMLLinks(t *testing.T, dir, name, text string) {
	t.Helper()
	for _, m := range regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(text, -1) {
		if strings.HasPrefix(m[1], "https://manpages.debian.org/") || m[1] == "man.css" {
			continue
		}
		if document, ok := strings.CutPrefix(m[1], "../"); ok {
			read(t, filepath.Join("docs", document))
			continue
		}
		file, place, _ := strings.Cut(m[1], "#")
		target := text
		if file != "" {
			target = read(t, filepath.Join(dir, file))
		}
		if place != "" && !strings.Contains(target, ` id="`+place+`"`) {
			t.Errorf("%s: no place %s", name, m[1])
		}
	}
}
