// Command html writes the manual as HTML: a page for each page of man/, made by mandoc, and an index. `make html` runs
// it from the root of the repository: html DIR. docs/man contains the result, and a test compares both.
package main

import (
	"bytes"
	"fmt"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: html DIR")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "html:", err)
		os.Exit(1)
	}
}

// write writes all pages and the index to dir, and removes the pages there that are no longer in man/.
func write(dir string) error {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		return err
	}
	files, err := filepath.Glob("man/*.[1-8]")
	if err != nil || len(files) == 0 {
		return fmt.Errorf("no man/ in the working directory: %v", err)
	}
	old, err := filepath.Glob(filepath.Join(dir, "*.html"))
	if err != nil {
		return err
	}
	pages := make(map[string]*page)
	for _, file := range files {
		p, err := render(filepath.Base(file))
		if err != nil {
			return err
		}
		pages[p.file] = p
	}
	for _, p := range pages {
		if err := os.WriteFile(filepath.Join(dir, p.file+".html"), []byte(p.document()), 0o644); err != nil {
			return err
		}
	}
	for _, file := range old {
		if name := strings.TrimSuffix(filepath.Base(file), ".html"); pages[name] == nil && name != "index" {
			if err := os.Remove(file); err != nil {
				return err
			}
		}
	}
	list, err := index(string(readme), pages)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "index.html"), []byte(list), 0o644)
}

// page is a page of the manual.
type page struct {
	file    string // such as killwait.1
	summary string // the text of .Nd
	date    string // of .Dd
	body    string // the sections
}

var (
	summaryLine = regexp.MustCompile(`(?m)^\.Nd (.*)$`)
	dateLine    = regexp.MustCompile(`(?m)^\.Dd (.*)$`)
)

// render returns the page of a file in man/. A cross-reference leads to the page in the same folder, or else to that of
// Debian.
func render(file string) (*page, error) {
	text, err := os.ReadFile(filepath.Join("man", file))
	if err != nil {
		return nil, err
	}
	p := &page{file: file}
	for _, field := range []struct {
		line *regexp.Regexp
		text *string
	}{{summaryLine, &p.summary}, {dateLine, &p.date}} {
		m := field.line.FindSubmatch(text)
		if m == nil {
			return nil, fmt.Errorf("%s: no line %v", file, field.line)
		}
		*field.text = string(m[1])
	}
	// mandoc uses the first form for a page that exists in its working directory.
	cmd := exec.Command("mandoc", "-T", "html", "-O", "fragment,man=%N.%S.html;https://manpages.debian.org/%N.%S", file)
	cmd.Dir = "man"
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("mandoc %s: %w: %s", file, err, stderr.Bytes())
	}
	// The header and the footer differ between versions of mandoc, and the footer between systems.
	begin, end := bytes.Index(out, []byte("<section")), bytes.LastIndex(out, []byte("</section>"))
	if begin < 0 || end < 0 {
		return nil, fmt.Errorf("%s: no <section>: mandoc 1.14.6 or later is needed", file)
	}
	p.body = normalise(string(out[begin:end]) + "</section>")
	p.body = foreignSection.ReplaceAllString(p.body, `<a class="Sx" href="$4$1"$2$3$4"`)
	return p, nil
}

// foreignSection is a reference to a section of another page, "SECTION in page(7)", which mandoc takes for one of this
// page.
var foreignSection = regexp.MustCompile(`<a class="Sx" href="(#[^"]*)"(>[^<]*</a>)( in <a class="Xr" href=")([^"]*)"`)

var (
	preformatted = regexp.MustCompile(`(?s)<pre[^>]*>.*?</pre>`)
	blanks       = regexp.MustCompile(`\s+`)
	block        = regexp.MustCompile(` ?(</?(?:section|h[1-6]|p|div|dl|dt|dd|ul|ol|li|table|tr|td|br)\b[^>]*>) ?`)
	newlines     = regexp.MustCompile(`\n+`)
	// closing is a tag at the end of a block, which stays on the line of the text.
	closing = regexp.MustCompile(`\n(</(?:h[1-6]|p|dt|dd|li|td)>)`)
	opening = regexp.MustCompile(`(<(?:h[1-6]|p|dt|dd|li|td)\b[^>]*>)\n`)
)

// normalise sets each block on a line of its own: where mandoc breaks lines may differ between its versions. Text in
// <pre> is not changed.
func normalise(text string) string {
	var b strings.Builder
	last := 0
	flow := func(s string) {
		s = block.ReplaceAllString(blanks.ReplaceAllString(s, " "), "\n$1\n")
		s = closing.ReplaceAllString(newlines.ReplaceAllString(s, "\n"), "$1")
		b.WriteString(opening.ReplaceAllString(s, "$1"))
	}
	for _, at := range preformatted.FindAllStringIndex(text, -1) {
		flow(text[last:at[0]])
		b.WriteString(text[at[0]:at[1]])
		last = at[1]
	}
	flow(text[last:])
	return strings.TrimSpace(b.String()) + "\n"
}

// title returns the name of the page, such as killwait(1).
func (p *page) title() string {
	name, section, _ := strings.Cut(p.file, ".")
	return name + "(" + section + ")"
}

var heading = regexp.MustCompile(`(?s)<h1 class="Sh" id="([^"]*)"><a[^>]*>(.*?)</a></h1>`)

func (p *page) document() string {
	toc := ""
	for _, m := range heading.FindAllStringSubmatch(p.body, -1) {
		toc += `<a href="#` + m[1] + `">` + m[2] + "</a>\n"
	}
	return frame(p.title(), `<a href="index.html">Manual of killbox</a>`,
		"<nav class=\"toc\">\n"+toc+"</nav>\n<main>\n"+p.body+"</main>\n<footer>"+html.EscapeString(p.date)+"</footer>\n")
}

// frame returns a document with a title and a line above it.
func frame(title, above, content string) string {
	return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>` + title + `</title>
<link rel="stylesheet" href="man.css">
</head>
<body>
<header>` + above + `<p class="title">` + title + "</p></header>\n" + content + "</body>\n</html>\n"
}

var manLink = regexp.MustCompile(`\| \[man page\]\(man/([a-z0-9-]+\.[1-8])\)`)

// index lists the pages under headings: those of each table in README.md in its order, and then the rest.
func index(readme string, pages map[string]*page) (string, error) {
	tables := strings.Split(readme, "\n| tool | ")[1:]
	headings := []string{"Tools", "Drop-ins"}
	if len(tables) != len(headings) {
		return "", fmt.Errorf("README.md has %d tables of tools, want %d", len(tables), len(headings))
	}
	var listed []string
	list := ""
	for i, heading := range headings {
		var files []string
		for _, m := range manLink.FindAllStringSubmatch(tables[i], -1) {
			if pages[m[1]] != nil {
				files = append(files, m[1])
			}
		}
		list += group(heading, files, pages)
		listed = append(listed, files...)
	}
	var rest []string
	for file := range pages {
		if !slices.Contains(listed, file) {
			rest = append(rest, file)
		}
	}
	slices.Sort(rest)
	list += group("In common", rest, pages)
	return frame("Manual of killbox", "", "<main>\n"+list+documents+"</main>\n"), nil
}

// group returns a heading and the list of these pages.
func group(heading string, files []string, pages map[string]*page) string {
	list := "<h1>" + heading + "</h1>\n<dl class=\"index\">\n"
	for _, file := range files {
		p := pages[file]
		list += `<dt><a href="` + file + `.html">` + p.title() + "</a></dt>\n<dd>" + html.EscapeString(p.summary) + "</dd>\n"
	}
	return list + "</dl>\n"
}

// documents are the files beside the folder of the manual, in docs as in a package.
const documents = `<h1>Documents</h1>
<dl class="index">
<dt><a href="../recipes.md">Recipes</a></dt>
<dd>a text to copy for each task</dd>
<dt><a href="../recipes-ssh.md">Recipes for ssh</a></dt>
<dd>jobs on another host, and on many</dd>
<dt><a href="../differences.md">Differences</a></dt>
<dd>the options of each drop-in and of its original</dd>
</dl>
`
