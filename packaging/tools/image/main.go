// Image makes the image of killbox from nothing but the binary, hard links to it for the applets, and the licences:
//
//	image -out DIR -version V [-revision R] [-homepage URL] -links NAMES PLATFORM=BINARY...
//
// PLATFORM is GOARCH, with a variant if it has one, such as arm/v7. DIR/image becomes an OCI layout that holds an index
// of all platforms, tagged V. DIR/killbox-V-image-PLATFORM.tar becomes the image of one platform as docker save writes
// it, for docker load, because such a file has no index. All times are SOURCE_DATE_EPOCH, so the same binaries give
// the same bytes. It is run in the root of the repository.
package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const (
	bin = "usr/bin"
	// notices is the file with the licences of all that the binary contains, at the path where rpm and apk have it,
	// too.
	notices = "usr/share/licenses/killbox/copyright"
	// searchPath is the PATH that Docker sets for images that have none. runc sets none.
	searchPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
)

func main() {
	var b builder
	flag.StringVar(&b.out, "out", "dist", "write to `DIR`")
	flag.StringVar(&b.version, "version", "", "the version, which is the tag as well")
	flag.StringVar(&b.revision, "revision", "", "the commit, if it is known")
	flag.StringVar(&b.homepage, "homepage", "", "the `URL` of the project, if it has one")
	flag.StringVar(&b.licences, "licences", "packaging/copyright", "the `FILE` with the licences")
	links := flag.String("links", "", "the `NAMES` of the links")
	flag.Parse()
	b.links = strings.Fields(*links)
	epoch, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64)
	switch {
	case b.version == "" || len(b.links) == 0 || flag.NArg() == 0:
		err = errors.New("a version, links and binaries are needed: see go doc")
	case err != nil:
		err = fmt.Errorf("SOURCE_DATE_EPOCH is not a time: %w", err)
	default:
		b.created = time.Unix(epoch, 0).UTC()
		err = b.write(flag.Args())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

type builder struct {
	out, version, revision, homepage string
	licences                         string // a file
	links                            []string
	created                          time.Time
}

// write makes the image of each PLATFORM=BINARY, a file for each, and a layout of all.
func (b *builder) write(binaries []string) error {
	tag, err := name.NewTag("killbox:" + b.version)
	if err != nil {
		return err
	}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, word := range binaries {
		arch, file, ok := strings.Cut(word, "=")
		if !ok || arch == "" {
			return fmt.Errorf("%q is not PLATFORM=BINARY", word)
		}
		platform, err := v1.ParsePlatform("linux/" + arch)
		if err != nil {
			return err
		}
		binary, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		img, err := b.image(platform, binary)
		if err != nil {
			return err
		}
		archive := fmt.Sprintf("killbox-%s-image-%s.tar", b.version, strings.ReplaceAll(arch, "/", ""))
		if err := tarball.WriteToFile(filepath.Join(b.out, archive), tag, img); err != nil {
			return err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: platform}})
	}
	// The layout is written anew, because blobs of an earlier call would remain in it.
	dir := filepath.Join(b.out, "image")
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	to, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	names := layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": b.version})
	if err := to.AppendIndex(index, names); err != nil {
		return err
	}
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return os.Chmod(path, 0o644) // layout makes some files that only their owner can read
	})
}

func (b *builder) image(platform *v1.Platform, binary []byte) (v1.Image, error) {
	files, err := b.files(binary)
	if err != nil {
		return nil, err
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(files)), nil }
	layer, err := tarball.LayerFromOpener(open, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	config, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	config.OS, config.Architecture, config.Variant = platform.OS, platform.Architecture, platform.Variant
	config.Created = v1.Time{Time: b.created}
	config.Config.Env = []string{searchPath}
	config.Config.Entrypoint = []string{"/" + path.Join(bin, "reapwait"), "--"}
	config.Config.Labels = map[string]string{
		"org.opencontainers.image.title":       "killbox",
		"org.opencontainers.image.description": "ends processes properly; reapwait is an init for containers",
		"org.opencontainers.image.version":     b.version,
		"org.opencontainers.image.licenses":    "MIT AND BSD-3-Clause",
	}
	if b.homepage != "" {
		config.Config.Labels["org.opencontainers.image.url"] = b.homepage
	}
	if b.revision != "" {
		config.Config.Labels["org.opencontainers.image.revision"] = b.revision
	}
	if img, err = mutate.ConfigFile(img, config); err != nil {
		return nil, err
	}
	return mutate.Append(img, mutate.Addendum{Layer: layer, History: v1.History{
		Created: v1.Time{Time: b.created}, CreatedBy: "make image",
	}})
}

// files returns the content of the image as a tar archive. The applets are hard links, not symbolic ones: a builder
// that does not follow symbolic links would copy a dangling link for COPY --from=killbox /usr/bin/reapwait.
func (b *builder) files(binary []byte) ([]byte, error) {
	text, err := os.ReadFile(b.licences)
	if err != nil {
		return nil, err
	}
	const killbox = bin + "/killbox"
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	add := func(h tar.Header, data []byte) {
		h.Size, h.ModTime, h.Format = int64(len(data)), b.created, tar.FormatUSTAR
		err = errors.Join(err, w.WriteHeader(&h))
		if err == nil {
			_, err = w.Write(data)
		}
	}
	folder := func(name string) { add(tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o755}, nil) }
	folder("usr")
	folder(bin)
	add(tar.Header{Typeflag: tar.TypeReg, Name: killbox, Mode: 0o755}, binary)
	for _, link := range b.links {
		add(tar.Header{Typeflag: tar.TypeLink, Name: path.Join(bin, link), Linkname: killbox, Mode: 0o755}, nil)
	}
	folder("usr/share")
	folder("usr/share/licenses")
	folder(path.Dir(notices))
	add(tar.Header{Typeflag: tar.TypeReg, Name: notices, Mode: 0o644}, text)
	err = errors.Join(err, w.Close())
	return buf.Bytes(), err
}
