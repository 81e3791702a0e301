// Package image tests the image of make image: its files, its digests, and containers under runc.
package image

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"killbox/applets"
	"killbox/internal/cli"
	"killbox/test/harness"

	"github.com/google/go-cmp/cmp"
)

func TestMain(m *testing.M) { harness.Main(m) }

// TestImage builds the image, and runs testdata in containers made from it. The scripts are those of test/README.md;
// box.sh describes the command with which they run a container.
func TestImage(t *testing.T) {
	harness.NeedNamespace(t)
	for _, tool := range []string{"runc", "jq", "busybox", "pgrep"} {
		harness.NeedTool(t, tool)
	}
	if os.Geteuid() != 0 {
		harness.T{T: t}.Skip("runc needs root")
	}
	dist := makeImage(t, harness.Root())
	t.Run("twice", func(t *testing.T) { twice(t, dist) })

	harness.OpenHelpers(t)
	bin := harness.Install(t)
	must(t, os.Mkdir(filepath.Join(bin, "images"), 0o755))
	images := &images{t: t, dir: filepath.Join(bin, "images")}
	images.unpack(filepath.Join(dist, "image"))
	t.Run("content", func(t *testing.T) { content(t, images) })
	if t.Failed() {
		return
	}
	images.addBases(bin)
	images.addTargets("docs/Dockerfile.example")

	box, err := os.ReadFile("box.sh")
	must(t, err)
	must(t, os.WriteFile(filepath.Join(bin, "box"), box, 0o755))
	t.Cleanup(func() { removeCgroups(t, filepath.Base(bin)) })
	scripts, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	t.Run("scripts", func(t *testing.T) {
		for _, script := range scripts {
			t.Run(strings.TrimSuffix(filepath.Base(script), ".txtar"), func(t *testing.T) {
				t.Parallel()
				harness.RunScript(t, bin, script)
			})
		}
	})
}

// makeImage runs make image for this machine in the folder, and returns the folder of the result.
func makeImage(t *testing.T, folder string) string {
	t.Helper()
	dist := t.TempDir()
	build := exec.Command("make", "--no-print-directory", "image", "DIST="+dist, "ARCH="+runtime.GOARCH)
	build.Dir = folder
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("make image: %v\n%s", err, out)
	}
	return dist
}

// twice builds the image again, in a copy of the repository. The result must have the same files with the same content.
func twice(t *testing.T, dist string) {
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	must(t, os.CopyFS(elsewhere, os.DirFS(harness.Root())))
	one, two := digests(t, dist), digests(t, makeImage(t, elsewhere))
	for name, digest := range one {
		t.Log(digest, name)
	}
	if diff := cmp.Diff(one, two); diff != "" || len(one) < 6 {
		t.Error(diff)
	}
}

// digests returns the SHA-256 sum of each file below the folder.
func digests(t *testing.T, folder string) map[string]string {
	t.Helper()
	sums := map[string]string{}
	must(t, fs.WalkDir(os.DirFS(folder), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(folder, path))
		sums[path] = fmt.Sprintf("%x", sha256.Sum256(data))
		return err
	}))
	return sums
}

// licences is the file in the image with the licences of what the binary contains.
const licences = "/usr/share/licenses/killbox/copyright"

// content checks that the image contains the binary, its links and the licences, and nothing else, and what its
// configuration says.
func content(t *testing.T, images *images) {
	readme, err := os.ReadFile(filepath.Join(harness.Root(), "README.md"))
	must(t, err)
	if !bytes.Contains(readme, []byte("COPY --from=killbox:"+cli.Version+" ")) {
		t.Errorf("README.md does not copy from killbox:%s", cli.Version)
	}
	image := images.read("killbox")
	labels := image.Config.Labels
	want := config{
		Entrypoint: []string{"/usr/bin/reapwait", "--"},
		Env:        []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
		Labels: map[string]string{
			"org.opencontainers.image.title":       "killbox",
			"org.opencontainers.image.description": labels["org.opencontainers.image.description"],
			"org.opencontainers.image.version":     cli.Version,
			"org.opencontainers.image.revision":    labels["org.opencontainers.image.revision"],
			"org.opencontainers.image.licenses":    "MIT AND BSD-3-Clause",
		},
	}
	if diff := cmp.Diff(want, image.Config); diff != "" {
		t.Error(diff)
	}
	var files []string
	binary, err := os.Stat(filepath.Join(images.dir, "killbox/usr/bin/killbox"))
	must(t, err)
	must(t, filepath.WalkDir(filepath.Join(images.dir, "killbox"), func(path string, d fs.DirEntry, err error) error {
		must(t, err)
		name := strings.TrimPrefix(path, filepath.Join(images.dir, "killbox"))
		if name == "" {
			return nil
		}
		info, err := d.Info()
		must(t, err)
		st := info.Sys().(*syscall.Stat_t)
		mode := fs.FileMode(0o755)
		if name == licences {
			mode = 0o644
		}
		if st.Uid != 0 || st.Gid != 0 || info.Mode().Perm() != mode || !info.ModTime().Equal(image.Created) {
			t.Errorf("%s: owner %d:%d, %v, %v", name, st.Uid, st.Gid, info.Mode(), info.ModTime())
		}
		if !d.IsDir() && name != licences && !os.SameFile(info, binary) {
			t.Errorf("%s is another file", name)
		}
		files = append(files, name)
		return nil
	}))
	names := []string{
		"/usr", "/usr/bin", "/usr/bin/killbox", "/usr/share", "/usr/share/licenses", "/usr/share/licenses/killbox", licences,
	}
	for _, a := range applets.All() {
		names = append(names, "/usr/bin/"+a.Name)
	}
	slices.Sort(names)
	if diff := cmp.Diff(names, files); diff != "" {
		t.Error(diff)
	}
	notices, err := os.ReadFile(filepath.Join(harness.Root(), "packaging/copyright"))
	must(t, err)
	got, err := os.ReadFile(filepath.Join(images.dir, "killbox", licences))
	must(t, err)
	if !bytes.Equal(got, notices) {
		t.Errorf("%s is not packaging/copyright", licences)
	}
}

// unpack makes the image killbox from the OCI layout, as the image specification says. Each blob must have its digest.
func (im *images) unpack(layout string) {
	im.t.Helper()
	type descriptor struct {
		Digest      string
		Annotations map[string]string
	}
	var top, index struct{ Manifests []descriptor }
	var manifest struct {
		Config descriptor
		Layers []descriptor
	}
	blob := func(d descriptor) []byte {
		im.t.Helper()
		sum := strings.TrimPrefix(d.Digest, "sha256:")
		data, err := os.ReadFile(filepath.Join(layout, "blobs/sha256", sum))
		must(im.t, err)
		if got := fmt.Sprintf("%x", sha256.Sum256(data)); got != sum {
			im.t.Fatalf("blob %s has the digest %s", sum, got)
		}
		return data
	}
	data, err := os.ReadFile(filepath.Join(layout, "index.json"))
	must(im.t, err)
	must(im.t, json.Unmarshal(data, &top))
	must(im.t, json.Unmarshal(blob(top.Manifests[0]), &index))
	must(im.t, json.Unmarshal(blob(index.Manifests[0]), &manifest))
	if tag := top.Manifests[0].Annotations["org.opencontainers.image.ref.name"]; tag != cli.Version {
		im.t.Errorf("the tag of the image is %q, not %s", tag, cli.Version)
	}
	must(im.t, os.WriteFile(filepath.Join(im.dir, "killbox.json"), blob(manifest.Config), 0o644))
	must(im.t, os.Mkdir(filepath.Join(im.dir, "killbox"), 0o755))
	for _, layer := range manifest.Layers {
		tar := exec.Command("tar", "-xzf", "-", "-C", filepath.Join(im.dir, "killbox"))
		tar.Stdin = bytes.NewReader(blob(layer))
		if out, err := tar.CombinedOutput(); err != nil {
			im.t.Fatalf("tar: %v\n%s", err, out)
		}
	}
}

// removeCgroups removes the cgroups of the containers, in the hierarchies of both versions. runc has removed those of
// containers that have ended by themselves.
func removeCgroups(t *testing.T, name string) {
	for _, pattern := range []string{"/sys/fs/cgroup/" + name, "/sys/fs/cgroup/*/" + name} {
		parents, _ := filepath.Glob(pattern)
		for _, parent := range parents {
			below, _ := filepath.Glob(parent + "/*-*") // the cgroups of the containers, and no control file
			for _, dir := range append(below, parent) {
				if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
					t.Error(err)
				}
			}
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
