package repo

import (
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"killbox/test/harness"

	"github.com/rogpeppe/go-internal/txtar"
)

// TestRecipesRun checks that scripts use every block and the table of docs/recipes.md. The scripts take the texts from
// the page, so none of them can differ from it.
func TestRecipesRun(t *testing.T) {
	type block struct{ heading, number string }
	used, table := map[block]bool{}, false
	line := regexp.MustCompile(`(?m)^recipe (\S+) '([^']+)'(?: (\d+))?$`)
	scripts, _ := filepath.Glob("testdata/scripts/recipes_*.txtar")
	for _, name := range scripts {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		script := string(archive.Comment)
		table = table || strings.Contains(script, "\nreplacements ")
		text := line.ReplaceAllString(string(txtar.Format(archive)), "")
		for _, m := range line.FindAllStringSubmatch(script, -1) {
			file, number := m[1], m[3]
			if number == "" {
				number = "1"
			}
			used[block{m[2], number}] = regexp.MustCompile(`\b` + regexp.QuoteMeta(file) + `\b`).MatchString(text)
			if !used[block{m[2], number}] {
				t.Errorf("%s does not use %s", name, file)
			}
		}
	}
	page := read(t, harness.RecipesFile)
	recipes := harness.Recipes(page)
	if len(recipes) < 10 {
		t.Errorf("only %d blocks were found", len(recipes))
	}
	for _, r := range recipes {
		if !used[block{r.Heading, strconv.Itoa(r.Number)}] {
			t.Errorf("%s: no testdata/scripts/recipes_*.txtar runs block %d of %q:\n%s", harness.RecipesFile, r.Number, r.Heading, r.Text)
		}
	}
	// A row that Replacements does not understand would not be run.
	rows, all := harness.Replacements(page), regexp.MustCompile("(?m)^\\| `.*$").FindAllString(page, -1)
	if len(rows) < 10 || len(rows) != len(all) || !table {
		t.Errorf("%s: %d commands in %d rows, run by a script: %v", harness.RecipesFile, len(rows), len(all), table)
	}
}
