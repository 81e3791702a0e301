// Package differential runs classic tools and the drop-ins of the same names with the same command lines, and compares
// the results.
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

// comparison is a table of command lines. The classic tool and the drop-in of the same name run all of them, each tool
// in a PID namespace of its own.
type comparison struct {
	tool string
	name string // distinguishes several comparisons of one tool; otherwise empty
	// peer lists paths of the original, of which the first that exists is used. from names the package that has it.
	peer []string
	from string
	// unpackaged is set if no package that CI can install has the original. Without the original, such a comparison is
	// skipped, even with KILLBOX_TEST_STRICT=1.
	unpackaged bool
	// The commands in setup run before each case, those in after when the case has run, in a shell with testdata/lib.sh
	// and the functions of prelude. The output of the commands in after is compared, too: it shows how the victims
	// ended.
	setup, after string
	// same rewrites standard error of both tools, for messages that may differ in form but not in content. The path of
	// the tool has been replaced by its name before.
	same []rewrite
	// sameOut rewrites standard output of both tools.
	sameOut []rewrite
	// minimum is the least number of cases, so that a table cannot shrink unnoticed.
	minimum int
	cases   []diffCase
}

// diffCase is a command line, in which $tool stands for the tool.
type diffCase struct {
	cmd          string
	setup, after string // run in addition to those of the comparison
	// differs is the reason of an intended difference. If it is not empty, the case fails without a difference.
	differs string
}

type rewrite struct {
	pattern *regexp.Regexp
	with    string
}

// comparisons lists all tables.
func comparisons() []comparison {
	return slices.Concat(comparePgrep(), pidofs(), []comparison{
		killallOfPsmisc(), killOfProcps(), killOfUtilLinux(), waitpidOfUtilLinux(), timeoutOfGNU(), timeoutOnceMore(),
		tiniOfDebian(), killall5OfSysvinit(),
	})
}

// prelude begins the shell script of the cases. PATH has actor and the commands of package victims.
//
// fate ends victims with KILL and prints their exit statuses. If the tool has sent a fatal signal before, the status
// shows that signal, even if the victim has not exited yet: the kernel records the first fatal signal when it is sent.
// Signals that dump core are an exception.
const prelude = `. "$LIB/lib.sh"
# Some tools match the state, which is another one while a process is still starting.
at() { take_pid "$@"; shift; until_true running "$pid" "$1"; until_true asleep "$pid"; }
fate() { for p in "$@"; do kill -KILL "$p"; wait "$p"; echo "$p ended with $?"; done 2>/dev/null; }
`

func TestMain(m *testing.M) { harness.Main(m) }

// TestDifferential runs the tables of comparisons. -run TestDifferential/TOOL runs one.
//
//	KILLBOX_TEST_PEERS=DIR   a folder with originals that are not installed; it is searched first
func TestDifferential(t *testing.T) {
	harness.NeedNamespace(t)
	bin := harness.Install(t)
	// $BIN has actor only: applets in PATH would replace the tools of the machine.
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
		t.Errorf("%d cases, want at least %d", len(c.cases), c.minimum)
	}
	peer := c.found()
	if peer == "" && c.unpackaged {
		fmt.Fprintf(os.Stderr, "SKIP %s: %s is not installed: see KILLBOX_TEST_PEERS\n", t.Name(), c.from)
		t.SkipNow()
	}
	if peer == "" {
		harness.T{T: t}.Skip(fmt.Sprintf("no %s to compare with: %s", strings.Join(c.peer, " or "), harness.CheckDeps))
	}
	wrong := c.compared(t, c.cases, peer, filepath.Join(bin, c.tool))
	if len(wrong) > 0 {
		// The classic tools have races of their own. A case fails only if it is wrong twice.
		var again []diffCase
		for _, w := range wrong {
			fmt.Fprintf(os.Stderr, "AGAIN %s: %s", t.Name(), w.message)
			again = append(again, w.diffCase)
		}
		for _, w := range c.compared(t, again, peer, filepath.Join(bin, c.tool)) {
			t.Error(w.message)
		}
	}
	intended := 0
	for _, one := range c.cases {
		if one.differs != "" {
			intended++
		}
	}
	t.Logf("%s: %d cases against %s, %d intended differences", c.tool, len(c.cases), peer, intended)
}

// wrongCase is a case with an unintended difference, or without an intended one.
type wrongCase struct {
	diffCase
	message string
}

// compared runs the cases with both tools, and returns the wrong ones.
func (c *comparison) compared(t *testing.T, cases []diffCase, peer, applet string) (wrong []wrongCase) {
	t.Helper()
	theirs, ours := c.side(t, "peer", peer, cases), c.side(t, "ours", applet, cases)
	for i, one := range cases {
		switch {
		case theirs[i] == ours[i] && one.differs != "":
			wrong = append(wrong, wrongCase{one, fmt.Sprintf("case %d, %s: no difference, but one is intended (%s):\n%s", i, one.cmd, one.differs, ours[i])})
		case theirs[i] != ours[i] && one.differs == "":
			wrong = append(wrong, wrongCase{one, fmt.Sprintf("case %d, %s:\n[%s]\n%s[killbox]\n%s", i, one.cmd, peer, theirs[i], ours[i])})
		}
	}
	return wrong
}

// found returns the path of the original, or "" if it is not installed.
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
	// Both tools run under the same name, because some behave according to argv[0].
	tool := filepath.Join(dir, c.tool)
	if err := os.Symlink(path, tool); err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	script.WriteString(prelude)
	for i, one := range cases {
		// The subshell keeps variables and traps of a case from the next one. Setting ns_last_pid gives the subshell a
		// lower PID than the victims: of two processes started in the same clock tick, the tools take the one with the
		// higher PID for the newer.
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
				t.Fatalf("%s: case %d, %s: the case did not finish", name, i, cases[i].cmd)
			}
			return strings.ReplaceAll(string(text), tool, c.tool)
		}
		stdout, stderr := rewritten(read("out"), c.sameOut), rewritten(read("err"), c.same)
		results[i] = fmt.Sprintf("exit %sstdout %q\nstderr %q\nafter %q\n", read("code"), stdout, stderr, read("after"))
	}
	return results
}

// rewritten returns text after all rules.
func rewritten(text string, rules []rewrite) string {
	for _, r := range rules {
		text = r.pattern.ReplaceAllString(text, r.with)
	}
	return text
}
