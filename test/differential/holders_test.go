package differential

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"killbox/test/harness"
)

// holding is a situation in which killwait --port, --open or --mount and the classic tools are to find the same
// processes.
type holding struct {
	name  string
	setup string // shell commands; hold starts a victim holder, whose PID is in $pid then
	// The arguments of each tool. A tool without arguments cannot do this.
	ours, fuser, lsof, ss string
	// differs has, for each tool, the reason why it finds other processes.
	differs map[string]string
}

const (
	noThreads = "looks at the first thread only"
	exited    = "does not see a process whose first thread has exited"
)

var holdings = []holding{
	{name: "tcp v4", setup: "hold tcp=127.0.0.1:0"},
	{name: "tcp v6", setup: "hold tcp=[::1]:0"},
	{name: "tcp v4 and v6", setup: "hold tcp=0.0.0.0:0 tcp=[::1]:="},
	{name: "tcp dual stack", setup: "hold dual=0"},
	{name: "udp v4", setup: "hold udp=127.0.0.1:0"},
	{name: "udp v6", setup: "hold udp=[::1]:0"},
	{name: "udp, connected", setup: "hold udp=127.0.0.1:0 connected"},
	{name: "SO_REUSEPORT", setup: "hold reuseport tcp=127.0.0.1:0; hold reuseport tcp=127.0.0.1:$port"},
	{name: "inherited by a child", setup: "hold tcp=127.0.0.1:0 child"},
	{name: "of one thread", setup: "hold thread tcp=127.0.0.1:0",
		differs: map[string]string{"fuser": noThreads, "lsof": noThreads, "ss": noThreads}},
	{name: "first thread exited", setup: "hold tcp=127.0.0.1:0 leaderless",
		differs: map[string]string{"fuser": exited, "lsof": exited, "ss": exited}},
	{name: "another network namespace", setup: "hold tcp=127.0.0.1:0; hold network tcp=127.0.0.1:$port"},
	{name: "a client that is connected", setup: `hold tcp=127.0.0.1:0; bash -c "exec 5<>/dev/tcp/127.0.0.1/$port; exec sleep 60" & until_true asleep $!`},
	{name: "among 5000 descriptors", setup: "hold files=5000 tcp=127.0.0.1:0"},
	{name: "no listener", setup: "hold tcp=127.0.0.1:0; kill -KILL $pid; wait $pid"},

	{name: "open file", setup: "hold open=file", ours: "--open file", fuser: "file", lsof: "-- file"},
	{name: "open file by another name", setup: "hold open=file", ours: "--open hard", fuser: "hard", lsof: "-- hard"},
	{name: "mapped file", setup: "hold map=file", ours: "--open file", fuser: "file", lsof: "-- file"},
	{name: "FIFO", setup: "hold open=fifo", ours: "--open fifo", fuser: "fifo", lsof: "-- fifo"},
	{name: "executable", setup: "at 400 ./copy 60", ours: "--open copy", fuser: "copy", lsof: "-- copy"},
	{name: "device by another name", setup: "hold open=full", ours: "--open /dev/full", fuser: "/dev/full", lsof: "-- /dev/full",
		differs: map[string]string{"fuser": "compares the file, not the device", "lsof": "compares the file, not the device"}},
	{name: "working directory", setup: "hold chdir=dir; hold open=dir", ours: "--open dir", fuser: "dir", lsof: "-- dir",
		differs: map[string]string{"fuser": "counts a working directory as open", "lsof": "counts a working directory as open"}},

	{name: "mount", setup: "hold open=usb/file; hold chdir=usb; hold map=usb/file; hold chroot=usb; hold chdir=dir", ours: "--mount usb", fuser: "-m usb", lsof: `-- "$PWD/usb"`},
	{name: "mount, the bind mount is in use", setup: "hold open=usb/file; hold open=bind/file", ours: "--mount usb", fuser: "-m usb", lsof: `-- "$PWD/usb"`,
		differs: map[string]string{"lsof": "compares the file system, not the mount"}},
	{name: "bind mount", setup: "hold open=usb/file; hold open=bind/file", ours: "--mount bind", fuser: "-m bind", lsof: `-- "$PWD/bind"`,
		differs: map[string]string{"lsof": "compares the file system, not the mount"}},
}

const holdersPrelude = `
[ -e file ] || { echo text >file; ln file hard; mkfifo fifo; mkdir dir usb bind; cp "$(command -v sleep)" copy; mknod full c 1 7
mount -t tmpfs none usb; mkdir usb/dir; echo text >usb/file; echo text >usb/dir/file; mount --bind usb/dir bind; }
hold() { start victim holder "$@"; }
numbers() { grep -oE '[0-9]+' | sort -n | tr '\n' ' '; }
`

// TestHolders compares killwait with fuser, lsof and ss: all run in the same situation, and print PIDs.
func TestHolders(t *testing.T) {
	harness.NeedNamespace(t)
	if os.Geteuid() != 0 {
		harness.T{T: t}.Skip("needs root, to mount")
	}
	for _, tool := range []string{"fuser", "lsof", "ss"} {
		if _, err := exec.LookPath(tool); err != nil {
			harness.T{T: t}.Skip("no " + tool + " to compare with: " + harness.CheckDeps)
		}
	}
	bin, dir := harness.Install(t), t.TempDir()
	var script strings.Builder
	script.WriteString(prelude + holdersPrelude)
	for i, h := range holdings {
		if h.ours == "" { // a port
			udp := strings.HasPrefix(h.name, "udp")
			h.ours, h.fuser, h.lsof, h.ss = "--port $port", "$port/tcp", "-iTCP:$port -sTCP:LISTEN", "-ltn"
			if udp {
				h.ours, h.fuser, h.lsof, h.ss = "--port udp:$port", "$port/udp", "-iUDP:$port", "-uan"
			}
			h.ss += " sport = :$port"
		}
		fmt.Fprintf(&script, "(\nport=0\n%s\n", h.setup)
		fmt.Fprintf(&script, "%s/killwait --handles %s 2>/dev/null | sed 's/@.*//' | numbers >%d.ours\n", bin, h.ours, i)
		fmt.Fprintf(&script, "fuser %s 2>/dev/null | numbers >%d.fuser\n", h.fuser, i)
		fmt.Fprintf(&script, "lsof -nPwt %s 2>/dev/null | numbers >%d.lsof\n", h.lsof, i)
		if h.ss != "" {
			fmt.Fprintf(&script, "ss -Hp %s | grep -oE 'pid=[0-9]+' | sort -u | numbers >%d.ss\n", h.ss, i)
		}
		script.WriteString(")\nclean_up\n")
	}
	script.WriteString("umount bind usb\n")
	file := filepath.Join(dir, "holdings.sh")
	if err := os.WriteFile(file, []byte(script.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("ns", "-t", "300", "bash", file)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C", "WORK="+dir, "LIB="+harness.Testdata())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	intended := 0
	for i, h := range holdings {
		read := func(tool string) []string {
			text, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("%d.%s", i, tool)))
			if os.IsNotExist(err) {
				return nil
			}
			return append(strings.Fields(string(text)), tool)
		}
		ours := read("ours")
		t.Logf("%-34s %v", h.name, ours)
		for _, tool := range []string{"fuser", "lsof", "ss"} {
			theirs := read(tool)
			if theirs == nil {
				continue
			}
			same := slices.Equal(ours[:len(ours)-1], theirs[:len(theirs)-1])
			reason := h.differs[tool]
			switch {
			case !same && reason == "":
				t.Errorf("%s: %v, but %v", h.name, ours, theirs)
			case same && reason != "":
				t.Errorf("%s: no difference from %s, but one is intended (%s): %v", h.name, tool, reason, ours)
			case !same:
				intended++
				t.Logf("%-34s %v (%s)", "", theirs, reason)
			}
		}
	}
	t.Logf("%d situations, %d intended differences", len(holdings), intended)
}
