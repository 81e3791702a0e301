package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"regexp"
	"time"
)

// heading is the heading of a version in CHANGELOG.md.
var heading = regexp.MustCompile(`(?m)^## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d\d-\d\d|Unreleased)$`)

// debianChangelog returns the changelog of the Debian package: an entry for each version of CHANGELOG.md. The changes
// are in changelog.gz. An unreleased version has the time of the build.
func (b *builder) debianChangelog() ([]byte, error) {
	text, err := os.ReadFile("CHANGELOG.md")
	if err != nil {
		return nil, err
	}
	versions := heading.FindAllStringSubmatch(string(text), -1)
	if len(versions) == 0 {
		return nil, errors.New("CHANGELOG.md has no version")
	}
	// A package of another version is built to test an upgrade.
	if versions[0][1] != b.version {
		versions = append([][]string{{"", b.version, "Unreleased"}}, versions...)
	}
	var log bytes.Buffer
	for _, v := range versions {
		date := b.time
		if v[2] != "Unreleased" {
			if date, err = time.Parse(time.DateOnly, v[2]); err != nil {
				return nil, err
			}
		}
		fmt.Fprintf(&log, "killbox (%s-%s) unstable; urgency=medium\n\n  * Version %s; changelog.gz lists the changes.\n\n -- %s  %s\n\n",
			v[1], revision, v[1], b.maintainer, date.Format(time.RFC1123Z))
	}
	return bytes.TrimSuffix(log.Bytes(), []byte("\n")), nil
}
