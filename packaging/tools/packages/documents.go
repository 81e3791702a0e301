package main

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// places maps files of the repository to their paths in a package.
type places map[string]string

func (p places) add(e entry) error {
	names, err := e.names()
	for from, to := range names {
		p[from] = to
	}
	return err
}

// find returns the path in the package of what a link leads to, or "". For a manual page it is the page in HTML: a
// browser shows it, and the pages of the drop-ins are in another package.
func (p places) find(file string) string {
	switch {
	case file == "LICENSE":
		file = "packaging/copyright"
	case path.Dir(file) == "man":
		file = "docs/" + file + ".html"
	}
	return p[file]
}

// link is a link or an image of Markdown that leads to a file: its text, the file and the place in the file.
var link = regexp.MustCompile(`(!?)\[([^\]]*)\]\(([^)#:\s]+)(#[^)\s]*)?\)`)

// relink writes a document whose links lead to places in the package, and returns the path of the result. A link to a
// file that the package does not have becomes its text.
func (b *builder) relink(from string, at places) (string, error) {
	text, err := os.ReadFile(from)
	if err != nil {
		return "", err
	}
	var missing []string // images that the package does not have
	changed := link.ReplaceAllStringFunc(string(text), func(all string) string {
		m := link.FindStringSubmatch(all)
		image, label, file, place := m[1], m[2], m[3], m[4]
		target := at.find(path.Join(path.Dir(from), file))
		if target == "" {
			if image != "" {
				missing = append(missing, file)
			}
			return label
		}
		relative, err := filepath.Rel(path.Dir(at[from]), target)
		if err != nil {
			return label // both are absolute, so that this does not happen
		}
		if label == file {
			label = relative
		}
		return image + "[" + label + "](" + relative + place + ")"
	})
	if missing != nil {
		return "", fmt.Errorf("%s shows %s, which the package does not have", from, strings.Join(missing, " "))
	}
	to := filepath.Join(b.work, filepath.Base(from))
	return to, os.WriteFile(to, []byte(changed), 0o644)
}
