// Packages writes the packages of killbox, as deb, rpm and apk:
//
//	packages -out DIR -version V -five NAMES -dropins NAMES -maintainer "NAME <ADDRESS>" [-homepage URL]
//		[-arch GOARCH -binary FILE]
//
// With -arch (arm is ARMv7) it writes the package killbox, which holds FILE under the names of the five. Without, it
// writes killbox-dropins, which holds links only and is the same for all architectures. It is run in the root of the
// repository. All times are SOURCE_DATE_EPOCH, so the same files give the same bytes.
package main

import (
	"errors"
	"flag"
	"fmt"
	"net/mail"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/apk"
	_ "github.com/goreleaser/nfpm/v2/deb"
	_ "github.com/goreleaser/nfpm/v2/rpm"
)

// revision counts the packages of one version.
const revision = "1"

func main() {
	var b builder
	flag.StringVar(&b.out, "out", "dist", "write to `DIR`")
	flag.StringVar(&b.version, "version", "", "the version")
	flag.StringVar(&b.arch, "arch", "", "the architecture of the binary, as Go names it")
	flag.StringVar(&b.binary, "binary", "", "the binary")
	flag.StringVar(&b.maintainer, "maintainer", "", "the maintainer of the packages, as `NAME <ADDRESS>`")
	flag.StringVar(&b.homepage, "homepage", "", "the `URL` of the project, if it has one")
	five := flag.String("five", "", "the `NAMES` that the package killbox installs")
	dropins := flag.String("dropins", "", "the `NAMES` that the package killbox-dropins installs")
	flag.Parse()
	b.five, b.dropins = strings.Fields(*five), strings.Fields(*dropins)
	epoch, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64)
	switch {
	case flag.NArg() > 0 || b.version == "" || len(b.five) == 0 || len(b.dropins) == 0 || (b.arch == "") != (b.binary == ""):
		err = errors.New("a version, names, and an architecture with a binary or none of both are needed: see go doc")
	case err != nil:
		err = fmt.Errorf("SOURCE_DATE_EPOCH is not a time: %w", err)
	default:
		b.time = time.Unix(epoch, 0).UTC()
		if err = b.checkOrigin(); err == nil {
			err = b.write()
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "packages:", err)
		os.Exit(1)
	}
}

type builder struct {
	out, version, arch, binary string
	five, dropins              []string
	maintainer, homepage       string
	time                       time.Time
	// work is a folder for the files that are made or compressed.
	work string
}

// checkOrigin checks the maintainer and the homepage: a package manager may refuse or misread other forms.
func (b *builder) checkOrigin() error {
	if address, err := mail.ParseAddress(b.maintainer); err != nil || address.Name == "" {
		return fmt.Errorf("maintainer %q is not NAME <ADDRESS>", b.maintainer)
	}
	if page, err := url.Parse(b.homepage); b.homepage != "" && (err != nil || page.Host == "") {
		return fmt.Errorf("homepage %q is not a URL", b.homepage)
	}
	return nil
}

// write writes one package in each format.
func (b *builder) write() (err error) {
	if b.work, err = os.MkdirTemp("", "packages-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.work)) }()
	if err := os.MkdirAll(b.out, 0o755); err != nil {
		return err
	}
	for _, format := range []string{"deb", "rpm", "apk"} {
		info := b.killbox(format)
		if b.arch == "" {
			info = b.killboxDropins(format)
		}
		if err := b.writePackage(format, info); err != nil {
			return fmt.Errorf("%s: %w", format, err)
		}
	}
	return nil
}

func (b *builder) writePackage(format string, info *nfpm.Info) (err error) {
	if info.Contents, err = b.contents(format, info.Name); err != nil {
		return err
	}
	packager, err := nfpm.Get(format)
	if err != nil {
		return err
	}
	info = nfpm.WithDefaults(info)
	name := filepath.Join(b.out, packager.ConventionalFileName(info))
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	err = errors.Join(packager.Package(info, file), file.Close())
	if err != nil {
		return errors.Join(err, os.Remove(name))
	}
	fmt.Println(name)
	return nil
}

// info returns what both packages have in common.
func (b *builder) info(name string) *nfpm.Info {
	info := &nfpm.Info{
		Name: name, Version: b.version, VersionSchema: "none", Release: revision, Platform: "linux",
		Section: "utils", Priority: "optional", Maintainer: b.maintainer, Homepage: b.homepage, License: "MIT AND BSD-3-Clause",
		MTime: b.time,
	}
	// The default is the name of the machine, which differs between two builds.
	info.RPM.BuildHost = "localhost"
	info.RPM.Group = "Unspecified"
	return info
}

func (b *builder) killbox(format string) *nfpm.Info {
	info := b.info("killbox")
	info.Arch = b.arch
	switch {
	case b.arch == "arm":
		info.Arch = "arm7"
	case b.arch == "386" && format == "rpm":
		// Go needs SSE2, and distributions build for i686.
		info.Arch = "i686"
	}
	if format != "apk" {
		info.Suggests = []string{"fzf"} // for killbox-pick
	}
	describe(info, format, "end processes, and return when they are gone", `
killwait signals processes and waits for them, tkill does so for process
trees, pgkill for process groups. freezekill stops processes before it
signals them. reapwait runs a command and ends all that the command has
started.

The package killbox-dropins has kill, pkill, timeout, tini and others.`)
	return info
}

func (b *builder) killboxDropins(format string) *nfpm.Info {
	info := b.info("killbox-dropins")
	info.Arch = "all"
	info.Depends = []string{map[string]string{
		"deb": fmt.Sprintf("killbox (= %s-%s)", b.version, revision),
		"rpm": fmt.Sprintf("killbox = %s-%s", b.version, revision),
		"apk": fmt.Sprintf("killbox=%s-r%s", b.version, revision),
	}[format]}
	describe(info, format, "killbox under the names kill, pkill, timeout, tini and others", `
The links are in `+dropinFolder+`/bin and replace no program of the
distribution. A script or user that sets PATH to `+dropinFolder+`/bin:$PATH
uses them.`)
	return info
}

// describe sets the summary and the description, each where the format has it. The summary follows the rules of Debian
// and Fedora: no article at the begin, no full stop.
func describe(info *nfpm.Info, format, summary, description string) {
	switch format {
	case "deb":
		info.Description = summary + description
	case "rpm":
		info.RPM.Summary, info.Description = summary, strings.TrimPrefix(description, "\n")
	case "apk":
		info.Description = summary // a format of one line
	}
}
