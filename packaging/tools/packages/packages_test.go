package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// unpack is the command that unpacks a package of the format into the working directory, and show prints its metadata.
var unpack = map[string]struct{ tool, files, show string }{
	"deb": {"dpkg-deb", `dpkg-deb -x "$1" .`, `dpkg-deb -f "$1"`},
	"rpm": {"rpm2archive", `rpm2archive - <"$1" | tar -xz`, `rpm -qip "$1"`},
	"apk": {"tar", `tar --warning=no-unknown-keyword -xzf "$1"`, `tar --warning=no-unknown-keyword -xzOf "$1" .PKGINFO`},
}

// newBuilder returns a builder of packages in the root of the repository, with an empty file in place of the binary.
func newBuilder(t *testing.T) *builder {
	t.Helper()
	t.Chdir("../../..")
	return &builder{
		out: t.TempDir(), version: "1.2.3", arch: "amd64", binary: os.DevNull, five: []string{"killwait"}, dropins: []string{"kill"},
		maintainer: "J. O'Hara <jo@killbox.example>", homepage: "https://killbox.example/home", time: time.Unix(1e9, 0).UTC(),
	}
}

// eachFormat builds the package killbox and calls f with its path in each format.
func eachFormat(t *testing.T, b *builder, f func(t *testing.T, format, file string)) {
	if err := b.write(); err != nil {
		t.Fatal(err)
	}
	for format, tool := range unpack {
		t.Run(format, func(t *testing.T) {
			if _, err := exec.LookPath(tool.tool); err != nil {
				if os.Getenv("KILLBOX_TEST_STRICT") == "1" {
					t.Fatal(err)
				}
				t.Skip(err)
			}
			files, err := filepath.Glob(filepath.Join(b.out, "*."+format))
			if err != nil || len(files) != 1 {
				t.Fatalf("%v, %v", files, err)
			}
			f(t, format, files[0])
		})
	}
}

func shell(t *testing.T, dir, script, file string) string {
	t.Helper()
	cmd := exec.Command("sh", "-eu", "-c", script, "sh", file)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return string(out)
}

// TestLinks unpacks the package killbox, and checks that each relative link of its documents leads to a file or to a
// place in a file.
func TestLinks(t *testing.T) {
	eachFormat(t, newBuilder(t), func(t *testing.T, format, file string) {
		root := t.TempDir()
		shell(t, root, unpack[format].files, file)
		docs := filepath.Join(root, "usr/share/doc/killbox")
		links := 0
		err := filepath.WalkDir(docs, func(name string, d os.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				links += checkLinks(t, name)
			}
			return err
		})
		if err != nil || links < 200 {
			t.Errorf("%d links were found, error %v", links, err)
		}
	})
}

var (
	markdownLink = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	htmlLink     = regexp.MustCompile(` (?:href|src)="([^"]*)"`)
	remote       = regexp.MustCompile(`^[a-z]+:`)
)

// checkLinks checks the relative links of a document, and returns their number.
func checkLinks(t *testing.T, name string) (found int) {
	t.Helper()
	var pattern *regexp.Regexp
	switch filepath.Ext(strings.TrimSuffix(name, ".gz")) {
	case ".md", "": // changelog.gz is CHANGELOG.md
		pattern = markdownLink
	case ".html":
		pattern = htmlLink
	default:
		return 0
	}
	text := document(t, name)
	for _, m := range pattern.FindAllStringSubmatch(text, -1) {
		if remote.MatchString(m[1]) {
			continue
		}
		found++
		file, place, _ := strings.Cut(m[1], "#")
		target := name
		if file != "" {
			target = filepath.Join(filepath.Dir(name), file)
		}
		if _, err := os.Stat(target); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if place != "" && !hasPlace(document(t, target), place) {
			t.Errorf("%s: %s has no place %s", name, target, place)
		}
	}
	return found
}

// document returns the text of a file, which may be compressed.
func document(t *testing.T, name string) string {
	t.Helper()
	if filepath.Ext(name) == ".gz" {
		return shell(t, ".", `zcat "$1"`, name)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// hasPlace reports whether the text has an element of HTML, or a heading of Markdown, to which #place leads.
func hasPlace(text, place string) bool {
	if strings.Contains(text, ` id="`+place+`"`) {
		return true
	}
	for line := range strings.Lines(text) {
		if heading, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && line[0] == '#' {
			// As a browser of the repository makes it: letters, digits and hyphens remain, blanks become hyphens.
			slug := strings.ReplaceAll(strings.ToLower(strings.TrimSpace(heading)), " ", "-")
			if regexp.MustCompile(`[^\pL\pN_-]`).ReplaceAllString(slug, "") == place {
				return true
			}
		}
	}
	return false
}

// TestOrigin checks that the packages name the maintainer and the homepage that are given.
func TestOrigin(t *testing.T) {
	b := newBuilder(t)
	want := map[string][]string{
		"deb": {"Maintainer: " + b.maintainer + "\n", "Homepage: " + b.homepage + "\n"},
		"rpm": {"Packager    : " + b.maintainer + "\n", "URL         : " + b.homepage + "\n"},
		"apk": {"maintainer = " + b.maintainer + "\n", "url = " + b.homepage + "\n"},
	}
	eachFormat(t, b, func(t *testing.T, format, file string) {
		text := shell(t, ".", unpack[format].show, file)
		for _, line := range want[format] {
			if !strings.Contains(text, line) {
				t.Errorf("%q is missing in\n%s", line, text)
			}
		}
	})
	for _, bad := range []builder{{}, {maintainer: "jo@killbox.example"}, {maintainer: b.maintainer, homepage: "killbox.example"}} {
		if err := bad.checkOrigin(); err == nil {
			t.Errorf("maintainer %q and homepage %q are accepted", bad.maintainer, bad.homepage)
		}
	}
	if err := (&builder{maintainer: b.maintainer}).checkOrigin(); err != nil {
		t.Error(err)
	}
}
