package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"killbox/internal/duration"
	"killbox/internal/escalate"
	"killbox/internal/signals"
	"killbox/procfs"
	"killbox/procfs/procfstest"
	"killbox/test/victims"

	"github.com/google/go-cmp/cmp"
)

// hostile are names that an untrusted process may have.
var hostile = []string{
	"a) R 1 (", "\x1b[2J\x1b]0;owned\a", "two\nlines", "\r\x00", "\xff\xfe", "\u202etxt.exe", "\u0085\u009b31m", "back\\slash", `say "hi"`, "", " ", "ünïcödé", "\u2028",
}

func result(pid int, comm string) *escalate.Result {
	return &escalate.Result{Target: escalate.Target{Stat: procfs.Stat{ID: procfs.ID{PID: pid, Start: 7}, Comm: comm, State: 'S'}}}
}

// reportAll calls the methods of a Reporter, with comm as the name of the processes.
func reportAll(r *Reporter, comm string) {
	res := result(42, comm)
	r.Signalled(res, signals.TERM, 1, 1500*time.Microsecond)
	r.Skipped(escalate.Skip{Stat: procfs.Stat{ID: procfs.ID{PID: 1, Start: 3}, Comm: "init", State: 'S'}, Reason: "PID 1"})
	r.Failed(res, syscall.EPERM)
	r.Failed(nil, errors.New("going on without a guardian"))
	res.Rung, res.Elapsed = 1, 2*time.Second
	exited := signals.FromWait(3 << 8)
	res.Status = &exited
	r.Gone(res)
	killed := signals.FromWait(uint32(signals.KILL))
	other := result(43, comm)
	other.Rung, other.Elapsed, other.Status = 2, 5*time.Second, &killed
	r.Gone(other)
	unsignalled := result(44, comm)
	r.Gone(unsignalled)
	survivor := result(45, comm)
	survivor.Rung = 2
	r.Survivor(survivor, "TERM is ignored")
	r.Note("a note")
	sum := &escalate.Summary{Results: []*escalate.Result{res, other, unsignalled, survivor}, Rung: 2, Proved: true, Elapsed: 5*time.Second + 123456789}
	for _, gone := range sum.Results[:3] {
		gone.Outcome = escalate.Gone
	}
	r.Summary(sum, 124)
}

// TestExplainZombie: a zombie that cannot be read is not taken for one that was reaped.
func TestExplainZombie(t *testing.T) {
	root := procfstest.Build(t, procfstest.Proc{PID: 5, Comm: "parent"}, procfstest.Proc{PID: 6, PPID: 5, State: 'Z'})
	proc, err := procfs.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	defer proc.Close()
	st, err := proc.Stat(6)
	if err != nil {
		t.Fatal(err)
	}
	if why, ok := ExplainZombie(proc, st.ID, Nudged); !ok || !strings.HasPrefix(why, "zombie: its parent 5 (parent) ") {
		t.Errorf("%q, %v", why, ok)
	}
	if why, ok := ExplainZombie(proc, procfs.ID{PID: 6, Start: st.Start + 1}, Nudged); ok {
		t.Errorf("after PID reuse: %q", why)
	}
	if err := os.WriteFile(filepath.Join(root, "6", "stat"), []byte("6 (x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if why, ok := ExplainZombie(proc, st.ID, Nudged); !ok || !strings.HasPrefix(why, "zombie: ") {
		t.Errorf("unreadable: %q, %v", why, ok)
	}
	procfstest.Remove(t, root, 6)
	if why, ok := ExplainZombie(proc, st.ID, Nudged); ok {
		t.Errorf("reaped: %q", why)
	}
}

// TestForwarded checks that the event of a forwarded signal conforms to docs/events.schema.json.
func TestForwarded(t *testing.T) {
	for _, test := range []struct {
		opts Options
		want string
	}{
		{Options{}, ""},
		{Options{Verbose: true}, "tkill: 42 (sshd): INT forwarded\n"},
		{Options{JSON: true}, `{"event":"signal","pid":42,"handle":"42@7","comm":"sshd","signal":"INT"}` + "\n"},
	} {
		var out bytes.Buffer
		test.opts.Applet, test.opts.Out, test.opts.Err = "tkill", &out, &out
		New(test.opts).Forwarded(&result(42, "sshd").Stat, signals.INT)
		if got := out.String(); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
		if err := victims.CheckEvents(out.String()); err != nil {
			t.Error(err)
		}
	}
}

// output returns what a Reporter with the options prints. It panics if an event does not conform to
// docs/events.schema.json.
func output(opts Options, comm string) (stdout, stderr string) {
	var out, err bytes.Buffer
	opts.Applet, opts.Out, opts.Err = "tkill", &out, &err
	r := New(opts)
	reportAll(r, comm)
	r.Close()
	if err := victims.CheckEvents(out.String()); err != nil {
		panic(err)
	}
	return out.String(), err.String()
}

const diagnostics = `tkill: 42 (sshd): operation not permitted
tkill: going on without a guardian
tkill: 45 (sshd): still there: TERM is ignored
tkill: a note
`

func TestText(t *testing.T) {
	const verbose = `tkill: 42 (sshd): TERM sent after 0.002 s, rung 1
tkill: 1 (init): excluded: PID 1
tkill: 42 (sshd): gone after 2.000 s, rung 1, exit 3
tkill: 43 (sshd): gone after 5.000 s, rung 2, signal KILL
tkill: 44 (sshd): gone after 0.000 s
`
	for _, test := range []struct {
		name           string
		opts           Options
		stdout, stderr string
	}{
		{"plain", Options{}, "", diagnostics},
		{"verbose", Options{Verbose: true}, verbose, diagnostics},
		{"quiet", Options{Quiet: true}, "", ""},
		{"verbose and quiet", Options{Verbose: true, Quiet: true}, "", ""},
	} {
		stdout, stderr := output(test.opts, "sshd")
		if diff := cmp.Diff(test.stdout, stdout); diff != "" {
			t.Errorf("%s: stdout (-want +got):\n%s", test.name, diff)
		}
		if diff := cmp.Diff(test.stderr, stderr); diff != "" {
			t.Errorf("%s: stderr (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestJSON(t *testing.T) {
	stdout, stderr := output(Options{JSON: true}, "sshd")
	const want = `{"event":"signal","pid":42,"handle":"42@7","comm":"sshd","signal":"TERM","rung":1,"time":0.0015}
{"event":"skip","pid":1,"handle":"1@3","comm":"init","reason":"PID 1"}
{"event":"error","pid":42,"handle":"42@7","comm":"sshd","error":"operation not permitted"}
{"event":"error","error":"going on without a guardian"}
{"event":"gone","pid":42,"handle":"42@7","comm":"sshd","exit":3,"rung":1,"time":2}
{"event":"gone","pid":43,"handle":"43@7","comm":"sshd","signal":"KILL","rung":2,"time":5}
{"event":"gone","pid":44,"handle":"44@7","comm":"sshd","time":0}
{"event":"survivor","pid":45,"handle":"45@7","comm":"sshd","rung":2,"why":"TERM is ignored"}
{"event":"summary","exit":124,"rung":2,"time":5.123457,"targets":4,"gone":3,"survivors":1,"errors":2,"skipped":1,"proved":true}
`
	if diff := cmp.Diff(want, stdout); diff != "" {
		t.Errorf("stdout (-want +got):\n%s", diff)
	}
	if stderr != diagnostics {
		t.Errorf("stderr: %q", stderr)
	}
	if _, stderr := output(Options{JSON: true, Quiet: true}, "sshd"); stderr != "" {
		t.Errorf("quiet: %q", stderr)
	}
}

// TestHostileNames checks that no name adds a line to the output or gets to a terminal unescaped.
func TestHostileNames(t *testing.T) {
	for _, comm := range hostile {
		stdout, stderr := output(Options{Verbose: true}, comm)
		for _, text := range []string{stdout, stderr} {
			if got := strings.Count(text, "\n"); got != 5 && got != 4 {
				t.Errorf("%q: %d lines", comm, got)
			}
			if bad := unsafe(strings.ReplaceAll(text, "\n", "")); bad != "" {
				t.Errorf("%q: %s in %q", comm, bad, text)
			}
		}
		stdout, _ = output(Options{JSON: true}, comm)
		lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
		if len(lines) != 9 {
			t.Errorf("%q: %d lines of JSON", comm, len(lines))
		}
		for _, line := range lines {
			var e struct {
				PID    int
				Comm   string
				Handle string
			}
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Errorf("%q: %v: %s", comm, err, line)
			}
			if e.PID == 42 && (e.Comm != strings.ToValidUTF8(comm, "\ufffd") && utf8.ValidString(comm) || e.Handle != "42@7") {
				t.Errorf("%q is read as %+v", comm, e)
			}
		}
	}
}

// unsafe describes the first character of s that must not get to a terminal, "" if there is none.
func unsafe(s string) string {
	for _, c := range s {
		if unicode.IsControl(c) || !unicode.IsGraphic(c) {
			return fmt.Sprintf("%q", c)
		}
	}
	if !utf8.ValidString(s) {
		return "a byte that is not UTF-8"
	}
	return ""
}

func TestEscape(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "sshd": "sshd", "a b": "a b", `say "hi"`: `say "hi"`, "ünï": "ünï", "a\nb": `a\nb`, "\x1b[2J": `\x1b[2J`,
		`a\b`: `a\\b`, `\"`: `\\"`, `"\n"`: `"\\n"`, "\xff": `\xff`, "\u202e": `\u202e`, "\x00": `\x00`, "\t\"": `\t"`,
		// A character that stands for itself must not look like the escape of another one.
		`\n`: `\\n`, "\ufffd": "\ufffd",
	} {
		if got := Escape(in); got != want {
			t.Errorf("Escape(%q) = %s, want %s", in, got, want)
		}
	}
}

func FuzzEscape(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Escape(s)
		if bad := unsafe(got); bad != "" {
			t.Fatalf("%q: %s", s, bad)
		}
		if other := s + "\\"; got == Escape(other) {
			t.Fatalf("%q and %q look the same", s, other)
		}
	})
}

func TestProcess(t *testing.T) {
	for _, test := range []struct {
		st   procfs.Stat
		want string
	}{
		{procfs.Stat{ID: procfs.ID{PID: 42}, Comm: "sshd", State: 'S'}, "42 (sshd)"},
		{procfs.Stat{ID: procfs.ID{PID: 42}}, "42"},
		{procfs.Stat{ID: procfs.ID{PID: 42}, State: '?'}, "42"},
		{procfs.Stat{ID: procfs.ID{PID: 42}, State: 'Z'}, "42 ()"},
	} {
		if got := Process(&test.st); got != test.want {
			t.Errorf("%+v: %s, want %s", test.st, got, test.want)
		}
	}
}

func open(t *testing.T, procs ...procfstest.Proc) *procfs.FS {
	t.Helper()
	proc, err := procfs.Open(procfstest.Build(t, procs...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { proc.Close() })
	return proc
}

func list(t *testing.T, proc *procfs.FS) []Planned {
	t.Helper()
	var s procfs.Snapshot
	if err := proc.Snapshot(&s); err != nil {
		t.Fatal(err)
	}
	var list []Planned
	for _, st := range s.Procs {
		list = append(list, Planned{Stat: st})
	}
	return list
}

// namelessUser is the UID of a user without a name.
const namelessUser = 4_000_001

func TestPrintTargets(t *testing.T) {
	p := &escalate.Plan{Targets: []escalate.Target{{Stat: result(42, "x").Stat}}, Ladder: escalate.NewLadder(signals.HUP, time.Second)}
	for _, test := range []struct {
		change func()
		opts   Options
		want   string
	}{
		{func() {}, Options{}, ""},
		{func() {}, Options{JSON: true}, `{"event":"plan","pid":42,"handle":"42@7","comm":"x","state":"S","disposition":"unknown","ladder":"HUP/1s/KILL/2s"}` + "\n"},
		{func() { p.Tree = new(escalate.Tree) }, Options{JSON: true}, `{"event":"plan","pid":42,"handle":"42@7","comm":"x","state":"S","disposition":"unknown","ladder":"HUP/1s/KILL/2s","root":true}` + "\n"},
		{func() { p.Tree, p.WaitOnly = nil, true }, Options{JSON: true}, `{"event":"plan","pid":42,"handle":"42@7","comm":"x","state":"S"}` + "\n"},
	} {
		test.change()
		var out bytes.Buffer
		test.opts.Out = &out
		New(test.opts).PrintTargets(p)
		if out.String() != test.want {
			t.Errorf("%q, want %q", out.String(), test.want)
		}
	}
}

var explainTests = []struct {
	pid  int
	sig  signals.Signal
	want string
}{
	{10, signals.TERM, "state S"},
	{10, 0, "state S"},
	{10, signals.CONT, "CONT ends no process by default"},
	{10, signals.CHLD, "CHLD ends no process by default"},
	{10, signals.STOP, "state S"},
	{11, signals.TERM, "TERM is ignored"},
	{11, signals.KILL, "state S"},
	{12, signals.TERM, "TERM is blocked"},
	{13, signals.TERM, "TERM is blocked and pending"},
	{14, signals.TERM, "TERM is blocked and pending"},
	{15, signals.TERM, "TERM is caught"},
	{15, 0, "state S"},
	{16, signals.KILL, "in uninterruptible sleep in folio_wait_bit, KILL is pending"},
	{17, signals.TERM, "in uninterruptible sleep in the kernel"},
	{18, signals.TERM, "stopped, TERM is pending"},
	{19, signals.TERM, `traced by 30 (gd\nb), which has stopped it`},
	{20, signals.TERM, "init of another PID namespace, which gets only signals that it handles, TERM is caught"},
	{20, signals.KILL, "state S"},
	{20, 0, "state S"}, // no signal was sent
	{1, 0, "state S"},
	{21, 0, "it is a kernel thread"},
	{21, signals.KILL, "it is a kernel thread, which takes no signals"},
	{1, signals.TERM, "init of this PID namespace, which gets only signals that it handles"},
	{41, signals.KILL, "zombie: its parent 40 (lazy) does not wait for it, and does not handle CHLD; \"reapwait -z --kill-parent 40\" ends the parent, and then init reaps it"},
	{52, signals.KILL, "zombie: its parent 51 (handler) does not wait for it; \"reapwait -z --nudge 51\" asks the parent to reap it, --kill-parent ends the parent"},
	{54, signals.KILL, "zombie: its parent 53 (ignorer) ignores CHLD; \"reapwait -z --kill-parent 53\" ends the parent, and then init reaps it"},
	{55, signals.KILL, "zombie: its tracer 30 (gd\\nb) does not wait for it; \"killwait 30\" ends the tracer"},
	{43, signals.KILL, "zombie: its parent 42 (stopped) is stopped; \"freezekill --thaw 42\" resumes the parent"},
	{45, signals.KILL, "zombie: its parent 44 (blocker) blocks CHLD; \"reapwait -z --nudge 44\" asks the parent to reap it, --kill-parent ends the parent"},
	{47, signals.KILL, "zombie: its parent 46 (traced) is stopped by its tracer"},
	{48, signals.KILL, "zombie: its parent 777 does not wait for it; \"reapwait -z --nudge 777\" asks the parent to reap it, --kill-parent ends the parent"},
	{49, signals.KILL, "zombie: its parent 1 (init) does not wait for it, and does not handle CHLD"},
	{50, signals.KILL, "zombie: its parent is outside of this PID namespace"},
	{999, signals.KILL, "it has just ended"},
}

func TestExplain(t *testing.T) {
	bit := func(list ...signals.Signal) (set uint64) {
		for _, s := range list {
			set |= 1 << (s - 1)
		}
		return set
	}
	term := bit(signals.TERM)
	proc := open(t,
		procfstest.Proc{PID: 1, Comm: "init"},
		procfstest.Proc{PID: 10, Comm: "plain"},
		procfstest.Proc{PID: 11, Comm: "ignores", Ignored: term},
		procfstest.Proc{PID: 12, Comm: "blocks", Blocked: term},
		procfstest.Proc{PID: 13, Comm: "blocks", Blocked: term, Pending: term},
		procfstest.Proc{PID: 14, Comm: "blocks", Blocked: term, ThreadPending: term},
		procfstest.Proc{PID: 15, Comm: "catches", Caught: term},
		procfstest.Proc{PID: 16, Comm: "disk", State: 'D', Wchan: "folio_wait_bit", Pending: bit(signals.KILL)},
		procfstest.Proc{PID: 17, Comm: "disk", State: 'D'},
		procfstest.Proc{PID: 18, Comm: "stopped", State: 'T', Pending: term},
		procfstest.Proc{PID: 19, Comm: "traced", State: 't', TracerPID: 30},
		procfstest.Proc{PID: 20, Comm: "contained", NSPID: []int{20, 1}, Caught: term},
		procfstest.Proc{PID: 21, Comm: "kthread", Flags: 0x00200000},
		procfstest.Proc{PID: 22, Comm: "leader", State: 'Z', Threads: 3},
		procfstest.Proc{PID: 30, Comm: "gd\nb"},
		procfstest.Proc{PID: 40, Comm: "lazy"},
		procfstest.Proc{PID: 41, PPID: 40, Comm: "dead", State: 'Z'},
		procfstest.Proc{PID: 42, Comm: "stopped", State: 'T'},
		procfstest.Proc{PID: 43, PPID: 42, Comm: "dead", State: 'Z'},
		procfstest.Proc{PID: 44, Comm: "blocker", Blocked: bit(signals.CHLD)},
		procfstest.Proc{PID: 45, PPID: 44, Comm: "dead", State: 'Z'},
		procfstest.Proc{PID: 46, Comm: "traced", State: 't'},
		procfstest.Proc{PID: 47, PPID: 46, Comm: "dead", State: 'Z'},
		procfstest.Proc{PID: 48, PPID: 777, Comm: "dead", State: 'Z'},
		procfstest.Proc{PID: 49, PPID: 1, Comm: "dead", State: 'Z'},
		procfstest.Proc{PID: 50, Comm: "dead", State: 'Z'},
		procfstest.Proc{PID: 51, Comm: "handler", Caught: bit(signals.CHLD)},
		procfstest.Proc{PID: 52, PPID: 51, Comm: "dead", State: 'Z'},
		procfstest.Proc{PID: 53, Comm: "ignorer", Ignored: bit(signals.CHLD)},
		procfstest.Proc{PID: 54, PPID: 53, Comm: "dead", State: 'Z'},
		procfstest.Proc{PID: 55, PPID: 51, Comm: "dead", State: 'Z', TracerPID: 30},
	)
	for _, test := range explainTests {
		if got := Explain(proc, procfs.ID{PID: test.pid, Start: uint64(test.pid)}, test.sig); got != test.want {
			t.Errorf("%d after %v: %s, want %s", test.pid, test.sig, got, test.want)
		}
	}
	if got := Explain(proc, procfs.ID{PID: 10, Start: 9}, signals.TERM); got != "it has just ended" {
		t.Errorf("a reused PID: %s", got)
	}
	if got := Explain(nil, procfs.ID{PID: 10}, signals.TERM); !strings.Contains(got, "/proc") {
		t.Errorf("without /proc: %s", got)
	}
}

// TestExplainFirstThreadExited checks that the reasons are those of the living threads.
func TestExplainFirstThreadExited(t *testing.T) {
	const term = 1 << (signals.TERM - 1)
	for _, test := range []struct {
		threads []procfstest.Proc
		want    string
	}{
		{[]procfstest.Proc{{PID: 6}}, "its first thread has exited, 1 other runs"},
		{[]procfstest.Proc{{PID: 6, Blocked: term}, {PID: 7, Blocked: term}}, "its first thread has exited, 2 others run, TERM is blocked"},
		{[]procfstest.Proc{{PID: 6, Blocked: term}, {PID: 7}}, "its first thread has exited, 2 others run"},
		{[]procfstest.Proc{{PID: 6, State: 'T'}}, "its first thread has exited, 1 other runs, stopped"},
		{[]procfstest.Proc{{PID: 6, State: 'D', Wchan: "msleep"}},
			"its first thread has exited, 1 other runs, in uninterruptible sleep in the kernel"},
		{[]procfstest.Proc{{PID: 6, TracerPID: 9}}, "its first thread has exited, 1 other runs, traced by 9"},
	} {
		root := procfstest.Build(t, procfstest.Proc{PID: 5, State: 'Z', Threads: 1 + len(test.threads)})
		for _, thread := range test.threads {
			thread.Threads = 1 + len(test.threads)
			procfstest.AddThread(t, root, 5, thread)
		}
		proc, err := procfs.Open(root)
		if err != nil {
			t.Fatal(err)
		}
		if got := Explain(proc, procfs.ID{PID: 5, Start: 5}, signals.TERM); got != test.want {
			t.Errorf("%s, want %s", got, test.want)
		}
		_ = proc.Close()
	}
}

func TestStatusLine(t *testing.T) {
	for _, opts := range []Options{{}, {Terminal: true, Quiet: true}, {Terminal: true, JSON: true}, {Terminal: true, Verbose: true}} {
		if tick := New(opts).Tick(); tick != 0 {
			t.Errorf("%+v: a line every %v, want none", opts, tick)
		}
	}
	var out, err bytes.Buffer
	r := New(Options{Applet: "tkill", Out: &out, Err: &err, Terminal: true})
	if r.Tick() <= 0 {
		t.Error("no status line on a terminal")
	}
	checkLine := func(p escalate.Progress, want string) {
		t.Helper()
		err.Reset()
		r.Waiting(p)
		if err.String() != want {
			t.Errorf("%q, want %q", err.String(), want)
		}
	}
	checkLine(escalate.Progress{Total: 3, Elapsed: 400 * time.Millisecond, In: time.Second}, "")
	const start = "\r\x1b[K"
	checkLine(escalate.Progress{Total: 3, Gone: 1, Elapsed: time.Second, Next: signals.KILL, In: 3440 * time.Millisecond}, start+"tkill: 1 of 3 gone, KILL in 3.4 s")
	checkLine(escalate.Progress{Total: 3, Gone: 2, Elapsed: time.Second, In: 3 * time.Second}, start+"tkill: 2 of 3 gone, giving up in 3.0 s")
	checkLine(escalate.Progress{Total: 3, Gone: 2, Elapsed: time.Second, In: duration.Forever}, start+"tkill: 2 of 3 gone")
	checkLine(escalate.Progress{Total: 4194304, Gone: 4194303, Elapsed: time.Second, Next: signals.RTMin + 15, In: 290 * 365 * 24 * time.Hour}, start+"tkill: 4194303 of 4194304 gone, RTMIN+15 in 9145440000.0 s")
	// The next output removes the status line first, once.
	err.Reset()
	r.Note("well")
	r.Note("well")
	r.Close()
	if got := err.String(); got != start+"tkill: well\ntkill: well\n" {
		t.Errorf("%q", got)
	}
	r.Waiting(escalate.Progress{Elapsed: time.Second, In: duration.Forever})
	err.Reset()
	r.Close()
	r.Close()
	if got := err.String(); got != start {
		t.Errorf("at the end: %q", got)
	}
}
