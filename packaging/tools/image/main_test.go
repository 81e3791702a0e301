package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// TestPlatforms writes images of two platforms and reads them again: the layout has an index of both, and the file of
// each platform holds the image that is in the index.
func TestPlatforms(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "binary")
	b := builder{
		out: t.TempDir(), version: "1.2", licences: binary, homepage: "https://killbox.example",
		links: []string{"tkill"}, created: time.Unix(1e9, 0).UTC(),
	}
	must(t, os.WriteFile(binary, []byte("not a program"), 0o644))
	must(t, b.write([]string{"amd64=" + binary}))
	must(t, b.write([]string{"amd64=" + binary, "arm/v7=" + binary})) // replaces the first layout

	top, err := layout.ImageIndexFromPath(filepath.Join(b.out, "image"))
	must(t, err)
	must(t, validate.Index(top))
	tagged, err := top.IndexManifest()
	must(t, err)
	if len(tagged.Manifests) != 1 || tagged.Manifests[0].Annotations["org.opencontainers.image.ref.name"] != "1.2" {
		t.Fatalf("index.json: %+v", tagged.Manifests)
	}
	index, err := top.ImageIndex(tagged.Manifests[0].Digest)
	must(t, err)
	list, err := index.IndexManifest()
	must(t, err)
	files := []string{"amd64", "armv7"}
	platforms := []v1.Platform{{OS: "linux", Architecture: "amd64"}, {OS: "linux", Architecture: "arm", Variant: "v7"}}
	if len(list.Manifests) != len(platforms) {
		t.Fatalf("index: %+v", list.Manifests)
	}
	for i, m := range list.Manifests {
		img, err := index.Image(m.Digest)
		must(t, err)
		file, err := img.ConfigFile()
		must(t, err)
		if !m.Platform.Equals(platforms[i]) || !file.Platform().Equals(platforms[i]) {
			t.Errorf("platform %v, in the configuration %v, want %v", m.Platform, file.Platform(), platforms[i])
		}
		if page := file.Config.Labels["org.opencontainers.image.url"]; page != "https://killbox.example" {
			t.Errorf("the homepage is %q", page)
		}
		saved, err := tarball.ImageFromPath(filepath.Join(b.out, "killbox-1.2-image-"+files[i]+".tar"), nil)
		must(t, err)
		must(t, validate.Image(saved))
		want, err := img.ConfigName()
		must(t, err)
		if got, err := saved.ConfigName(); err != nil || got != want {
			t.Errorf("%s: %v, %v, want %v", files[i], got, err, want)
		}
	}
}

// TestRefused checks that a wrong argument is an error.
func TestRefused(t *testing.T) {
	for _, word := range []string{"amd64", "amd64=/nosuch", "=/dev/null", "a/b/c/d=/dev/null"} {
		b := builder{out: t.TempDir(), version: "1.2", licences: os.DevNull, links: []string{"tkill"}}
		if err := b.write([]string{word}); err == nil {
			t.Errorf("%s is accepted", word)
		}
	}
	b := builder{out: t.TempDir(), version: "no tag", licences: os.DevNull, links: []string{"tkill"}}
	if err := b.write([]string{"amd64=/dev/null"}); err == nil {
		t.Error("a version that cannot be a tag is accepted")
	}
	b = builder{out: t.TempDir(), version: "1.2", licences: "/nosuch", links: []string{"tkill"}}
	if err := b.write([]string{"amd64=/dev/null"}); err == nil {
		t.Error("an image without licences is written")
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
