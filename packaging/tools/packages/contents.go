package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goreleaser/nfpm/v2/files"
)

// dropinFolder contains what killbox-dropins installs. man-db searches the folder man beside each folder bin of PATH.
const dropinFolder = "/usr/lib/killbox"

// entry is a file of a package, or the files that match a pattern.
type entry struct {
	formats string // those that have the file; empty: all
	from    string // a path or pattern below the root of the repository
	to      string // a path, or a folder (with / at the end)
	mode    os.FileMode
	gzip    bool
	kind    string // a type of nfpm, for rpm
}

// killboxFiles are the files of the package killbox, without the binary, links, and the pages of the five.
var killboxFiles = []entry{
	{from: "packaging/plugins/killbox-pick", to: "/usr/bin/", mode: 0o755},
	{from: "man/killbox.1", to: "/usr/share/man/man1/", gzip: true},
	{from: "man/killbox.7", to: "/usr/share/man/man7/", gzip: true},

	{from: "completions/killbox.bash", to: "/usr/share/bash-completion/completions/killbox"},
	{from: "completions/killbox.fish", to: "/usr/share/fish/vendor_completions.d/"},
	{from: "completions/_killbox", to: "/usr/share/zsh/vendor-completions/", formats: "deb"},
	{from: "completions/_killbox", to: "/usr/share/zsh/site-functions/", formats: "rpm apk"},

	{from: "README.md", to: "/usr/share/doc/killbox/", kind: files.TypeRPMDoc},
	{from: "docs/*.svg", to: "/usr/share/doc/killbox/", kind: files.TypeRPMDoc},
	{from: "bench/growth.svg", to: "/usr/share/doc/killbox/", kind: files.TypeRPMDoc},
	{from: "bench/growth-end.svg", to: "/usr/share/doc/killbox/", kind: files.TypeRPMDoc},
	{from: "docs/recipes*.md", to: "/usr/share/doc/killbox/", kind: files.TypeRPMDoc},
	{from: "docs/differences.md", to: "/usr/share/doc/killbox/", kind: files.TypeRPMDoc},
	{from: "docs/*.schema.json", to: "/usr/share/doc/killbox/", kind: files.TypeRPMDoc},
	{from: "docs/man/*", to: "/usr/share/doc/killbox/man/", kind: files.TypeRPMDoc},
	{from: "docs/*-example*", to: "/usr/share/doc/killbox/examples/", kind: files.TypeRPMDoc},
	{from: "docs/Dockerfile.example", to: "/usr/share/doc/killbox/examples/", kind: files.TypeRPMDoc},
	{from: "packaging/copyright", to: "/usr/share/doc/killbox/", formats: "deb"},
	{from: "packaging/copyright", to: "/usr/share/licenses/killbox/", formats: "rpm apk", kind: files.TypeRPMLicense},
	{from: "CHANGELOG.md", to: "/usr/share/doc/killbox/changelog.gz", formats: "deb", gzip: true},
	{from: "CHANGELOG.md", to: "/usr/share/doc/killbox/", formats: "rpm apk", kind: files.TypeRPMDoc},
	{from: "packaging/lintian-overrides", to: "/usr/share/lintian/overrides/killbox", formats: "deb"},
}

// links returns the links of the package: path and target. A target is relative, so a link is right below any root.
func (b *builder) links(format, name string) map[string]string {
	links := map[string]string{}
	if name == "killbox-dropins" {
		for _, applet := range b.dropins {
			links[dropinFolder+"/bin/"+applet] = "../../../bin/killbox"
		}
		if format == "deb" {
			links["/usr/share/doc/killbox-dropins"] = "killbox"
		}
		return links
	}
	links["/usr/share/man/man1/killbox-pick.1.gz"] = "killbox.1.gz"
	for _, applet := range b.five {
		links["/usr/bin/"+applet] = "killbox"
		links["/usr/share/bash-completion/completions/"+applet] = "killbox"
		links["/usr/share/fish/vendor_completions.d/"+applet+".fish"] = "killbox.fish"
	}
	return links
}

// contents returns all files, links and folders of a package.
func (b *builder) contents(format, name string) (files.Contents, error) {
	var contents files.Contents
	entries, err := b.entries(format, name)
	if err != nil {
		return nil, err
	}
	entries = slices.DeleteFunc(entries, func(e entry) bool {
		return e.formats != "" && !slices.Contains(strings.Fields(e.formats), format)
	})
	at := places{}
	for _, e := range entries {
		if err := at.add(e); err != nil {
			return nil, err
		}
	}
	for _, e := range entries {
		added, err := b.add(format, e, at)
		if err != nil {
			return nil, err
		}
		contents = append(contents, added...)
	}
	for at, target := range b.links(format, name) {
		contents = append(contents, &files.Content{Source: target, Destination: at, Type: files.TypeSymlink})
	}
	return append(contents, folders(contents)...), nil
}

// entries returns the files of a package that are no links.
func (b *builder) entries(format, name string) ([]entry, error) {
	var entries []entry
	if name == "killbox-dropins" {
		for _, applet := range b.dropins {
			entries = append(entries, entry{from: "man/" + applet + ".1", to: dropinFolder + "/man/man1/", gzip: true})
		}
		return entries, nil
	}
	entries = append(entries, killboxFiles...)
	entries = append(entries, entry{from: b.binary, to: "/usr/bin/killbox", mode: 0o755})
	for _, applet := range b.five {
		entries = append(entries, entry{from: "man/" + applet + ".1", to: "/usr/share/man/man1/", gzip: true})
	}
	if format == "deb" {
		text, err := b.debianChangelog()
		if err != nil {
			return nil, err
		}
		from := filepath.Join(b.work, "changelog.Debian")
		if err := os.WriteFile(from, text, 0o644); err != nil {
			return nil, err
		}
		entries = append(entries, entry{from: from, to: "/usr/share/doc/killbox/", gzip: true})
	}
	return entries, nil
}

// names returns the files of an entry: for each path below the root of the repository, the path in the package.
func (e entry) names() (map[string]string, error) {
	names, err := filepath.Glob(e.from)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s does not exist", e.from)
	}
	to := map[string]string{}
	for _, from := range names {
		to[from] = e.to
		if strings.HasSuffix(e.to, "/") {
			to[from] += filepath.Base(from)
			if e.gzip {
				to[from] += ".gz"
			}
		}
	}
	return to, nil
}

// add returns the files of an entry, compressed if the entry says so. The links of documents lead to places in the
// package.
func (b *builder) add(format string, e entry, at places) (files.Contents, error) {
	names, err := e.names()
	if err != nil {
		return nil, err
	}
	if e.mode == 0 {
		e.mode = 0o644
	}
	var contents files.Contents
	for from, to := range names {
		if filepath.Ext(from) == ".md" {
			if from, err = b.relink(from, at); err != nil {
				return nil, err
			}
		}
		if e.gzip {
			if from, err = b.compress(from); err != nil {
				return nil, err
			}
		}
		content := &files.Content{Source: from, Destination: to, FileInfo: &files.ContentFileInfo{Mode: e.mode}}
		if format == "rpm" {
			content.Type = e.kind
		}
		contents = append(contents, content)
	}
	return contents, nil
}

// compress writes a file as gzip -9n does, without name and time, and returns the path of the result.
func (b *builder) compress(from string) (string, error) {
	text, err := os.ReadFile(from)
	if err != nil {
		return "", err
	}
	var compressed bytes.Buffer
	w, err := gzip.NewWriterLevel(&compressed, gzip.BestCompression)
	if err != nil {
		return "", err
	}
	if _, err := w.Write(text); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	to := filepath.Join(b.work, filepath.Base(from)+".gz")
	return to, os.WriteFile(to, compressed.Bytes(), 0o644)
}

// sharedFolders are the folders that a base system always has, or that its package of manual pages has.
var sharedFolders = []string{"/", "/usr", "/usr/bin", "/usr/lib", "/usr/share", "/usr/share/doc", "/usr/share/man",
	"/usr/share/man/man1", "/usr/share/man/man7", "/usr/share/licenses"}

// folders returns the other folders of these files. Without them, an rpm would leave empty folders behind.
func folders(contents files.Contents) files.Contents {
	var found []string
	for _, c := range contents {
		for dir := path.Dir(c.Destination); !slices.Contains(sharedFolders, dir) && !slices.Contains(found, dir); dir = path.Dir(dir) {
			found = append(found, dir)
		}
	}
	var result files.Contents
	for _, dir := range found {
		result = append(result, &files.Content{Destination: dir, Type: files.TypeDir, FileInfo: &files.ContentFileInfo{Mode: 0o755}})
	}
	return result
}
