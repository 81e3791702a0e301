package applets

import (
	"errors"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"killbox/internal/child"
	"killbox/internal/cli"
	"killbox/internal/signals"
)

// commandCase is one call of reapwait, or of tini, with a kernel that follows a script.
type commandCase struct {
	name   string
	args   string // before "-- job arg"
	script []waitResult
	setup  func(b *bench, c *children)
	code   int
	log    string // the recorded calls but "start reaper" and "launch", separated by commas
	err    string // the beginning of standard error; if empty, there is no output
}

func (p *commandCase) run(t *testing.T) (b *bench, c *children) {
	t.Helper()
	// In a synctest bubble time passes only while all goroutines wait. So a time limit is reached in the pauses of the
	// script, and never because the machine is slow.
	synctest.Test(t, func(t *testing.T) { b, c = p.once(t) })
	return b, c
}

func (p *commandCase) once(t *testing.T) (*bench, *children) {
	t.Helper()
	b, c := newCommandBench(t, p.script...)
	if p.setup != nil {
		p.setup(b, c)
	}
	code := b.run(append(append([]string{"reapwait"}, strings.Fields(p.args)...), "--", "job", "arg")...)
	log := slices.DeleteFunc(slices.Clone(c.log), func(s string) bool { return s == "start reaper" || s == "launch" })
	if got := strings.Join(log, ","); code != p.code || got != p.log {
		t.Errorf("%s: exit %d, %q; want %d, %q; stderr %q", p.name, code, got, p.code, p.log, b.err.String())
	}
	if !strings.HasPrefix(b.err.String(), p.err) || p.err == "" && b.err.Len() > 0 {
		t.Errorf("%s: stderr %q, want %q", p.name, b.err.String(), p.err)
	}
	return b, c
}

func fails(err error) func(*bench, *children) {
	return func(_ *bench, c *children) { c.launchErr = err }
}

func TestReapwaitStart(t *testing.T) {
	launch := func(code int, err error) error { return &child.LaunchError{Code: code, Name: "job", Err: err} }
	for _, p := range []commandCase{
		{"no command", "", nil, fails(launch(127, syscall.ENOENT)), 127, "", "reapwait: job: no such file or directory\n"},
		{"not executable", "", nil, fails(launch(126, syscall.EACCES)), 126, "", "reapwait: job: permission denied\n"},
		{"no process", "", nil, fails(launch(125, syscall.EAGAIN)), 125, "", "reapwait: job: resource temporarily unavailable\n"},
		{"anything else", "", nil, fails(errors.New("oops")), 125, "", "reapwait: oops\n"},
		{"no subreaper", "", nil, func(_ *bench, c *children) { c.reaperErr = errors.New("no") }, 125, "", "reapwait: no\n"},
		{"the pidfile is removed", "--pidfile f", nil, fails(launch(127, syscall.ENOENT)), 127, `pidfile f "50\n",remove`, "reapwait: job: "},
		{
			"the terminal is taken back", "", nil,
			func(_ *bench, c *children) { c.terminal, c.launchErr = true, launch(127, syscall.ENOENT) },
			127, "give 0", "reapwait: job: ",
		},
		{"no descriptor for the report", "--report-fd 77", nil, nil, 125, "", "reapwait: descriptor 77: bad file descriptor\n"},
	} {
		p.run(t)
	}
	// An error that makes the call impossible is found before the command is started.
	for _, p := range []commandCase{
		{"no pidfile", "--pidfile f", nil, func(_ *bench, c *children) { c.pidfileErr = errors.New("no") }, 125, `pidfile f "50\n"`, "reapwait: no\n"},
		{"no parent", "--die-with-parent=7", nil, func(_ *bench, c *children) { c.parentErr = errors.New("no") }, 125, "parent 7", "reapwait: no\n"},
		{"no input", "--until-eof", nil, func(_ *bench, c *children) { c.inputErr = errors.New("no") }, 125, "input", "reapwait: no\n"},
	} {
		if _, c := p.run(t); c.launched != nil {
			t.Errorf("%s: the command was started", p.name)
		}
	}
}

func TestReapwaitLaunch(t *testing.T) {
	p := commandCase{name: "launch", args: "-g --tag B=3 --tag D=4 --tag D=5", script: []waitResult{exited(0)}, setup: func(b *bench, _ *children) {
		b.Environ = []string{"A=1", "B=2", "BB=2"}
	}}
	_, c := p.run(t)
	l := c.launched
	if got := strings.Join(l.Env, " "); got != "A=1 BB=2 B=3 D=5" {
		t.Errorf("environment %q", got)
	}
	if strings.Join(l.Argv, " ") != "job arg" || !l.Group || l.Session || l.TerminalFD != -1 || l.NullFD != -1 || l.InheritFD != -1 {
		t.Errorf("%+v", l)
	}
	p = commandCase{name: "session", args: "-S", script: []waitResult{exited(0)}, setup: func(_ *bench, c *children) { c.terminal = true }}
	if _, c = p.run(t); !c.launched.Session || c.launched.Group || c.launched.TerminalFD != -1 {
		t.Errorf("%+v", c.launched)
	}
}

func TestReapwaitStatus(t *testing.T) {
	for _, p := range []commandCase{
		{"0", "", []waitResult{exited(0)}, nil, 0, "", ""},
		{"42", "", []waitResult{exited(42)}, nil, 42, "", ""},
		{"KILL", "", []waitResult{ended(command, 9)}, nil, 137, "", ""},
		{"core", "", []waitResult{ended(command, 0x80|11)}, nil, 139, "", ""},
		{"status of another child", "", []waitResult{ended(300, 5<<8), exited(6)}, func(_ *bench, c *children) { c.living = 2 }, 6, "", ""},
		{"remapped", "--remap 42=0 --remap 0=1", []waitResult{exited(42)}, nil, 0, "", ""},
		{"signal remapped", "--remap 143=0", []waitResult{ended(command, 15)}, nil, 0, "", ""},
		{"not remapped", "--remap 42=0", []waitResult{exited(41)}, nil, 41, "", ""},
		{"the kernel fails", "", nil, nil, 125, "", "reapwait: the script is over\n"},
		{"the kernel fails, the pidfile is removed", "--pidfile f", nil, nil, 125, `pidfile f "50\n",remove`, "reapwait: "},
		{"the kernel fails, the terminal is taken back", "", nil, func(_ *bench, c *children) { c.terminal = true }, 125, "give 0", "reapwait: "},
	} {
		p.run(t)
	}
}

func TestReapwaitForwards(t *testing.T) {
	for _, p := range []commandCase{
		{"to the command", "", []waitResult{received(signals.HUP, signals.USR1), received(signals.USR2), exited(0)}, nil, 0, "HUP 200,USR1 200,USR2 200", ""},
		{"to the group", "-g", []waitResult{received(signals.HUP, signals.TERM), exited(0)}, nil, 0, "HUP -200,TERM -200", ""},
		{"a session has a group", "-S", []waitResult{received(signals.HUP, signals.CONT), exited(0)}, nil, 0, "HUP 200,CONT -200", ""},
		{"rewritten", "--rewrite TERM=QUIT --rewrite HUP=", []waitResult{received(signals.HUP, signals.TERM), exited(0)}, nil, 0, "QUIT 200", ""},
		{"stops", "", []waitResult{received(signals.TSTP), exited(0)}, nil, 0, "TSTP 200,stop,CONT 200", ""},
		{"stops the group", "-g", []waitResult{received(signals.TSTP), exited(0)}, nil, 0, "TSTP -200,stop,CONT -200", ""},
		{"TSTP rewritten", "--rewrite TSTP=USR1", []waitResult{received(signals.TSTP), exited(0)}, nil, 0, "USR1 200", ""},
		{"the command has exited", "", []waitResult{{events: append(exited(3).events, received(signals.TERM).events...)}}, nil, 3, "", ""},
		{
			"not permitted", "", []waitResult{received(signals.HUP), exited(0)},
			func(_ *bench, c *children) { c.signalErr = syscall.EPERM }, 0, "HUP 200",
			"reapwait: cannot forward HUP: operation not permitted\n",
		},
	} {
		p.run(t)
	}
}

// TestReapwaitMayRewrite: --rewrite refuses the signals for which mayRewrite returns false.
func TestReapwaitMayRewrite(t *testing.T) {
	for _, name := range strings.Fields("0 KILL STOP CHLD URG PIPE PROF TTIN TTOU SEGV BUS FPE ILL TRAP SYS 32 33 RTMIN") {
		b, c := newCommandBench(t)
		if code := b.run("reapwait", "--rewrite", name+"=TERM", "job"); code != cli.ExitUsage || c.launched != nil {
			t.Errorf("%s: exit %d, %q", name, code, b.err.String())
		}
	}
}

func TestReapwaitTerminal(t *testing.T) {
	// With either setup, reapwait starts in the foreground. The shell resumes reapwait in the foreground (fg) with the
	// first setup, and in the background (bg) with the second.
	inForeground := func(_ *bench, c *children) { c.terminal, c.foreground = true, true }
	inBackground := func(_ *bench, c *children) { c.terminal = true }
	for _, p := range []commandCase{
		{"given back", "", []waitResult{exited(0)}, inForeground, 0, "give 0", ""},
		{"Ctrl-Z, fg", "", []waitResult{stopped(command), exited(0)}, inForeground, 0, "give 0,stop,give 200,CONT -200,give 0", ""},
		{"stop of another child", "", []waitResult{stopped(300), exited(0)}, inForeground, 0, "give 0", ""},
		{"no terminal", "", []waitResult{stopped(command), exited(0)}, nil, 0, "", ""},
		// After bg, the foreground belongs to the shell, and reapwait must not take the foreground from it.
		{"Ctrl-Z, bg", "", []waitResult{stopped(command), exited(0)}, inBackground, 0, "give 0,stop,CONT -200", ""},
		{"Ctrl-Z, bg, TTIN", "", []waitResult{stopped(command), stopped(command), exited(0)}, inBackground, 0, "give 0,stop,CONT -200,stop,CONT -200", ""},
		{
			"Ctrl-Z, bg, fg", "", nil, func(_ *bench, c *children) {
				c.terminal = true
				fg := received(signals.CONT)
				fg.do = func() { c.foreground = true }
				c.script = []waitResult{stopped(command), fg, exited(0)}
			}, 0, "give 0,stop,CONT -200,CONT -200,give 200,give 0", "",
		},
	} {
		p.run(t)
	}
}

func TestReapwaitLimits(t *testing.T) {
	living := func(n int) func(*bench, *children) { return func(_ *bench, c *children) { c.living = n } }
	pause := waitResult{pause: true}
	// The command takes longer than the 4 seconds after which it would be ended if reapwait were not PID 1.
	later := received(signals.USR1)
	later.do = func() { time.Sleep(10 * time.Second) }
	asInit := func(b *bench, _ *children) { b.PID = 1 }
	for _, p := range []commandCase{
		{"late", "-t 0.01", []waitResult{pause, ended(command, 15)}, nil, 124, "TERM 200,CONT 200", ""},
		{"late, remapped", "-t 0.01 --remap 143=0", []waitResult{pause, ended(command, 15)}, nil, 124, "TERM 200,CONT 200", ""},
		{"late, group", "-g -t 0.01", []waitResult{pause, ended(command, 15)}, nil, 124, "TERM -200,CONT -200", ""},
		{"in time", "-t 60", []waitResult{exited(4)}, nil, 4, "", ""},
		{"the ladder", "-t 0.01 -R HUP/0.01/KILL/60", []waitResult{pause, pause, ended(command, 9)}, nil, 124, "HUP 200,CONT 200,KILL 200,CONT 200", ""},
		{"TERM is ignored", "-k 0.01", []waitResult{received(signals.TERM), pause, ended(command, 9)}, nil, 137, "TERM 200,KILL 200,CONT 200", ""},
		{"TERM with a status", "-k 60", []waitResult{received(signals.TERM), exited(5)}, nil, 5, "TERM 200", ""},
		{"TERM, as an init", "", []waitResult{received(signals.TERM), later, exited(6)}, asInit, 6, "TERM 200,USR1 200", ""},
		{"TERM, as an init with a limit", "-t 60", []waitResult{received(signals.TERM), later, exited(6)}, asInit, 6, "TERM 200,USR1 200", ""},
		{"TERM, as an init with -k", "-k 1", []waitResult{received(signals.TERM), pause, ended(command, 9)}, asInit, 137, "TERM 200,KILL all,CONT all", ""},
		{"TERM, as an init with -R", "-R TERM/1/KILL/1", []waitResult{received(signals.TERM), pause, ended(command, 9)}, asInit, 137, "TERM 200,KILL all,CONT all", ""},
		{"end of input", "--until-eof", []waitResult{event(child.Hangup), ended(command, 15)}, nil, 143, "input,TERM 200,CONT 200", ""},
		{"end of the parent", "--die-with-parent", []waitResult{event(child.Orphaned), ended(command, 15)}, nil, 143, "parent 0,TERM 200,CONT 200", ""},
		// With --linger and --keep, the exit of the command does not end the remaining processes.
		{"linger", "--linger", []waitResult{exited(3), ended(300, 0)}, living(2), 3, "", ""},
		{"keep", "--keep", []waitResult{exited(3)}, living(2), 3, "", ""},
		{"keep, late", "--keep -t 0.01", []waitResult{pause, ended(command, 15)}, nil, 124, "TERM 200,CONT 200", ""},
		{"linger, USR1", "--linger", []waitResult{exited(3), received(signals.USR1), ended(300, 0)}, living(2), 3, "", ""},
	} {
		p.run(t)
	}
}

// TestReapwaitLingersIdle: -t limits only the command. If the limit passes after the command has exited, reapwait
// --linger keeps waiting and does not poll.
func TestReapwaitLingersIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := exited(3)
		late.do = func() { time.Sleep(30 * time.Millisecond) }
		b, c := newCommandBench(t, late)
		c.living = 2
		if code := b.run("reapwait", "--linger", "-t", "0.02", "job"); code != child.Failed || c.idle > 10 {
			t.Errorf("exit %d, asked %d times without waiting; %q", code, c.idle, b.err.String())
		}
	})
}

// TestReapwaitSignalsAll: as PID 1 without /proc, reapwait signals all processes atomically.
func TestReapwaitSignalsAll(t *testing.T) {
	first := func(b *bench, c *children) { b.PID, c.living = 1, 2 }
	for _, p := range []commandCase{
		{"TERM", "", []waitResult{exited(3), ended(300, 15)}, first, 3, "TERM all,CONT all", ""},
		{"KILL", "-k 0.01", []waitResult{exited(3), {pause: true}, ended(300, 9)}, first, 3, "TERM all,CONT all,KILL all,CONT all", ""},
		{
			"linger, ended by TERM", "--linger", []waitResult{exited(3), received(signals.TERM), ended(300, 15)},
			first, 3, "TERM all,CONT all", "",
		},
		{
			"a process remains", "-R TERM/0.01", []waitResult{exited(3), {pause: true}}, first, 3, "TERM all,CONT all",
			"reapwait: processes remain; without /proc they cannot be named\n",
		},
		// The last process exits after ReapExited said that one remains, and before WaitAndReap. No further event
		// follows, so reapwait must not wait for one.
		{"exit between two calls", "-R TERM/forever", []waitResult{exited(3), afterCONT(ended(300, 15))}, first, 3, "TERM all,CONT all", ""},
	} {
		p.run(t)
	}
}

func TestReapwaitReport(t *testing.T) {
	p := commandCase{name: "report", args: "--report-fd 5", script: []waitResult{ended(300, 9), exited(3)}, setup: func(_ *bench, c *children) { c.living = 2 }, code: 3}
	_, c := p.run(t)
	want := "reapwait: 300: signal KILL, ran ?, CPU 0.000 s, peak 0 KiB\nreapwait: 200: exit 3, ran ?, CPU 0.000 s, peak 0 KiB\n"
	if string(c.report) != want {
		t.Errorf("%q, want %q", c.report, want)
	}
	// A process that remains when the command exits is reported as well.
	p = commandCase{name: "report of a remaining process", args: "--report-fd 5 -j", script: []waitResult{exited(3), ended(300, 15)}, setup: func(b *bench, c *children) { b.PID, c.living = 1, 2 }, code: 3, log: "TERM all,CONT all"}
	_, c = p.run(t)
	if lines := strings.Split(strings.TrimSpace(string(c.report)), "\n"); len(lines) != 2 || !strings.Contains(lines[1], `"pid":300`) {
		t.Errorf("%q", c.report)
	}
}

func TestReapwaitDetach(t *testing.T) {
	for _, test := range []struct {
		args   string
		answer string
		err    error
		code   int
		out    string
		argv   string
	}{
		{"reapwait --detach job", "handle 7@8\n", nil, 0, "7@8\n", `["reapwait" "--detach" "job"]`},
		{"/bin/reapwait --detach job", "exit 127\n", nil, 127, "", `["/bin/reapwait" "--detach" "job"]`},
		{"-reapwait --detach job", "exit 126\n", nil, 126, "", `["-reapwait" "--detach" "job"]`},
		{"killbox reapwait --detach job", "", nil, 125, "", `["reapwait" "--detach" "job"]`},
		// The binary may have any name.
		{"kb reapwait --detach reapwait job", "handle 7@8\n", nil, 0, "7@8\n", `["reapwait" "--detach" "reapwait" "job"]`},
		{"kb -- reapwait --detach job", "handle 7@8\n", nil, 0, "7@8\n", `["reapwait" "--detach" "job"]`},
		{"reapwait --detach job", "", syscall.EAGAIN, 125, "", `["reapwait" "--detach" "job"]`},
	} {
		b, c := newCommandBench(t)
		c.answer, c.answerErr = test.answer, test.err
		code := b.run(strings.Fields(test.args)...)
		log := strings.Join(c.log, ",")
		if code != test.code || b.out.String() != test.out || log != "background "+detachedName+" "+test.argv {
			t.Errorf("%s: exit %d, %q, %s; %q", test.args, code, b.out.String(), log, b.err.String())
		}
	}
	// The process in the background sends its answer.
	for _, test := range []struct {
		err    error
		script []waitResult
		code   int
		answer string
	}{
		{nil, []waitResult{exited(3)}, 3, "handle 50\n"},
		{&child.LaunchError{Code: 127, Name: "job", Err: syscall.ENOENT}, nil, 127, "exit 127\n"},
	} {
		b, c := newCommandBench(t, test.script...)
		c.launchErr = test.err
		if code := b.run(detachedName+"6", "--detach", "job"); code != test.code || string(c.report) != test.answer {
			t.Errorf("exit %d, %q; want %d, %q", code, c.report, test.code, test.answer)
		}
	}
}
