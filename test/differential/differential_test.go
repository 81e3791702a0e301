// Package differential gives classic tools and the applets of their names the same command lines, and compares.
package differential

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"killbox/test/harness"
)

// comparison is a table of command lines that a classic tool and the applet of its name are both given, each in a PID
// namespace of its own.
type comparison struct {
	tool string
	name string // where a tool has several peers
	// peer tells where the original may be, the first that is there counts; from names what to install where none is.
	peer []string
	from string
	// unpackaged: no package that CI can install has the peer, so that its absence is no failure even of a strict run.
	unpackaged bool
	// setup runs before each case, after runs behind it: shell with testdata/lib.sh and the functions of prelude. What after
	// prints is compared as well: the fate of the victims.
	setup, after string
	// same rewrites the stderr of both, where messages may differ in form but not in content. The tool's path has been
	// replaced by its name before.
	same []rewrite
	// sameOut rewrites the stdout of both.
	sameOut []rewrite
	// minimum is how many cases there have to be, so that a table cannot shrink unseen.
	minimum int
	cases   []diffCase
}

// diffCase is a command line, in which $tool stands for the tool.
type diffCase struct {
	cmd          string
	setup, after string // besides those of the comparison
	// differs is the reason of a difference that is meant: without a difference the case fails.
	differs string
}

type rewrite struct {
	pattern *regexp.Regexp
	with    string
}

// comparisons lists the tables. Each is in a file of its own.
func comparisons() []comparison {
	return slices.Concat(comparePgrep(), pidofs(), []comparison{
		killallOfPsmisc(), killOfProcps(), killOfUtilLinux(), waitpidOfUtilLinux(), timeoutOfGNU(), timeoutOnceMore(),
		tiniOfDebian(), killall5OfSysvinit(),
	})
}

// prelude is what the shell of the cases has besides lib.sh. In its PATH are actor and the commands of package victims.
//
// fate prints the status that a process would have ended with. The kernel records the first fatal signal when it is sent, so
// our KILL behind it changes nothing, and the test need not wait. (Signals that dump core are an exception.)
const prelude = `. "$LIB/lib.sh"
# Some tools look at the state, and a process that is still starting has another.
at() { take_pid "$@"; shift; until_true running "$pid" "$1"; until_true asleep "$pid"; }
fate() { for p in "$@"; do kill -KILL "$p"; wait "$p"; echo "$p ended with $?"; done 2>/dev/null; }
`

func TestMain(m *testing.M) { harness.Main(m) }

// TestDifferential runs the tables of comparisons. -run TestDifferential/TOOL runs one.
//
//	KILLBOX_TEST_PEERS=DIR   a folder with originals that are not installed, looked at first
func TestDifferential(t *testing.T) {
	harness.NeedNamespace(t)
	bin := harness.Install(t)
	// $BIN has actor alone: the applets must not take the place of the machine's tools.
	helpers := t.TempDir()
	if err := os.Symlink(filepath.Join(bin, "actor"), filepath.Join(helpers, "actor")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("BIN", helpers)
	t.Setenv("PATH", helpers+":"+os.Getenv("PATH"))
	for _, c := range comparisons() {
		t.Run(cmp.Or(c.name, c.tool), func(t *testing.T) { c.run(t, bin) })
	}
}

func (c *comparison) run(t *testing.T, bin string) {
	if len(c.cases) < c.minimum {
		t.Errorf("%d cases, and there were %d", len(c.cases), c.minimum)
	}
	peer := c.found()
	if peer == "" && c.unpackaged {
		fmt.Fprintf(os.Stderr, "SKIP %s: %s is not here to compare with: see KILLBOX_TEST_PEERS\n", t.Name(), c.from)
		t.SkipNow()
	}
	if peer == "" {
		harness.T{T: t}.Skip(fmt.Sprintf("no %s to compare with: %s", strings.Join(c.peer, " or "), harness.CheckDeps))
	}
	wrong := c.compared(t, c.cases, peer, filepath.Join(bin, c.tool))
	if len(wrong) > 0 {
		// The classic tools have races of their own: a difference counts if it is seen twice.
		var again []diffCase
		for _, w := range wrong {
			fmt.Fprintf(os.Stderr, "AGAIN %s: %s", t.Name(), w.told)
			again = append(again, w.diffCase)
		}
		for _, w := range c.compared(t, again, peer, filepath.Join(bin, c.tool)) {
			t.Error(w.told)
		}
	}
	meant := 0
	for _, one := range c.cases {
		if one.differs != "" {
			meant++
		}
	}
	t.Logf("%s: %d cases against %s, %d of them differ as meant", c.tool, len(c.cases), peer, meant)
}

// wrongCase is a case with an unmeant difference, or without a meant one.
type wrongCase struct {
	diffCase
	told string
}

// compared runs the cases on both sides, and returns the wrong ones.
func (c *comparison) compared(t *testing.T, cases []diffCase, peer, applet string) (wrong []wrongCase) {
	t.Helper()
	theirs, ours := c.side(t, "peer", peer, cases), c.side(t, "ours", applet, cases)
	for i, one := range cases {
		switch {
		case theirs[i] == ours[i] && one.differs != "":
			wrong = append(wrong, wrongCase{one, fmt.Sprintf("case %d, %s: no difference, though one is meant (%s):\n%s", i, one.cmd, one.differs, ours[i])})
		case theirs[i] != ours[i] && one.differs == "":
			wrong = append(wrong, wrongCase{one, fmt.Sprintf("case %d, %s:\n[%s]\n%s[killbox]\n%s", i, one.cmd, peer, theirs[i], ours[i])})
		}
	}
	return wrong
}

func (c *comparison) found() string {
	peers := c.peer
	if dir := os.Getenv("KILLBOX_TEST_PEERS"); dir != "" {
		peers = append([]string{filepath.Join(dir, cmp.Or(c.name, c.tool))}, peers...)
	}
	for _, path := range peers {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return ""
}

// side runs the cases with one of the two tools, and returns the result of each.
func (c *comparison) side(t *testing.T, name, path string, cases []diffCase) []string {
	t.Helper()
	dir := t.TempDir()
	// The same name on both sides: some tools look at it.
	tool := filepath.Join(dir, c.tool)
	if err := os.Symlink(path, tool); err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	script.WriteString(prelude)
	for i, one := range cases {
		// The subshell keeps one case's variables and traps from the next one. It is older than the victims and its PID is
		// lower: of two processes that started in the same clock tick, the tools take the higher PID for the newer.
		fmt.Fprintf(&script, "echo 99 >/proc/sys/kernel/ns_last_pid\n(\n%s\n%s\n{\n%s\n} >%d.out 2>%d.err </dev/null\necho $? >%d.code\n{\n:\n%s\n%s\n} >%d.after 2>&1\n)\nclean_up\n",
			c.setup, one.setup, one.cmd, i, i, i, c.after, one.after, i)
	}
	file := filepath.Join(dir, "cases.sh")
	if err := os.WriteFile(file, []byte(script.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("ns", "-t", "1200", "sh", file)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C", "WORK="+dir, "LIB="+harness.Testdata(), "tool="+tool)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", name, err, out)
	}
	results := make([]string, len(cases))
	for i := range cases {
		read := func(what string) string {
			text, err := os.ReadFile(filepath.Join(dir, strconv.Itoa(i)+"."+what))
			if err != nil {
				t.Fatalf("%s: case %d, %s: it did not come to an end", name, i, cases[i].cmd)
			}
			return strings.ReplaceAll(string(text), tool, c.tool)
		}
		stdout, stderr := rewritten(read("out"), c.sameOut), rewritten(read("err"), c.same)
		results[i] = fmt.Sprintf("exit %sstdout %q\nstderr %q\nafter %q\n", read("code"), stdout, stderr, read("after"))
	}
	return results
}

func rewritten(text string, rules []rewrite) string {
	for _, r := range rules {
		text = r.pattern.ReplaceAllString(text, r.with)
	}
	return text
}
