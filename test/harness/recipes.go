package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// RecipesFile is the page whose texts `recipe` and `replacements` write, relative to the root of the repository.
const RecipesFile = "docs/recipes.md"

// Recipe is a fenced block of docs/recipes.md.
type Recipe struct {
	Heading  string // of the section, such as "Stop a service"
	Number   int    // 1 for the first block of the section
	Language string // sh, yaml ...
	Text     string
}

// Recipes returns the fenced blocks of a page in their order.
func Recipes(page string) (list []Recipe) {
	heading, number := "", 0
	var block *Recipe
	for line := range strings.Lines(page) {
		language, fence := strings.CutPrefix(strings.TrimSpace(line), "```")
		title, section := strings.CutPrefix(line, "## ")
		switch {
		case fence && block == nil:
			number++
			block = &Recipe{Heading: heading, Number: number, Language: language}
		case fence:
			list = append(list, *block)
			block = nil
		case block != nil:
			block.Text += line
		case section:
			heading, number = strings.TrimSpace(title), 0
		}
	}
	return list
}

// Replacement is a row of the table in docs/recipes.md that has a command of ours for a classic one.
type Replacement struct{ Classic, Ours string }

// A bar inside a cell is written as \|.
var replacementRow = regexp.MustCompile("(?m)^\\| `((?:[^`|]|\\\\\\|)+)` \\| `((?:[^`|]|\\\\\\|)+)` \\| .+ \\|$")

// Replacements returns the rows of the table.
func Replacements(page string) (list []Replacement) {
	unescape := strings.NewReplacer(`\|`, `|`)
	for _, m := range replacementRow.FindAllStringSubmatch(page, -1) {
		list = append(list, Replacement{unescape.Replace(m[1]), unescape.Replace(m[2])})
	}
	return list
}

func recipesPage(ts *testscript.TestScript) string {
	page, err := os.ReadFile(filepath.Join(ts.Getenv("LIB"), "..", RecipesFile))
	ts.Check(err)
	return string(page)
}

// recipe is `recipe FILE HEADING [N]`: it writes the block N, 1 by default, of this section of docs/recipes.md to FILE.
func recipe(ts *testscript.TestScript, neg bool, args []string) {
	refuseNeg(ts, neg)
	if len(args) == 2 {
		args = append(args, "1")
	}
	if len(args) != 3 {
		ts.Fatalf("usage: recipe FILE HEADING [N]")
	}
	for _, r := range Recipes(recipesPage(ts)) {
		if r.Heading == args[1] && strconv.Itoa(r.Number) == args[2] {
			ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(r.Text), 0o755))
			return
		}
	}
	ts.Fatalf("%s has no block %s in the section %q", RecipesFile, args[2], args[1])
}

// replacements is `replacements FILE`: it writes the table of docs/recipes.md to FILE: a line for each row, with the
// classic command, a tab, and ours.
func replacements(ts *testscript.TestScript, neg bool, args []string) {
	refuseNeg(ts, neg)
	if len(args) != 1 {
		ts.Fatalf("usage: replacements FILE")
	}
	text := ""
	for _, r := range Replacements(recipesPage(ts)) {
		text += fmt.Sprintf("%s\t%s\n", r.Classic, r.Ours)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o644))
}
