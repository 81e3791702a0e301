// Sbom writes an SPDX 2.3 document, as JSON, with the modules that are linked into binaries of killbox:
//
//	sbom -version V -out FILE BINARY...
//
// The modules and their versions come from the binaries, and the licences from packaging/copyright. A module without a
// licence there is an error, because a binary may only be passed on with the notices of what it contains. It is run in
// the root of the repository. The document has the time SOURCE_DATE_EPOCH.
package main

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"debug/buildinfo"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx/v2/common"
	spdx "github.com/spdx/tools-golang/spdx/v2/v2_3"
)

func main() {
	version := flag.String("version", "", "the version of killbox")
	out := flag.String("out", "", "write to `FILE`")
	flag.Parse()
	err := errors.New("-version, -out or the binaries are missing")
	if *version != "" && *out != "" && flag.NArg() > 0 {
		err = write(*out, *version, flag.Args())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

func write(out, version string, binaries []string) error {
	epoch, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64)
	if err != nil {
		return fmt.Errorf("SOURCE_DATE_EPOCH is not a time: %w", err)
	}
	licences, err := licences("packaging/copyright")
	if err != nil {
		return err
	}
	doc := &spdx.Document{
		SPDXVersion: spdx.Version, DataLicense: spdx.DataLicense, SPDXIdentifier: "DOCUMENT", DocumentName: "killbox-" + version,
		CreationInfo: &spdx.CreationInfo{
			Created:  time.Unix(epoch, 0).UTC().Format(time.RFC3339),
			Creators: []common.Creator{{CreatorType: "Tool", Creator: "killbox-sbom"}},
		},
	}
	killbox := component("generic", "killbox", version, "MIT")
	killbox.PrimaryPackagePurpose = "APPLICATION"
	doc.Packages = append(doc.Packages, killbox)
	doc.Relationships = append(doc.Relationships, relation("DOCUMENT", "DESCRIBES", killbox))
	modules, err := linked(binaries)
	if err != nil {
		return err
	}
	for _, name := range modules {
		path, version, _ := strings.Cut(name, "@")
		if licences[path] == "" {
			return fmt.Errorf("packaging/copyright has no licence of %s", path)
		}
		m := component("golang", path, version, licences[path])
		doc.Packages = append(doc.Packages, m)
		doc.Relationships = append(doc.Relationships, relation(killbox.PackageSPDXIdentifier, "DEPENDS_ON", m))
	}
	if err := addFiles(doc, killbox, binaries); err != nil {
		return err
	}
	// The namespace identifies the document, so it depends on the content.
	var text bytes.Buffer
	if err := json.Write(doc, &text); err != nil {
		return err
	}
	doc.DocumentNamespace = fmt.Sprintf("https://spdx.org/spdxdocs/killbox-%s-%x", version, sha256.Sum256(text.Bytes()))
	text.Reset()
	if err := json.Write(doc, &text, json.Indent("  ")); err != nil {
		return err
	}
	return os.WriteFile(out, text.Bytes(), 0o644)
}

// linked returns the modules of the binaries as PATH@VERSION, sorted, and the standard library of Go as stdlib. All
// binaries must have the same.
func linked(binaries []string) ([]string, error) {
	var first []string // those of binaries[0]
	for _, binary := range binaries {
		info, err := buildinfo.ReadFile(binary)
		if err != nil {
			return nil, err
		}
		modules := []string{"stdlib@" + strings.TrimPrefix(info.GoVersion, "go")}
		for _, m := range info.Deps {
			if m.Replace != nil {
				m = m.Replace
			}
			modules = append(modules, m.Path+"@"+m.Version)
		}
		slices.Sort(modules)
		if first == nil {
			first = modules
		}
		if !slices.Equal(first, modules) {
			return nil, fmt.Errorf("%s contains %v, but %s contains %v", binary, modules, binaries[0], first)
		}
	}
	return first, nil
}

var paragraph = regexp.MustCompile(`(?m)^Files: (.*)\n(?:(?:Copyright:| ).*\n)+License: (.*)$`)

// licences returns the licence of each module that a copyright file in Debian's format names.
func licences(name string) (map[string]string, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for _, m := range paragraph.FindAllStringSubmatch(string(text), -1) {
		for path := range strings.FieldsSeq(m[1]) {
			found[path] = m[2]
		}
	}
	return found, nil
}

var notInID = regexp.MustCompile(`[^A-Za-z0-9.-]+`)

// component returns a package of the document. Its kind is that of a package URL.
func component(kind, path, version, licence string) *spdx.Package {
	return &spdx.Package{
		PackageName: path, PackageVersion: version,
		PackageSPDXIdentifier:     common.ElementID("Package-" + notInID.ReplaceAllString(path, "-")),
		PackageDownloadLocation:   "NOASSERTION",
		PackageLicenseConcluded:   licence,
		PackageLicenseDeclared:    licence,
		PackageCopyrightText:      "NOASSERTION",
		IsFilesAnalyzedTagPresent: true,
		PackageExternalReferences: []*spdx.PackageExternalReference{{
			Category: common.CategoryPackageManager, RefType: common.TypePackageManagerPURL, Locator: "pkg:" + kind + "/" + path + "@" + version,
		}},
	}
}

func relation(from common.ElementID, kind string, to *spdx.Package) *spdx.Relationship {
	return &spdx.Relationship{
		RefA: common.MakeDocElementID("", string(from)), Relationship: kind,
		RefB: common.MakeDocElementID("", string(to.PackageSPDXIdentifier)),
	}
}

// addFiles adds the binaries with their digests. Each is built from the package.
func addFiles(doc *spdx.Document, killbox *spdx.Package, binaries []string) error {
	for _, binary := range binaries {
		content, err := os.ReadFile(binary)
		if err != nil {
			return err
		}
		name := filepath.Base(binary)
		file := &spdx.File{
			FileName: "./" + name, FileSPDXIdentifier: common.ElementID("File-" + name), FileTypes: []string{"BINARY"},
			// SPDX 2.3, 8.4, demands SHA1.
			Checksums: []common.Checksum{
				{Algorithm: common.SHA1, Value: fmt.Sprintf("%x", sha1.Sum(content))},
				{Algorithm: common.SHA256, Value: fmt.Sprintf("%x", sha256.Sum256(content))},
			},
			LicenseConcluded: "NOASSERTION", FileCopyrightText: "NOASSERTION",
		}
		doc.Files = append(doc.Files, file)
		doc.Relationships = append(doc.Relationships, relation(file.FileSPDXIdentifier, "GENERATED_FROM", killbox))
	}
	return nil
}
