package image

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"killbox/internal/cli"
	"killbox/test/harness"
)

// images is a folder with images: for each a folder of its files, and NAME.json, its configuration.
type images struct {
	t   *testing.T
	dir string
}

type imageFile struct {
	Created time.Time `json:"created,omitzero"`
	Config  config    `json:"config"`
}

type config struct {
	User        string            `json:",omitempty"`
	Env         []string          `json:",omitempty"`
	Entrypoint  []string          `json:",omitempty"`
	Cmd         []string          `json:",omitempty"`
	Labels      map[string]string `json:",omitempty"`
	Healthcheck []string          `json:",omitempty"` // not as Docker writes it: the command only
}

func (im *images) read(name string) (file imageFile) {
	im.t.Helper()
	data, err := os.ReadFile(filepath.Join(im.dir, name+".json"))
	must(im.t, err)
	must(im.t, json.Unmarshal(data, &file))
	return file
}

func (im *images) write(name string, file imageFile) {
	im.t.Helper()
	data, err := json.Marshal(file)
	must(im.t, err)
	must(im.t, os.WriteFile(filepath.Join(im.dir, name+".json"), data, 0o644))
}

// addBases adds two images: busybox, and lab, which is killbox with busybox and the program actor of bin.
func (im *images) addBases(bin string) {
	im.t.Helper()
	busybox, err := exec.LookPath("busybox")
	must(im.t, err)
	im.write("busybox", imageFile{Config: config{Cmd: []string{"sh"}}})
	im.write("lab", im.read("killbox"))
	must(im.t, os.CopyFS(filepath.Join(im.dir, "lab"), os.DirFS(filepath.Join(im.dir, "killbox"))))
	im.copyFile(filepath.Join(bin, "actor"), "lab/bin/actor")
	for _, image := range []string{"busybox", "lab"} {
		im.copyFile(busybox, image+"/bin/busybox")
		for _, name := range []string{"sh", "sleep", "id", "kill", "ls", "mkfifo", "setsid", "tail", "umount"} {
			must(im.t, os.Symlink("busybox", filepath.Join(im.dir, image, "bin", name)))
		}
	}
}

// copyFile copies a program, as COPY does: a link becomes the file to which it points.
func (im *images) copyFile(from, to string) {
	im.t.Helper()
	data, err := os.ReadFile(from)
	must(im.t, err)
	to = filepath.Join(im.dir, to)
	must(im.t, os.MkdirAll(filepath.Dir(to), 0o755))
	must(im.t, os.WriteFile(to, data, 0o755))
}

// addTargets builds each target of a Dockerfile, without a builder: it knows only the instructions that the file
// uses, and fails at any other. The context consists of the program server.
func (im *images) addTargets(dockerfile string) {
	im.t.Helper()
	text, err := os.ReadFile(filepath.Join(harness.Root(), dockerfile))
	must(im.t, err)
	context := im.t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(context, "server"), "./server")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		im.t.Fatalf("%v\n%s", err, out)
	}
	target := ""
	var file imageFile
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		instruction, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		words := strings.Fields(rest)
		switch instruction {
		case "":
			continue
		case "FROM": // FROM IMAGE AS TARGET
			target, file = words[2], imageFile{}
			must(im.t, os.Mkdir(filepath.Join(im.dir, target), 0o755))
			if words[0] != "scratch" {
				base := im.named(words[0])
				file = im.read(base)
				must(im.t, os.CopyFS(filepath.Join(im.dir, target), os.DirFS(filepath.Join(im.dir, base))))
			}
		case "COPY": // COPY [--from=IMAGE] FILE... FILE|FOLDER/
			root := context
			if image, ok := strings.CutPrefix(words[0], "--from="); ok {
				root, words = filepath.Join(im.dir, im.named(image)), words[1:]
			}
			to := words[len(words)-1]
			for _, from := range words[:len(words)-1] {
				name := to
				if strings.HasSuffix(to, "/") {
					name += filepath.Base(from)
				}
				im.copyFile(filepath.Join(root, from), target+name)
			}
		case "ENTRYPOINT":
			file.Config.Entrypoint, file.Config.Cmd = im.list(rest), nil
		case "CMD":
			file.Config.Cmd = im.list(rest)
		case "HEALTHCHECK":
			file.Config.Healthcheck = im.list(strings.TrimPrefix(rest, "CMD "))
		case "USER":
			file.Config.User = rest
		default:
			im.t.Fatalf("%s: unknown instruction: %s", dockerfile, line)
		}
		im.write(target, file)
	}
}

// named returns the folder of an image: killbox with the tag of this version, or busybox.
func (im *images) named(image string) string {
	im.t.Helper()
	name, tag, _ := strings.Cut(image, ":")
	if name != "busybox" && (name != "killbox" || tag != cli.Version) {
		im.t.Fatalf("there is no image %s", image)
	}
	return name
}

func (im *images) list(text string) (words []string) {
	im.t.Helper()
	must(im.t, json.Unmarshal([]byte(text), &words))
	return words
}
