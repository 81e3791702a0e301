package harness

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// status is `status N CMD...`: CMD must exit with N, or with one of N|M. The commands stdout and stderr then check
// its output, as after exec, and the variable status is its exit status.
func status(ts *testscript.TestScript, neg bool, args []string) {
	refuseNeg(ts, neg)
	if len(args) < 2 {
		ts.Fatalf("usage: status N CMD...")
	}
	code, cmd := 0, split(args[1:])
	if err := execute(ts, cmd); err != nil {
		exit := new(exec.ExitError)
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		if code = exit.ExitCode(); exit.Sys().(syscall.WaitStatus).Signaled() {
			code = 128 + int(exit.Sys().(syscall.WaitStatus).Signal())
		}
	}
	ts.Setenv("status", strconv.Itoa(code))
	if !slices.Contains(strings.Split(args[0], "|"), strconv.Itoa(code)) {
		ts.Fatalf("exit status %d, want %s", code, args[0])
	}
}

// split splits the first word of a command at blanks: with `variants` it may be a $tool that contains options.
func split(args []string) []string {
	return append(strings.Fields(args[0]), args[1:]...)
}

// silent is `silent [N] CMD...`: CMD must exit with N, 0 by default, and print nothing.
func silent(ts *testscript.TestScript, neg bool, args []string) {
	refuseNeg(ts, neg)
	code := "0"
	if _, err := strconv.Atoi(args[0]); err == nil {
		code, args = args[0], args[1:]
	}
	status(ts, false, append([]string{code}, args...))
	stdoutIs(ts, false, nil)
	stderrIs(ts, false, nil)
}

// usage is `usage CMD...`: CMD must fail with a usage error: exit status 2, two lines on standard error, none on
// standard output.
func usage(ts *testscript.TestScript, neg bool, args []string) {
	refuseNeg(ts, neg)
	status(ts, false, append([]string{"2"}, args...))
	if out := ts.ReadFile("stdout"); out != "" {
		ts.Fatalf("stdout is not empty: %s", out)
	}
	if n := strings.Count(ts.ReadFile("stderr"), "\n"); n != 2 {
		ts.Fatalf("a usage error is two lines, not %d", n)
	}
}

// events is `events FILTER... FIELD...`: standard output, which is JSON of killbox, is replaced by these fields of
// the events that match the filters, a line for each event (see `events` of test/victims).
func events(ts *testscript.TestScript, neg bool, args []string) {
	refuseNeg(ts, neg)
	ts.Check(ts.Exec("events", append([]string{keepStdout(ts)}, args...)...))
}

// keepStdout writes standard output to a file.
func keepStdout(ts *testscript.TestScript) string {
	file := filepath.Join(ts.Getenv("WORK"), ".events")
	ts.Check(os.WriteFile(file, []byte(ts.ReadFile("stdout")), 0o600))
	return file
}

// event is `event [-unordered] FILTER... FIELD... : WORD...`: these fields of the matching events on standard output
// must be equal to the words. Standard output is not changed. With -unordered each word contains the fields of one
// event, and the events may come in any order.
func event(ts *testscript.TestScript, neg bool, args []string) {
	refuseNeg(ts, neg)
	unordered := len(args) > 0 && args[0] == "-unordered"
	if unordered {
		args = args[1:]
	}
	colon := slices.Index(args, ":")
	if colon < 1 {
		ts.Fatalf("usage: event [-unordered] FILTER... FIELD... : WORD...")
	}
	out, err := exec.Command("events", append([]string{keepStdout(ts)}, args[:colon]...)...).CombinedOutput()
	if err != nil {
		ts.Fatalf("%v: %s", err, out)
	}
	want, got := args[colon+1:], strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if unordered {
		want = slices.Sorted(slices.Values(want))
		slices.Sort(got)
	}
	same(ts, false, []string{strings.Join(got, " "), strings.Join(want, " ")})
}

// stdoutIs is `stdout-is LINE...`: standard output consists of exactly these lines.
func stdoutIs(ts *testscript.TestScript, neg bool, args []string) {
	same(ts, neg, []string{ts.ReadFile("stdout"), lines(args)})
}

// stderrIs is `stderr-is LINE...`: standard error consists of exactly these lines.
func stderrIs(ts *testscript.TestScript, neg bool, args []string) {
	same(ts, neg, []string{ts.ReadFile("stderr"), lines(args)})
}

// selects is `selects 'PID...' CMD...`: CMD exits with 0 and prints the handles of exactly these processes, in any
// order.
func selects(ts *testscript.TestScript, neg bool, args []string) {
	refuseNeg(ts, neg)
	if len(args) < 2 {
		ts.Fatalf("usage: selects 'PID...' CMD...")
	}
	status(ts, false, append([]string{"0"}, args[1:]...))
	var got []string
	for line := range strings.Lines(ts.ReadFile("stdout")) {
		pid, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "@")
		got = append(got, pid)
	}
	want := strings.Fields(args[0])
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		ts.Fatalf("%v are selected, want %v", got, want)
	}
}

// prints is `prints N 'WORD...' CMD...`: CMD exits with N and prints these words, one on each line. If N is 0,
// standard error must be empty.
func prints(ts *testscript.TestScript, neg bool, args []string) {
	refuseNeg(ts, neg)
	if len(args) < 3 {
		ts.Fatalf("usage: prints N 'WORD...' CMD...")
	}
	status(ts, false, append([]string{args[0]}, args[2:]...))
	stdoutIs(ts, false, strings.Fields(args[1]))
	if args[0] == "0" {
		stderrIs(ts, false, nil)
	}
}

// fails is `fails N REGEXP CMD...`: CMD exits with N and prints nothing on standard output, and standard error
// matches REGEXP. An empty REGEXP requires an empty standard error.
func fails(ts *testscript.TestScript, neg bool, args []string) {
	refuseNeg(ts, neg)
	if len(args) < 3 {
		ts.Fatalf("usage: fails N REGEXP CMD...")
	}
	status(ts, false, append([]string{args[0]}, args[2:]...))
	stdoutIs(ts, false, nil)
	if args[1] == "" {
		stderrIs(ts, false, nil)
		return
	}
	re, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	if text := ts.ReadFile("stderr"); !re.MatchString(text) {
		ts.Fatalf("stderr does not match %q: %s", args[1], text)
	}
}
