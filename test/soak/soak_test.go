package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"killbox/test/harness"
	"killbox/test/victims"
)

// TestCaseDeterministic derives cases twice, and each from its name.
func TestCaseDeterministic(t *testing.T) {
	for number := range 500 {
		one, two := newCase(7, number, nil), newCase(7, number, nil)
		if !reflect.DeepEqual(one, two) {
			t.Fatalf("case %d differs:\n%v\n%v", number, one, two)
		}
		got, dropped, err := parseName(one.name())
		if got != number || len(dropped) > 0 || err != nil {
			t.Fatalf("%q is case %d without %v: %v", one.name(), got, dropped, err)
		}
	}
	if newCase(7, 1, nil).String() == newCase(8, 1, nil).String() {
		t.Error("the seed changes nothing")
	}
}

// TestCasesDiffer requires every recipe, fault and tool among many cases.
func TestCasesDiffer(t *testing.T) {
	tools, faults, elements := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for number := range 5000 {
		c := newCase(1, number, nil)
		tools[c.call.tool] = true
		faults[c.fault.kind] = true
		for _, e := range c.family.elements {
			elements[e.kind] = true
		}
	}
	for tool := range statuses {
		if !tools[tool] {
			t.Errorf("no case runs %s", tool)
		}
	}
	for _, kind := range faultKinds {
		if !faults[kind] {
			t.Errorf("no case has the fault %s", kind)
		}
	}
	for _, r := range slices.Concat(recipes, rootRecipes) {
		if !elements[r.kind] {
			t.Errorf("no family has the element %s", r.kind)
		}
	}
}

// TestDrop drops each part of a case by its name and leaves the others as they are.
func TestDrop(t *testing.T) {
	for number := range 200 {
		whole := newCase(3, number, nil)
		for _, part := range whole.parts() {
			c := newCase(3, number, []string{part})
			if got := c.parts(); slices.Contains(got, part) || len(got) != len(whole.parts())-1 {
				t.Fatalf("case %s has the parts %v, the whole case %v", c.name(), got, whole.parts())
			}
		}
	}
}

// TestShrink keeps only the parts that the violation needs.
func TestShrink(t *testing.T) {
	for number := range 100 {
		whole := newCase(5, number, nil)
		parts := whole.parts()
		if len(parts) < 3 {
			continue
		}
		needed := []string{parts[0], parts[len(parts)-1]}
		tries := 0
		small := shrink(whole, 3, func(c *testCase) bool {
			tries++ // every second try does not show the violation, like a race
			return tries%2 == 0 && slices.Contains(c.parts(), needed[0]) && slices.Contains(c.parts(), needed[1])
		})
		if got := small.parts(); !slices.Equal(got, needed) {
			t.Errorf("case %d was shrunk to %v, not to %v", number, got, needed)
		}
		if again := newCase(5, number, small.dropped); again.String() != small.String() {
			t.Errorf("the name %s stands for another case", small.name())
		}
	}
}

// TestJudge feeds the judge wrong outcomes.
func TestJudge(t *testing.T) {
	plain := func(tool string, s scope, kind string) *testCase {
		c := &testCase{call: call{tool: tool, scope: s, operands: []string{"{root}"}}, fault: fault{kind: kind}}
		return c
	}
	refused := plain("tkill", tree, "refuse")
	limited := plain("tkill", tree, "limit")
	limited.fault.detail = "nproc"
	killed := plain("tkill", tree, "signal")
	killed.fault.detail = "KILL"
	quit := plain("tkill", tree, "signal")
	quit.fault.detail = "QUIT"
	late := plain("tkill", tree, "signal")
	late.fault.detail, late.fault.delay = "QUIT", time.Second
	other := plain("tkill", tree, "user")
	other.fault.user = "other"
	hides := plain("killwait", named, "proc")
	hides.fault.detail, hides.fault.user = "hidepid=2", "other"
	hidesAll := plain("killwait", named, "proc")
	hidesAll.fault, hidesAll.call.options = hides.fault, options("-e")
	unguarded := plain("tkill", tree, "signal")
	unguarded.fault.detail, unguarded.call.options = "KILL", options("--no-guard")
	ask := plain("killwait", nothing, "none")
	ask.call.harmless = true
	pair := plain("reapwait", command, "signal")
	pair.fault.detail = "KILL"
	single := plain("reapwait", command, "signal")
	single.fault.detail, single.call.options = "KILL", options("--no-pair")
	trace := "fatal error: newosproc\ngoroutine 1"
	for _, test := range []struct {
		name string
		c    *testCase
		out  outcome
		want string // the kinds of the violations
	}{
		{"success", plain("tkill", tree, "none"), outcome{}, ""},
		{"success for hidden processes", hides, outcome{Left: []string{"x"}}, "survivors status"},
		{"no matches among hidden processes", hidesAll, outcome{Left: []string{"x"}}, ""},
		{"not ready", plain("tkill", tree, "none"), outcome{Spoiled: "x", Status: 9}, ""},
		{"success with survivors", plain("tkill", tree, "none"), outcome{Left: []string{"x"}}, "survivors"},
		{"success of kill with survivors", plain("kill", listed, "none"), outcome{Left: []string{"x"}}, "survivors"},
		{"error with survivors", refused, outcome{Status: 3, Left: []string{"x"}, Stderr: "x"}, ""},
		{"error without a message", refused, outcome{Status: 3}, "silent"},
		{"error without a fault", plain("tkill", tree, "none"), outcome{Status: 3, Stderr: "x"}, "status"},
		{"usage error", refused, outcome{Status: 2, Stderr: "x"}, "status"},
		{"trace", refused, outcome{Status: 2, Stderr: trace}, "trace status"},
		{"trace for want of threads", limited, outcome{Status: 2, Stderr: trace}, ""},
		{"trace after a signal", limited, outcome{Status: 2, Stderr: trace, Ended: []string{"root"}}, "trace status"},
		{"a target that ended with its parent", plain("kill", listed, "none"), outcome{Status: 64, Stderr: "kill: 5: No such process"}, ""},
		{"a target that was refused", plain("kill", listed, "none"), outcome{Status: 64, Stderr: "x"}, "status"},
		{"early QUIT", quit, outcome{Status: 2, Stderr: trace}, ""},
		{"early QUIT on a busy machine", late, outcome{Status: 2, Stderr: trace}, ""},
		{"late QUIT", late, outcome{Status: 2, Stderr: trace + "\nmain.main()"}, "trace status"},
		{"killed", killed, outcome{Status: 137, Signal: 9, Left: []string{"x"}}, ""},
		{"killed, and left stopped", killed, outcome{Status: 137, Signal: 9, Stopped: []string{"x"}}, "left stopped"},
		{"killed without a guardian", unguarded, outcome{Status: 137, Signal: 9, Stopped: []string{"x"}}, ""},
		{"died of another signal", killed, outcome{Status: 139, Signal: 11}, "status"},
		{"hang", plain("tkill", tree, "none"), outcome{Hung: "x", Status: -1}, "hang"},
		{"canary", killed, outcome{Status: 137, Signal: 9, Canaries: []string{"x"}}, "canary"},
		{"guardian remains", killed, outcome{Status: 137, Signal: 9, Own: []string{"x"}}, "own process"},
		{"success with processes of another user", other, outcome{}, "status"},
		{"a question that ends its target", ask, outcome{Ended: []string{"root"}}, "ended"},
		{"killed pair, and survivors", pair, outcome{Status: 137, Signal: 9, Left: []string{"x"}}, "survivors"},
		{"killed single process, and survivors", single, outcome{Status: 137, Signal: 9, Left: []string{"x"}}, ""},
		{"swap that hits", plain("tkill", tree, "swap"), outcome{Status: 1, Stdout: "total 9 1 1 1 0"}, "swap"},
	} {
		var kinds []string
		for _, v := range judge(test.c, &test.out) {
			kinds = append(kinds, v.kind)
		}
		if got := strings.Join(kinds, " "); got != test.want {
			t.Errorf("%s: the violations are %q, not %q", test.name, got, test.want)
		}
	}
}

// TestBrokenTool plays cases with a tkill that exits with 0 and ends nothing, as root in namespaces of their own: the
// judge must see that the targets are alive.
func TestBrokenTool(t *testing.T) {
	needGround(t)
	bin := t.TempDir()
	buildSoak(t, bin)
	broken := "#!/bin/sh\n[ \"$1\" != --install ] || { for name in tkill timeout; do ln -s killbox \"$2/$name\"; done; }\n"
	if err := os.WriteFile(filepath.Join(bin, "killbox"), []byte(broken), 0o755); err != nil {
		t.Fatal(err)
	}
	number := 0
	for c := newCase(1, 0, nil); c.call.tool != "tkill" || c.call.scope != tree || c.fault.kind != "none" || len(c.parts()) < 3; number++ {
		c = newCase(1, number+1, nil)
	}
	name := newCase(1, number, nil).name()
	out, err := exec.Command(filepath.Join(bin, "soak"), "-bin", bin, "-seed", "1", "-case", name).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "VIOLATION survivors") {
		t.Errorf("the broken tool passes: %v\n%s", err, out)
	}
}

var (
	span     = flag.Duration("t", 0, "how long TestCases starts new cases; 0: it plays none")
	testSeed = flag.Uint64("seed", 1, "TestCases derives the cases from this number")
)

// TestCases plays cases for the time of -t, as `make soak` does: none may be a violation.
func TestCases(t *testing.T) {
	if *span == 0 {
		return
	}
	needGround(t)
	bin := harness.Install(t)
	buildSoak(t, bin)
	out, err := exec.Command(filepath.Join(bin, "soak"), "-bin", bin, "-t", span.String(), "-seed", fmt.Sprint(*testSeed)).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// needGround skips the test if no case can be played here.
func needGround(t *testing.T) {
	t.Helper()
	if !usable(victims.Cgroup2()) {
		harness.Skip(t, "needs root and a cgroup v2 hierarchy that can be written")
	}
}

// buildSoak builds the programs that play cases, without killbox.
func buildSoak(t *testing.T, bin string) {
	t.Helper()
	for program, source := range map[string]string{"soak": ".", "actor": "../victims/actor"} {
		build := exec.Command("go", "build", "-o", filepath.Join(bin, program), source)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", build.Args, err, out)
		}
	}
}
