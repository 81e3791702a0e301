package applets

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"killbox/internal/cli"
	"killbox/internal/escalate"
	"killbox/internal/signals"
	"killbox/procfs"
	"killbox/procfs/procfstest"
	"killbox/test/victims"
)

// kernel is a scripted cli.Kernel in which each process dies of the first signal. It records the names of the called
// methods in calls, and the signals in sent.
type kernel struct {
	cli.CommandKernel // nil: a test that runs a command sets it
	escalate.CgroupControl
	proc    *procfs.FS
	calls   []string
	sent    []string
	dead    []procfs.ID
	refuses map[int]error // by PID: the error of signalling the process
	// immortal: no process dies. interrupt is the error of Wait.
	immortal  bool
	interrupt error
}

func (k *kernel) call(name string) { k.calls = append(k.calls, name) }

func (k *kernel) Open(pid int) (procfs.Stat, error) {
	k.call("Open")
	return k.proc.Stat(pid)
}
func (k *kernel) Identify(pid int) (procfs.Stat, error) { return k.proc.Stat(pid) }
func (k *kernel) Close(procfs.ID)                       {}
func (k *kernel) Stat(id procfs.ID) (procfs.Stat, error) {
	k.call("Stat")
	return k.proc.Stat(id.PID)
}
func (k *kernel) Signal(id procfs.ID, s signals.Signal) error {
	k.call("Signal")
	if err := k.refuses[id.PID]; err != nil {
		return err
	}
	k.sent = append(k.sent, fmt.Sprintf("%v %d", s, id.PID))
	if s.Ends() && !k.immortal {
		k.dead = append(k.dead, id)
	}
	return nil
}
func (k *kernel) Vforks(procfs.ID) bool                         { return false }
func (k *kernel) Halted(procfs.ID) bool                         { return true }
func (k *kernel) Blocks(procfs.ID, signals.Signal) (bool, bool) { return false, false }
func (k *kernel) Wait(time.Duration) (gone, reaped []procfs.ID, err error) {
	k.call("Wait")
	gone, k.dead = k.dead, nil
	return gone, gone, k.interrupt
}
func (k *kernel) Status(procfs.ID) (signals.Status, error) {
	return signals.FromWait(uint32(signals.TERM)), nil
}
func (k *kernel) Snapshot(s *procfs.Snapshot) error {
	k.call("Snapshot")
	return k.proc.Snapshot(s)
}
func (k *kernel) Interrupted() error            { return nil }
func (k *kernel) StartGuardian() (int, error)   { k.call("StartGuardian"); return 9999, nil }
func (k *kernel) GuardianAdd([]procfs.ID) error { return nil }
func (k *kernel) GuardianAddCgroup() error      { return nil }
func (k *kernel) GuardianClear() error          { return nil }
func (k *kernel) StopGuardian()                 {}
func (k *kernel) Boost() func()                 { return func() {} }
func (k *kernel) Pause(time.Duration)           {}
func (k *kernel) Hooks(_ string, envs [][]string, _ time.Duration) []error {
	k.call("Hooks")
	return make([]error, len(envs))
}
func (k *kernel) PrepareWait() error                                       { return nil }
func (k *kernel) ScanNew(*procfs.Snapshot) (*procfs.Snapshot, bool, error) { return nil, false, nil }

func (k *kernel) Image(int) (procfs.Image, error) { return procfs.Image{}, procfs.ErrNoImage }

func (k *kernel) AncestorsChildren([]int) map[int]bool { return nil }
func (k *kernel) PrepareFreeze() error                 { return nil }
func (k *kernel) Exists(id procfs.ID) error {
	st, err := k.proc.Stat(id.PID)
	if err == nil && st.ID != id {
		err = procfs.ErrNoProcess
	}
	return err
}
func (k *kernel) OpenBatch([]int) {}
func (k *kernel) RunParallel(n int, do func(*procfs.FS, int)) {
	for i := range n {
		do(k.proc, i)
	}
}
func (k *kernel) PidfdInfoReader() func(int) (int, int, error) { return nil }
func (k *kernel) Catch(...signals.Signal) error                { return nil }
func (k *kernel) ReleaseMemory(procfs.ID) error                { k.call("ReleaseMemory"); return nil }
func (k *kernel) LeaveGroup() error                            { k.call("LeaveGroup"); return nil }
func (k *kernel) OpenGroup(int) error                          { return procfs.ErrNoProcess }
func (k *kernel) GroupLives(int, []procfs.ID) bool             { return false }
func (k *kernel) SignalGroup(int, []procfs.ID, signals.Signal) error {
	k.call("SignalGroup")
	return nil
}
func (k *kernel) Kill(pid int, s signals.Signal) error {
	k.call("Kill")
	if err := k.refuses[pid]; err != nil {
		return err
	}
	k.sent = append(k.sent, fmt.Sprintf("%v %d", s, pid))
	return nil
}
func (k *kernel) KillWithValue(pid int, s signals.Signal, _ int32) error { return k.Kill(pid, s) }
func (k *kernel) SignalWithValue(id procfs.ID, s signals.Signal, _ int32) error {
	return k.Signal(id, s)
}
func (k *kernel) Wake()                         {}
func (k *kernel) OpenCgroup(string) error       { return errors.New("no cgroups") }
func (k *kernel) DeferSignalsWhenWaiting()      { k.call("DeferSignalsWhenWaiting") }
func (k *kernel) DeferSignals() error           { k.call("DeferSignals"); return nil }
func (k *kernel) IgnoreSignal(s signals.Signal) { k.call("IgnoreSignal " + s.String()) }

// self is the PID of the applet under test.
const self = 50

// bench is the Env of one call under test, with a scripted kernel. It keeps the output, the signal that the applet died
// of and the program that it executed.
type bench struct {
	cli.Env
	k        *kernel
	out, err bytes.Buffer
	died     signals.Signal
	executed []string
	execErr  error
}

// newBench returns a bench whose processes are those of buildProc. The procfs is built once for each test.
func newBench(t *testing.T, stdin string) *bench {
	t.Helper()
	root, ok := procRoots[t]
	if !ok {
		root = buildProc(t)
		procRoots[t] = root
		t.Cleanup(func() { delete(procRoots, t) })
	}
	return benchOf(t, root, stdin)
}

var procRoots = make(map[*testing.T]string)

func buildProc(t *testing.T) string {
	t.Helper()
	return procfstest.Build(t,
		procfstest.Proc{PID: 1, Comm: "init"},
		procfstest.Proc{PID: 40, Comm: "bash", PPID: 1},
		procfstest.Proc{PID: self, Comm: "killbox", PPID: 40},
		procfstest.Proc{PID: 100, Comm: "sshd", PPID: 1},
		procfstest.Proc{PID: 101, Comm: "child", PPID: 100},
		procfstest.Proc{PID: 102, Comm: "other", PPID: 1},
	)
}

func benchOf(t *testing.T, root, stdin string) *bench {
	t.Helper()
	proc, err := procfs.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { proc.Close() })
	b := &bench{k: &kernel{proc: proc, refuses: make(map[int]error)}}
	t.Cleanup(func() {
		if err := victims.CheckEvents(b.out.String() + b.err.String()); err != nil {
			t.Error(err)
		}
	})
	b.Env = cli.Env{
		PID: self, Stdin: strings.NewReader(stdin), Stdout: &b.out, Stderr: &b.err, Proc: proc, Kernel: b.k,
		Die:         func(s signals.Signal) { b.died = s },
		NameService: func(_, _ string) (string, error) { return "", nil },
		Executable:  os.Executable,
		Exec: func(path string, argv, env []string) error {
			b.executed = append([]string{path}, argv...)
			b.Environ = env
			return b.execErr
		},
	}
	return b
}

func (b *bench) run(args ...string) int {
	b.Args = args
	return Main(&b.Env)
}

// invoke runs an applet in a bench of its own.
func invoke(t *testing.T, args ...string) (*bench, int) {
	t.Helper()
	b := newBench(t, "")
	return b, b.run(args...)
}

// TestUsageErrors: a usage error is two lines on standard error and exit status 2, and the kernel was not called.
func TestUsageErrors(t *testing.T) {
	both := [][]string{
		{},
		{"--nope", "100"}, {"-Y", "100"}, {"--signal"}, {"-s"}, {"-s", "NOPE", "100"}, {"--signal=", "100"},
		{"-NOPE", "100"}, {"-65", "100"}, {"-999", "100"}, {"-100", "100"},
		{"-TERM", "-KILL", "100"}, {"-9", "-s", "TERM", "100"}, {"-s", "HUP", "--signal=INT", "100"},
		{"-k", "x", "100"}, {"-k", "-1", "100"}, {"-k", "", "100"}, {"-k", "NaN", "100"}, {"-k", "1e9", "100"}, {"-k", "99999999999999999999", "100"},
		{"-t", "soon", "100"}, {"--timeout=-1s", "100"}, {"--hook-timeout", "", "100"},
		{"-R", "", "100"}, {"-R", "TERM", "100"}, {"-R", "TERM/5/9", "100"}, {"-R", "TERM/forever/KILL/1", "100"}, {"-R", "0/1", "100"},
		{"-R", "5", "-k", "3", "100"}, {"-R", "TERM/5", "-s", "HUP", "100"}, {"-k", "3", "--no-kill", "100"},
		{"-9", "--no-kill", "100"}, {"-R", "KILL/1", "--no-kill", "100"},
		{"0"}, {"--", "-1"}, {"%1"}, {"12x"}, {""}, {"4194305"}, {"100", "x"}, {"--", "-0"},
		{"-", "-"}, {"-o", "", "100"}, {"-o", "x", "100"}, {"-o", "-", "100"}, {"-o", "101,", "100"}, {"-o", "0", "100"}, {"--omit=%1", "100"},
		{"--name", ""}, {"--full", ""}, {"--full", "["}, {"--user", ""}, {"--user", "no-such-user-here"}, {"--user=-1"},
		{"--tty", ""}, {"--group", ""}, {"--group", "x"}, {"--group", "5@6"}, {"--session", "0"}, {"--parent", "-5"},
		{"--cgroup", ""}, {"--cgroup", "relative"}, {"--env", ""}, {"--env", "=x"}, {"--state", ""}, {"--state", "Q"}, {"--state", "S,T"},
		{"--older", ""}, {"--older", "x"}, {"--newer", "-1"}, {"--pidfile", ""},
		{"--verbose=perhaps", "100"}, {"--force=2", "100"},
	}
	cases := map[string][][]string{
		"killwait": append(slices.Clone(both), [][]string{
			{"--count", "0", "100"}, {"--count", "-1", "100"}, {"--count", "x", "100"}, {"--any", "--count", "2", "100"},
			{"-w", "-9", "100"}, {"-w", "-k", "3", "100"}, {"-w", "--no-kill", "100"}, {"-w", "-R", "5", "100"}, {"-w", "--hook", "x", "100"}, {"-w", "--strict", "100"},
			{"-l", "NOPE"}, {"-l", "-9"}, {"-l", "129", "x"}, {"-L", "TERM"}, {"-l", "65"}, {"-l", "-1"},
		}...),
		"tkill": append(slices.Clone(both), []string{"--prove", "x", "100"}, []string{"-w", "100"}),
	}
	for name, list := range cases {
		for _, args := range list {
			b, code := invoke(t, append([]string{name}, args...)...)
			lines := strings.Split(b.err.String(), "\n")
			if code != cli.ExitUsage || len(lines) != 3 || !strings.HasPrefix(lines[0], name+": ") || lines[1] != "try '"+name+" --help'" {
				t.Errorf("%s %q: exit %d, %q", name, args, code, b.err.String())
			}
			if b.out.Len() > 0 || len(b.k.calls) > 0 {
				t.Errorf("%s %q: printed %q, and asked the kernel for %q", name, args, b.out.String(), b.k.calls)
			}
		}
	}
}

func TestUsageErrorsFromStdin(t *testing.T) {
	for _, stdin := range []string{"x", "100 -", "0", "100\n-1"} {
		b := newBench(t, stdin)
		if code := b.run("killwait", "100", "-"); code != cli.ExitUsage || len(b.k.calls) > 0 {
			t.Errorf("%q: exit %d, calls %q", stdin, code, b.k.calls)
		}
	}
}

func TestHelpAndVersion(t *testing.T) {
	for _, a := range All() {
		for _, args := range [][]string{{"-h"}, {"--help"}, {"-V"}, {"--version"}, {"100", "--help"}, {"-vh"}} {
			if a.Raw != nil && !strings.HasPrefix(args[0], "--") {
				continue // a classic tool may have no such letters, and no options after an operand
			}
			if a.Command && args[0] == "100" {
				continue // 100 would be the command, and --help its option
			}
			if args[0] == "-vh" {
				if flags, _ := a.New(a); flags.ShorthandLookup("v") == nil {
					continue // the applet has no -v
				}
			}
			b, code := invoke(t, append([]string{a.Name}, args...)...)
			if code != 0 || b.err.Len() > 0 || !strings.Contains(b.out.String(), a.Name) || len(b.k.calls) > 0 {
				t.Errorf("%s %q: exit %d, %q, %q", a.Name, args, code, b.out.String(), b.err.String())
			}
		}
	}
}

// TestOptionsLikeGoTest: no word is skipped because it looks like an option of go test, as pflag would do.
func TestOptionsLikeGoTest(t *testing.T) {
	for args, want := range map[string]string{
		"killwait -test.5 100":              "killwait: --timeout: invalid duration \"est.5\" ",
		"killwait -vtest. 100":              "killwait: --timeout: invalid duration \"est.\" ",
		"killbox -test.v":                   "killbox: invalid option -- 't'\n",
		"killbox --install -test.v":         "killbox: invalid option -- 't'\n",
		"killwait --name -test.v -n 12x":    "killwait: \"12x\" is not a PID",
		"killwait -n -- -test.v":            "killwait: \"-test.v\" is not a PID",
		"reapwait --remap x -- true -test.": "reapwait: --remap",
	} {
		if b, code := invoke(t, strings.Fields(args)...); code == 0 || !strings.HasPrefix(b.err.String(), want) {
			t.Errorf("%s: exit %d, %q; want %q", args, code, b.err.String(), want)
		}
	}
}

func FuzzExpandSignalShorthand(f *testing.F) {
	for _, s := range []string{"-TERM 5", "-9", "-- -9", "-k -9", "-s", "---", "-", "-\x00", "-é", "-RTMIN+", "-vqk", "--signal", "-o"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, a := range All() {
			if a.Raw != nil {
				continue // the applet parses its command line itself
			}
			flags, _ := a.New(a)
			args := strings.Split(s, " ")
			lifted, err := cli.ExpandSignalShorthand(flags, args, false)
			if err != nil {
				continue
			}
			if len(lifted) != len(args) {
				t.Fatalf("%q became %q", args, lifted)
			}
			for i, word := range lifted {
				if name, ok := strings.CutPrefix(word, "--signal="); word != args[i] {
					if _, err := signals.Parse(name); !ok || err != nil || args[i] != "-"+name {
						t.Fatalf("%q became %q", args[i], word)
					}
				}
			}
			_, _ = cli.ParseOptions(flags, args, false) // must not panic
		}
	})
}

func TestExitStatus(t *testing.T) {
	perm := func(b *bench) { b.k.refuses[102] = syscall.EPERM }
	for _, test := range []struct {
		args  string
		setup func(b *bench)
		code  int
		sent  string
	}{
		{"killwait 102", nil, 0, "TERM 102"},
		{"killwait -9 102 100", nil, 0, "KILL 102,KILL 100"},
		{"killwait 999", nil, 1, ""},
		{"killwait -e 999", nil, 0, ""},
		{"killwait 999 102", nil, 1, "TERM 102"},
		{"killwait 999@5", nil, 0, ""},
		{"killwait 102@5", nil, 0, ""},
		{"killwait 102@102", nil, 0, "TERM 102"},
		{"killwait --name nobody", nil, 1, ""},
		{"killwait -e --name nobody", nil, 0, ""},
		{"killwait --name sshd", nil, 0, "TERM 100"},
		{"killwait 102 100", perm, 3, "TERM 100"},
		{"killwait 102 999", perm, 3, ""},
		{"killwait 1", nil, 3, ""},
		{"killwait 50", nil, 3, ""},
		{"killwait --force 50", nil, 3, ""},
		{"killwait --force 1", nil, 0, "TERM 1"},
		{"killwait -0 102", nil, 0, ""},
		{"killwait -n 102", nil, 0, ""},
		{"killwait --handles 102", nil, 0, ""},
		{"killwait --omit 102 102 100", nil, 0, "TERM 100"},
		{"killwait -o 102,100 --name sshd 102", nil, 1, ""},
		{"killwait --status 102", nil, 143, "TERM 102"},
		{"killwait --status 999", nil, 127, ""},
		{"killwait -R TERM/0/KILL/0 102", func(b *bench) { b.k.immortal = true }, 124, "TERM 102,KILL 102"},
		{"killwait -R TERM/0 --strict 102 999", func(b *bench) { b.k.immortal = true }, 124, "TERM 102"},
		{"tkill --no-freeze 100", nil, 0, "TERM 100,TERM 101"},
		{"tkill --no-freeze -c 100", nil, 0, "TERM 101"},
		{"tkill --no-freeze -c -o 101 100", nil, 0, ""},
		{"tkill -n 100", nil, 0, ""},
		{"tkill 1", nil, 3, ""},
		{"killbox killwait 102", nil, 0, "TERM 102"},
		{"/usr/local/bin/killwait 102", nil, 0, "TERM 102"},
		{"-killwait 102", nil, 0, "TERM 102"},
	} {
		b := newBench(t, "")
		if test.setup != nil {
			test.setup(b)
		}
		code := b.run(strings.Fields(test.args)...)
		if sent := strings.Join(b.k.sent, ","); code != test.code || sent != test.sent {
			t.Errorf("%s: exit %d, sent %q; want %d, %q\n%s", test.args, code, sent, test.code, test.sent, b.err.String())
		}
	}
}

// TestOmitIsAList: with any separator, a list of --omit is either a usage error, and no process is signalled, or all
// processes in the list are excluded.
func TestOmitIsAList(t *testing.T) {
	for _, list := range []string{"100,102", "100\n102", "100 102", "100\n102\n", "\"100\"\n102", "100,\n102"} {
		b, code := invoke(t, "killwait", "-o", list, "100", "101", "102")
		sent := strings.Join(b.k.sent, ",")
		if code != cli.ExitUsage && sent != "TERM 101" || code == cli.ExitUsage && sent != "" {
			t.Errorf("-o %q: exit %d, sent %q", list, code, sent)
		}
	}
}

// IsInner also works in a bench without a CommandKernel.
func (k *kernel) IsInner() bool { return k.CommandKernel != nil && k.CommandKernel.IsInner() }

// TestInterrupted: the applet dies of the signal. If Die returns, as for PID 1, the exit status is 128 plus the signal.
func TestInterrupted(t *testing.T) {
	for _, args := range [][]string{{"killwait", "102"}, {"killwait", "--status", "102"}, {"tkill", "100"}} {
		b := newBench(t, "")
		b.k.immortal = true
		b.k.interrupt = &signals.Interrupt{Signal: signals.INT}
		if code := b.run(args...); b.died != signals.INT || code != 130 {
			t.Errorf("%q: died of %v, exit %d; want INT, 130", args, b.died, code)
		}
	}
}

// TestAncestorMayHangUp: an ancestor is signalled last. The applet ignores HUP, because the end of the ancestor may
// hang up the terminal.
func TestAncestorMayHangUp(t *testing.T) {
	b, code := invoke(t, "killwait", "102", "40")
	if code != 0 || !slices.Contains(b.k.calls, "IgnoreSignal HUP") || strings.Join(b.k.sent, ",") != "TERM 102,TERM 40" {
		t.Errorf("exit %d, calls %q, sent %q", code, b.k.calls, b.k.sent)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestOutputFails(t *testing.T) {
	b := newBench(t, "")
	b.Stdout = failing{syscall.ENOSPC}
	if code := b.run("killwait", "-v", "102"); code != cli.ExitFailed || !strings.Contains(b.err.String(), "write error: no space left") || len(b.k.sent) != 1 {
		t.Errorf("full: exit %d, %q, sent %q", code, b.err.String(), b.k.sent)
	}
	b = newBench(t, "")
	b.Stdout = failing{syscall.EPIPE}
	if code := b.run("killwait", "-v", "102"); b.died != signals.PIPE || code != cli.ExitFailed || len(b.k.sent) != 1 {
		t.Errorf("closed pipe: died of %v, exit %d, sent %q", b.died, code, b.k.sent)
	}
	b = newBench(t, "")
	b.Stdout = failing{syscall.EPIPE}
	if code := b.run("killwait", "-v", "102", "999"); b.died != 0 || code != cli.ExitMissing {
		t.Errorf("closed pipe and a missing target: died of %v, exit %d", b.died, code)
	}
}

func TestListRoundTrip(t *testing.T) {
	b, code := invoke(t, "killwait", "-l")
	names := strings.Fields(b.out.String())
	if code != 0 || len(names) != len(signals.All()) {
		t.Fatalf("exit %d, %d names", code, len(names))
	}
	for line := range strings.Lines(b.out.String()) {
		if len(line) > cli.LineWidth+1 || strings.TrimSpace(line)+"\n" != line {
			t.Errorf("a line of %d: %q", len(line), line)
		}
	}
	for i, name := range names {
		sig := signals.All()[i]
		for _, word := range []string{name, "SIG" + name, strings.ToLower(name)} {
			b, code := runAgain(t, b, "killwait", "-l", word)
			if got := strings.TrimSpace(b); code != 0 || got != strconv.Itoa(int(sig)) {
				t.Errorf("-l %s: %s, exit %d", word, got, code)
			}
		}
		for _, n := range []int{int(sig), 128 + int(sig)} {
			if got, _ := runAgain(t, b, "killwait", "-l", strconv.Itoa(n)); strings.TrimSpace(got) != name {
				t.Errorf("-l %d: %s, want %s", n, got, name)
			}
		}
	}
	table, _ := runAgain(t, b, "killwait", "-L")
	if words := strings.Fields(table); len(words) != 2*len(names) || words[1] != names[0] || words[len(words)-1] != names[len(names)-1] {
		t.Errorf("-L: %q", table)
	}
	if out, code := runAgain(t, b, "killwait", "-l", "143", "KILL", "0"); code != 0 || out != "TERM\n9\n0\n" {
		t.Errorf("several: %q", out)
	}
}

// runAgain runs an applet in an existing bench, and returns its output and exit status.
func runAgain(t *testing.T, b *bench, args ...string) (string, int) {
	t.Helper()
	var out bytes.Buffer
	b.Env.Stdout = &out
	code := b.run(args...)
	return out.String(), code
}

func writeScript(t *testing.T, dir, name string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
		t.Fatal(err)
	}
}

func TestKillbox(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	writeScript(t, second, "killbox-extra", 0o755)
	writeScript(t, first, "killbox-plain", 0o644)
	writeScript(t, second, "killbox-plain", 0o755)
	writeScript(t, second, "killbox-killwait", 0o755) // a plug-in never replaces an applet
	if err := os.Mkdir(filepath.Join(first, "killbox-dir"), 0o755); err != nil {
		t.Fatal(err)
	}
	here := t.TempDir()
	writeScript(t, here, "killbox-near", 0o755)
	t.Chdir(here)
	environ := []string{"KILLBOX=forged", "PATH=" + first + "::.:" + second, "PATH=/nowhere"}
	listed := []string{"extra", "plain"}
	for _, a := range All() {
		listed = append(listed, a.Name)
	}
	slices.Sort(listed)
	for _, test := range []struct {
		args string
		code int
		out  string // the beginning of the output
		err  string
		exec string
	}{
		{"killbox", 0, "usage: killbox ", "", ""},
		{"killbox --help", 0, "usage: killbox ", "", ""},
		{"killbox help", 0, "usage: killbox ", "", ""},
		{"killbox help tkill", 0, "usage: tkill ", "", ""},
		{"killbox help nope", 127, "", "killbox: nope: not an applet\n", ""},
		{"killbox --version", 0, "killbox " + cli.Version + "\n", "", ""},
		{"killbox -V", 0, "killbox " + cli.Version + "\n", "", ""},
		{"killbox --list", 0, strings.Join(listed, "\n") + "\n", "", ""},
		{"killbox nope", 127, "", "killbox: nope: not an applet", ""},
		{"killbox near", 127, "", "killbox: near: not an applet", ""},
		{"killbox dir", 127, "", "killbox: dir: not an applet", ""},
		{"killbox ../x", 127, "", "killbox: ../x: not an applet", ""},
		{"killbox --nope", 2, "", "killbox: unrecognized option '--nope'\ntry 'killbox --help'\n", ""},
		{"killbox -s", 2, "", "killbox: --symbolic", ""},
		{"killbox --install", 2, "", "killbox: --install takes one directory", ""},
		{"killbox extra -x --y", 126, "", "killbox: ", second + "/killbox-extra " + second + "/killbox-extra -x --y"},
		{"killbox plain", 126, "", "killbox: ", second + "/killbox-plain " + second + "/killbox-plain"},
		{"killbox help extra", 126, "", "killbox: ", second + "/killbox-extra " + second + "/killbox-extra --help"},
		{"nothing-of-ours", 0, "usage: killbox ", "", ""},
		// argv[0] must be the whole name of an applet, not end with one.
		{"my-tkill 100", 127, "", "killbox: 100: not an applet", ""},
		{"killbox killwait -V", 0, "killwait (killbox)", "", ""},
	} {
		b := newBench(t, "")
		b.Environ, b.execErr = environ, syscall.EACCES
		code := b.run(strings.Fields(test.args)...)
		if code != test.code || !strings.HasPrefix(b.out.String(), test.out) || !strings.HasPrefix(b.err.String(), test.err) || strings.Join(b.executed, " ") != test.exec {
			t.Errorf("%s: exit %d, %q, %q, ran %q; want %+v", test.args, code, b.out.String(), b.err.String(), b.executed, test)
		}
		if test.exec != "" {
			self, _ := os.Executable()
			if got := slices.DeleteFunc(slices.Clone(b.Environ), func(s string) bool { return !strings.HasPrefix(s, "KILLBOX=") }); !slices.Equal(got, []string{"KILLBOX=" + self}) {
				t.Errorf("%s: %q", test.args, got)
			}
		}
	}
	b := newBench(t, "")
	b.Environ, b.execErr = environ, syscall.ENOENT
	if code := b.run("killbox", "extra"); code != 127 {
		t.Errorf("a plug-in whose interpreter does not exist: exit %d", code)
	}
	if code := newBench(t, "").run(); code != 0 {
		t.Errorf("without argv[0]: exit %d", code)
	}
}

func TestInstall(t *testing.T) {
	self := filepath.Join(t.TempDir(), "killbox")
	writeScript(t, filepath.Dir(self), "killbox", 0o755)
	install := func(args ...string) (int, string) {
		b := newBench(t, "")
		b.Executable = func() (string, error) { return self, nil }
		return b.run(append([]string{"killbox", "--install"}, args...)...), b.err.String()
	}
	same := func(path string) bool {
		a, errA := os.Stat(path)
		b, errB := os.Stat(self)
		return errA == nil && errB == nil && os.SameFile(a, b)
	}
	dir := filepath.Dir(self)
	// --install replaces its own links, hard or symbolic.
	for _, args := range [][]string{{dir}, {dir}, {"-s", dir}, {"-s", dir}, {dir}, {dir, "--symbolic"}} {
		if code, err := install(args...); code != 0 || err != "" {
			t.Errorf("%q: exit %d, %q", args, code, err)
		}
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) != 1+len(All()) {
			t.Errorf("%q: left %v, %v", args, entries, err)
		}
		for _, a := range All() {
			if !same(filepath.Join(dir, a.Name)) {
				t.Errorf("%q: %s is not a link to killbox", args, a.Name)
			}
		}
	}
	// A file that is not a link to killbox is not replaced. The other links are made.
	dir = t.TempDir()
	writeScript(t, dir, "tkill", 0o755)
	if code, err := install("-s", dir); code != cli.ExitFailed || !strings.Contains(err, "tkill: exists and is not a link to killbox (--force replaces it)") || same(filepath.Join(dir, "tkill")) || !same(filepath.Join(dir, "killwait")) {
		t.Errorf("exit %d, %q", code, err)
	}
	if code, err := install("-s", "--force", dir); code != 0 || !same(filepath.Join(dir, "tkill")) {
		t.Errorf("with force: exit %d, %q", code, err)
	}
	if err := os.Remove(filepath.Join(dir, "tkill")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "tkill"), 0o755); err != nil {
		t.Fatal(err)
	}
	if code, err := install("-s", "--force", dir); code != cli.ExitFailed || !strings.Contains(err, "is a directory") {
		t.Errorf("a directory: exit %d, %q", code, err)
	}
	if code, _ := install(filepath.Join(dir, "none")); code != cli.ExitFailed {
		t.Errorf("no such directory: exit %d", code)
	}
}

// TestStatusOfSameTarget: --status prints the same status for each operand that names the same process.
func TestStatusOfSameTarget(t *testing.T) {
	b, code := invoke(t, "killwait", "--status", "102", "102@102", "0102")
	if want := "102 143\n102@102 143\n0102 143\n"; code != 143 || b.out.String() != want {
		t.Errorf("exit %d, %q, %q; want 143, %q", code, b.out.String(), b.err.String(), want)
	}
}

// TestThawScansTable: --thaw scans the whole process table. The lists in /proc/PID/task/TID/children may miss a member,
// which would stay stopped; only --dry-run uses them.
func TestThawScansTable(t *testing.T) {
	b := newBench(t, "")
	if err := os.WriteFile(filepath.Join(procRoots[t], "100/task/100/children"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if code := b.run("freezekill", "--thaw", "-T", "--no-strays", "100"); code != 0 || !slices.Equal(b.k.sent, []string{"CONT 100", "CONT 101"}) {
		t.Errorf("exit %d, sent %q: %s", code, b.k.sent, b.err.String())
	}
}
