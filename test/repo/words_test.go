package repo

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// maxForbidden is how many forbidden words a kind of text may have per 1,000 words. A user is a person, so a few
// pronouns are right.
const maxForbidden = 0.5

// forbidden are words that have a standard term, or that stand for a person, and what to write instead.
var forbidden = []struct{ words, instead string }{
	{`who|whom|whoever|nobody|somebody|anybody|everybody|someone|anyone|everyone`, "name the process: member, target, child, caller ..."},
	{`strangers?`, "unrelated process"},
	{`heirs?`, "adopter (init or a subreaper)"},
	{`at one stroke`, "atomically"},
	{`born`, "forked"},
	{`outruns?|runs ahead of`, "evades the scan"},
	{`handed out`, "allocated"},
	{`let go on|lets go on`, "resumed"},
	{`held still|restless`, "stable, churning"},
	{`spared?|spares`, "excluded"},
	{`brought in|named outright`, "implied, given as an operand"},
}

// prose is the text of one kind, such as comments. It maps the path of a file to the text.
type prose map[string]string

// proseOf returns the texts that people read, by kind.
func proseOf(t *testing.T) map[string]prose {
	t.Helper()
	all := map[string]prose{"comments": {}, "tests": {}, "scripts": {}, "pages": {}, "documents": {}}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if err == nil && path != "." && strings.HasPrefix(d.Name(), ".") {
				return filepath.SkipDir
			}
			return err
		}
		switch ext := filepath.Ext(path); {
		case strings.HasSuffix(path, "_test.go") || ext == ".go" && strings.HasPrefix(path, "test/"):
			all["tests"][path] = goComments(t, path)
		case ext == ".go":
			all["comments"][path] = goComments(t, path)
		case ext == ".txtar" || ext == ".sh":
			all["scripts"][path] = shellComments(read(t, path))
		case strings.HasPrefix(path, "man/"):
			all["pages"][path] = withoutBlocks(read(t, path), ".Bd ", ".Ed")
		case ext == ".md":
			all["documents"][path] = withoutBlocks(read(t, path), "```", "```")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// goComments returns the comments of a Go file, each on the line that it has in the file; lines without comments are
// empty.
func goComments(t *testing.T, path string) string {
	t.Helper()
	files := token.NewFileSet()
	f, err := parser.ParseFile(files, path, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	lines := make([]string, files.File(f.Pos()).LineCount())
	for _, group := range f.Comments {
		for _, c := range group.List {
			for i, text := range strings.Split(c.Text, "\n") {
				lines[files.Position(c.Pos()).Line-1+i] = text
			}
		}
	}
	return strings.Join(lines, "\n")
}

// shellComments returns the lines that are comments; other lines are empty.
func shellComments(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if !strings.HasPrefix(strings.TrimSpace(line), "#") {
			lines[i] = ""
		}
	}
	return strings.Join(lines, "\n")
}

// withoutBlocks empties the lines between one that begins with begin and the next one that begins with end.
func withoutBlocks(text, begin, end string) string {
	lines := strings.Split(text, "\n")
	inside := false
	for i, line := range lines {
		switch {
		case !inside && strings.HasPrefix(line, begin):
			inside = true
		case inside && strings.HasPrefix(line, end):
			inside = false
		}
		if inside {
			lines[i] = ""
		}
	}
	return strings.Join(lines, "\n")
}

var word = regexp.MustCompile(`[A-Za-z][A-Za-z']*`)

// TestWords counts the forbidden words in comments and documents. CONTRIBUTING.md has the rule.
func TestWords(t *testing.T) {
	var alternatives []string
	for _, f := range forbidden {
		alternatives = append(alternatives, f.words)
	}
	pattern := regexp.MustCompile(`(?i)\b(?:(` + strings.Join(alternatives, `)|(`) + `))\b`)
	for kind, texts := range proseOf(t) {
		words := 0
		var found []string
		for path, text := range texts {
			for i, line := range strings.Split(text, "\n") {
				words += len(word.FindAllString(line, -1))
				for _, m := range pattern.FindAllStringSubmatch(line, -1) {
					for j, f := range forbidden {
						if m[j+1] != "" {
							found = append(found, fmt.Sprintf("%s:%d", path, i+1)+": "+m[0]+": "+f.instead)
						}
					}
				}
			}
		}
		rate := 1000 * float64(len(found)) / float64(max(words, 1))
		t.Logf("%s: %d of %d words, %.2f per 1,000", kind, len(found), words, rate)
		if words < 1000 {
			t.Errorf("%s: only %d words were found", kind, words)
		}
		if rate > maxForbidden {
			t.Errorf("%s: %.2f words per 1,000 have a standard term or stand for a person, at most %.1f may.\nA process is not a person: the subject of a sentence is a noun such as process, member, target or child.\n%s",
				kind, rate, maxForbidden, strings.Join(found, "\n"))
		}
	}
}
