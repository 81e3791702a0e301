package report

import (
	"bytes"
	"errors"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"killbox/internal/show"
	"killbox/internal/signals"
	"killbox/procfs"
	"killbox/procfs/procfstest"
	"killbox/test/harness"
)

// TestAnswer checks that the sentence names the cause with the highest rank and a command that is right for it. The
// scripts killwait_why_* provoke these states on the real kernel.
func TestAnswer(t *testing.T) {
	const term = 1 << (signals.TERM - 1)
	proc := open(t,
		procfstest.Proc{PID: 1, Comm: "init"},
		procfstest.Proc{PID: 9, Comm: "tracer"},
		procfstest.Proc{PID: 10},
		procfstest.Proc{PID: 11, Ignored: term, State: 'T'},
		procfstest.Proc{PID: 12, State: 'T', TTY: 0x8803, TPGID: 9},
		procfstest.Proc{PID: 13, State: 'D', Wchan: "rpc_wait_bit_killable", Caught: term},
		procfstest.Proc{PID: 14, State: 'D', Wchan: "rpc_wait_bit_killable"},
		procfstest.Proc{PID: 15, State: 'D', Wchan: "mem_cgroup_oom_synchronize", Ignored: term},
		procfstest.Proc{PID: 16, State: 'D', Wchan: "io_schedule"},
		procfstest.Proc{PID: 17, State: 'S', Wchan: "request_wait_answer", Ignored: term},
		procfstest.Proc{PID: 18, NSPID: []int{18, 1}},
		procfstest.Proc{PID: 19, Caught: term, TracerPID: 9},
		procfstest.Proc{PID: 20, Flags: 4},
		procfstest.Proc{PID: 21, Flags: 0x00200000, Comm: "kthreadd"},
		procfstest.Proc{PID: 22, State: 't'},
		procfstest.Proc{PID: 23, State: 'D', Wchan: "io_schedule", Pending: term, ThreadPending: 1 << (signals.KILL - 1)},
		procfstest.Proc{PID: 24, State: 'D', Wchan: "percpu_rwsem_wait"},
	)
	for _, test := range []struct {
		pid     int
		sig     signals.Signal
		refusal error
		want    string
	}{
		{10, signals.TERM, nil, "TERM ends it: killwait 10"},
		{10, signals.HUP, nil, "HUP ends it: killwait -HUP 10"},
		{10, signals.TSTP, nil, "TSTP stops it and does not end it; KILL ends it: killwait -KILL 10"},
		{11, signals.TERM, nil, "stopped, TERM is ignored: KILL ends it: killwait -KILL 11"},
		{11, signals.KILL, nil, "stopped: KILL ends it: killwait -KILL 11"},
		{12, signals.TERM, nil, "stopped, in the background of its terminal pts/3: TERM takes effect when it is resumed, and killwait resumes it: killwait 12"},
		{13, signals.TERM, nil, "in uninterruptible sleep in rpc_wait_bit_killable, TERM is caught: TERM has no effect until the sleep ends; KILL ends it at once: killwait -KILL 13"},
		{14, signals.TERM, nil, "in uninterruptible sleep in rpc_wait_bit_killable: TERM ends it: killwait 14"},
		{14, signals.QUIT, nil, "in uninterruptible sleep in rpc_wait_bit_killable: QUIT has no effect until the sleep ends; KILL ends it at once: killwait -KILL 14"},
		{15, signals.TERM, nil, "in uninterruptible sleep in mem_cgroup_oom_synchronize, because its memory cgroup is full, TERM is ignored: KILL ends it: killwait -KILL 15"},
		{16, signals.TERM, nil, "in uninterruptible sleep in io_schedule: signals wait until the sleep ends, unless this kernel function lets KILL end it: killwait -KILL 16"},
		{23, signals.TERM, nil, "in uninterruptible sleep in io_schedule, TERM is pending: KILL is pending, and ends it when the sleep ends"},
		{24, signals.TERM, nil, "in uninterruptible sleep in percpu_rwsem_wait, waiting for a kernel lock: no signal ends it before the lock is free; if fsfreeze has suspended a file system: fsfreeze -u MOUNTPOINT"},
		{17, signals.TERM, nil, "sleeps in request_wait_answer, waiting for a FUSE server, TERM is ignored: once the server has read the request, no signal, not even KILL, ends it before the answer"},
		{18, signals.TERM, nil, "init of another PID namespace, which gets only signals that it handles: KILL ends it, and all processes of that namespace with it: killwait -KILL 18"},
		{19, signals.TERM, nil, "traced by 9 (tracer), TERM is caught: the tracer decides whether TERM reaches it; KILL, which killwait sends after 5s, ends it: killwait 19"},
		{20, signals.TERM, nil, "it is exiting: it needs no signal, and is gone when the kernel has released what it holds"},
		{21, signals.TERM, nil, "it is a kernel thread, which takes no signals"},
		{22, signals.TERM, nil, "stopped by a tracer outside of this PID namespace: KILL ends it: killwait -KILL 22"},
		{1, signals.TERM, nil, "init of this PID namespace, which gets only signals that it handles: no signal from within the PID namespace ends it"},
		{11, signals.TERM, syscall.EPERM, "stopped, TERM is ignored; you may not signal it: operation not permitted"},
	} {
		st, err := proc.Stat(test.pid)
		if err != nil {
			t.Fatal(err)
		}
		w := &whyWriter{proc: proc, x: &Explanation{Stat: st, Signal: test.sig, Refusal: test.refusal}}
		got := w.answer()
		if test.refusal != nil {
			got, _, _ = strings.Cut(got, ": it is a process of user") // the test may run as another user than root
		}
		if got != test.want {
			t.Errorf("%d, %v:\n%s\nwant\n%s", test.pid, test.sig, got, test.want)
		}
	}
	hidden := &Explanation{Stat: procfs.Stat{ID: procfs.ID{PID: 7}, State: procfs.StateHidden}, Signal: signals.TERM}
	if got := (&whyWriter{proc: proc, x: hidden}).answer(); !strings.HasSuffix(got, "(hidepid): killwait 7") {
		t.Error(got)
	}
	hidden.Refusal = errors.New("refused")
	if got := (&whyWriter{proc: proc, x: hidden}).answer(); got != "you may not signal it: refused: /proc hides its user (hidepid)" {
		t.Error(got)
	}
}

// TestAnswerKernelThread explains kthreadd, which is visible in the initial PID namespace only.
func TestAnswerKernelThread(t *testing.T) {
	proc, err := procfs.Open("/proc")
	if err != nil {
		harness.Skip(t, err)
	}
	defer proc.Close()
	st, err := proc.Stat(2)
	if err != nil || !st.KernelThread() {
		harness.Skip(t, "PID 2 is no kernel thread in this PID namespace")
	}
	w := &whyWriter{proc: proc, x: &Explanation{Stat: st, Signal: signals.TERM}}
	if got := w.answer(); got != "it is a kernel thread, which takes no signals" {
		t.Error(got)
	}
}

// TestExplainHostileNames checks that no name, command line or cgroup adds a line to the output or gets to a terminal
// unescaped.
func TestExplainHostileNames(t *testing.T) {
	for _, name := range hostile {
		proc := open(t,
			procfstest.Proc{PID: 5, Comm: name},
			procfstest.Proc{PID: 6, PPID: 5, Comm: name, Cmdline: []string{name, "x"}, TracerPID: 5, Cgroup: "/" + strings.ReplaceAll(name, "\n", "")},
		)
		st, err := proc.Stat(6)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		New(Options{Out: &out, Proc: proc}).Explain(&Explanation{Stat: st, Signal: signals.TERM, Orphans: []*procfs.Stat{&st}}, View{})
		if n := strings.Count(out.String(), "\n"); n != 11 {
			t.Errorf("%q: %d lines:\n%s", name, n, out.String())
		}
		if bad := unsafe(strings.ReplaceAll(out.String(), "\n", "")); bad != "" {
			t.Errorf("%q: %s in %q", name, bad, out.String())
		}
	}
}

// TestExplainColumns checks that no line is longer than the terminal and no word is divided, except a word that is
// longer than the terminal, and that no name can make a line that looks like a fact.
func TestExplainColumns(t *testing.T) {
	const slice = "/user.slice/user-1000.slice"
	proc := open(t,
		procfstest.Proc{PID: 1, Comm: "init"},
		procfstest.Proc{PID: 5, PPID: 1, Comm: "a parent:  state"},
		procfstest.Proc{PID: 6, PPID: 5, Comm: "worker", State: 'D', Wchan: "rpc_wait_bit_killable", Cgroup: slice, Cmdline: []string{"worker", strings.Repeat("x", 99)}},
	)
	st, err := proc.Stat(6)
	if err != nil {
		t.Fatal(err)
	}
	explain := func(columns int) string {
		var out bytes.Buffer
		x := &Explanation{Stat: st, Signal: signals.TERM, Orphans: []*procfs.Stat{&st, &st, &st}}
		New(Options{Out: &out, Proc: proc}).Explain(x, View{Columns: columns})
		return out.String()
	}
	for columns := 40; columns < 120; columns++ {
		got := explain(columns)
		for line := range strings.Lines(got) {
			if n := show.Columns(strings.TrimSuffix(line, "\n")); n > columns {
				t.Errorf("%d columns: a line of %d: %s", columns, n, line)
			}
		}
		command := regexp.MustCompile(`(?m)^  command: .*\n`)
		want := strings.Fields(command.ReplaceAllString(explain(0), ""))
		if words := strings.Fields(command.ReplaceAllString(got, "")); !slices.Equal(words, want) {
			t.Errorf("%d columns: a word is divided:\n%s", columns, got)
		}
		if facts := regexp.MustCompile(`(?m)^  [^ ]`).FindAllString(got, -1); len(facts) != strings.Count(explain(0), "\n")-1 {
			t.Errorf("%d columns: %d facts:\n%s", columns, len(facts), got)
		}
	}
	const want = "6 (worker)\n" +
		"  in uninterruptible sleep in\n    rpc_wait_bit_killable: TERM ends it:\n    killwait 6\n" +
		"  command: worker xxxxxxxxxxxxxxxxxxx...\n" +
		"  state: D (uninterruptible sleep) in\n         rpc_wait_bit_killable\n" +
		"  TERM: default\n  user: root\n  parent: 5 (a parent:  state)\n" +
		"  ancestry: 1 (init) > 5 (a parent: \n            state)\n" +
		"  cgroup: " + slice + "\n" +
		"  orphans with its image: 6 (worker), 6\n    (worker), 6 (worker): to end them as\n    well: tkill --orphans 6\n"
	if got := explain(40); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestShellWord(t *testing.T) {
	for path, want := range map[string]string{
		"/a/b-c_1.service": "/a/b-c_1.service",
		"":                 "''",
		"/a b":             "'/a b'",
		`/it's\x2d`:        `'/it'\''s\x2d'`,
		"/a\nb":            `'/a\nb'`,
	} {
		if got := shellWord(path); got != want {
			t.Errorf("%q: %s, want %s", path, got, want)
		}
	}
}

func TestCgroupAndUnit(t *testing.T) {
	proc := open(t,
		procfstest.Proc{PID: 5, Cgroup: "/system.slice/ssh.service"},
		procfstest.Proc{PID: 6, Cgroup: "/user.slice/user@0.service/app.slice/run-1.scope/x"},
		procfstest.Proc{PID: 7},
	)
	for pid, want := range map[int]string{5: "ssh.service", 6: "run-1.scope", 7: ""} {
		st, err := proc.Stat(pid)
		if err != nil {
			t.Fatal(err)
		}
		if _, unit := cgroupAndUnit(proc, &st); unit != want {
			t.Errorf("%d: %q, want %q", pid, unit, want)
		}
	}
}
