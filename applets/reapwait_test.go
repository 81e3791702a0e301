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

// play is one call of reapwait in a world that follows a script.
type play struct {
	name   string
	args   string // before "-- job arg"
	script []happening
	setup  func(b *bench, c *children)
	code   int
	log    string // but for adopt and launch
	err    string // what standard error begins with
}

func (p *play) run(t *testing.T) (b *bench, c *children) {
	t.Helper()
	// A limit of the play is reached in its pauses, and never because the machine is slow.
	synctest.Test(t, func(t *testing.T) { b, c = p.once(t) })
	return b, c
}

func (p *play) once(t *testing.T) (*bench, *children) {
	t.Helper()
	b, c := newKeeping(t, p.script...)
	if p.setup != nil {
		p.setup(b, c)
	}
	code := b.run(append(append([]string{"reapwait"}, strings.Fields(p.args)...), "--", "job", "arg")...)
	log := slices.DeleteFunc(slices.Clone(c.log), func(s string) bool { return s == "adopt" || s == "launch" })
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
	for _, p := range []play{
		{"no command", "", nil, fails(launch(127, syscall.ENOENT)), 127, "", "reapwait: job: no such file or directory\n"},
		{"not executable", "", nil, fails(launch(126, syscall.EACCES)), 126, "", "reapwait: job: permission denied\n"},
		{"no process", "", nil, fails(launch(125, syscall.EAGAIN)), 125, "", "reapwait: job: resource temporarily unavailable\n"},
		{"anything else", "", nil, fails(errors.New("oops")), 125, "", "reapwait: oops\n"},
		{"no subreaper", "", nil, func(_ *bench, c *children) { c.adoptErr = errors.New("no") }, 125, "", "reapwait: no\n"},
		{"the pidfile goes", "--pidfile f", nil, fails(launch(127, syscall.ENOENT)), 127, `pidfile f "50\n",remove`, "reapwait: job: "},
		{
			"the terminal is taken back", "", nil,
			func(_ *bench, c *children) { c.terminal, c.launchErr = true, launch(127, syscall.ENOENT) },
			127, "give 0", "reapwait: job: ",
		},
		{"nothing to report on", "--report-fd 77", nil, nil, 125, "", "reapwait: descriptor 77: bad file descriptor\n"},
	} {
		p.run(t)
	}
	// What makes the call impossible is found before anything is run.
	for _, p := range []play{
		{"no pidfile", "--pidfile f", nil, func(_ *bench, c *children) { c.pidfileErr = errors.New("no") }, 125, `pidfile f "50\n"`, "reapwait: no\n"},
		{"no parent", "--die-with-parent=7", nil, func(_ *bench, c *children) { c.parentErr = errors.New("no") }, 125, "parent 7", "reapwait: no\n"},
		{"no input", "--until-eof", nil, func(_ *bench, c *children) { c.inputErr = errors.New("no") }, 125, "input", "reapwait: no\n"},
	} {
		if _, c := p.run(t); c.launched != nil {
			t.Errorf("%s: it was launched", p.name)
		}
	}
}

func TestReapwaitLaunch(t *testing.T) {
	p := play{name: "launch", args: "-g --tag B=3 --tag D=4 --tag D=5", script: []happening{exited(0)}, setup: func(b *bench, _ *children) {
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
	p = play{name: "session", args: "-S", script: []happening{exited(0)}, setup: func(_ *bench, c *children) { c.terminal = true }}
	if _, c = p.run(t); !c.launched.Session || c.launched.Group || c.launched.TerminalFD != -1 {
		t.Errorf("%+v", c.launched)
	}
}

func TestReapwaitStatus(t *testing.T) {
	for _, p := range []play{
		{"0", "", []happening{exited(0)}, nil, 0, "", ""},
		{"42", "", []happening{exited(42)}, nil, 42, "", ""},
		{"KILL", "", []happening{ended(command, 9)}, nil, 137, "", ""},
		{"core", "", []happening{ended(command, 0x80|11)}, nil, 139, "", ""},
		{"another's", "", []happening{ended(300, 5<<8), exited(6)}, func(_ *bench, c *children) { c.living = 2 }, 6, "", ""},
		{"remapped", "--remap 42=0 --remap 0=1", []happening{exited(42)}, nil, 0, "", ""},
		{"signal remapped", "--remap 143=0", []happening{ended(command, 15)}, nil, 0, "", ""},
		{"not remapped", "--remap 42=0", []happening{exited(41)}, nil, 41, "", ""},
		{"the kernel fails", "", nil, nil, 125, "", "reapwait: the script is over\n"},
		{"and the pidfile goes", "--pidfile f", nil, nil, 125, `pidfile f "50\n",remove`, "reapwait: "},
		{"and the terminal is taken back", "", nil, func(_ *bench, c *children) { c.terminal = true }, 125, "give 0", "reapwait: "},
	} {
		p.run(t)
	}
}

func TestReapwaitForwards(t *testing.T) {
	for _, p := range []play{
		{"to the command", "", []happening{got(signals.HUP, signals.USR1), got(signals.USR2), exited(0)}, nil, 0, "HUP 200,USR1 200,USR2 200", ""},
		{"to the group", "-g", []happening{got(signals.HUP, signals.TERM), exited(0)}, nil, 0, "HUP -200,TERM -200", ""},
		{"a session has a group", "-S", []happening{got(signals.HUP, signals.CONT), exited(0)}, nil, 0, "HUP 200,CONT -200", ""},
		{"rewritten", "--rewrite TERM=QUIT --rewrite HUP=", []happening{got(signals.HUP, signals.TERM), exited(0)}, nil, 0, "QUIT 200", ""},
		{"stops", "", []happening{got(signals.TSTP), exited(0)}, nil, 0, "TSTP 200,stop,CONT 200", ""},
		{"stops the group", "-g", []happening{got(signals.TSTP), exited(0)}, nil, 0, "TSTP -200,stop,CONT -200", ""},
		{"no longer a TSTP", "--rewrite TSTP=USR1", []happening{got(signals.TSTP), exited(0)}, nil, 0, "USR1 200", ""},
		{"nobody is there", "", []happening{{events: append(exited(3).events, got(signals.TERM).events...)}}, nil, 3, "", ""},
		{
			"going", "", []happening{got(signals.HUP), exited(0)},
			func(_ *bench, c *children) { c.passErr = syscall.EPERM }, 0, "HUP 200",
			"reapwait: cannot forward HUP: operation not permitted\n",
		},
	} {
		p.run(t)
	}
}

// TestReapwaitForwardable: what never comes as an event cannot be rewritten.
func TestReapwaitForwardable(t *testing.T) {
	for _, name := range strings.Fields("0 KILL STOP CHLD URG PIPE PROF TTIN TTOU SEGV BUS FPE ILL TRAP SYS") {
		b, c := newKeeping(t)
		if code := b.run("reapwait", "--rewrite", name+"=TERM", "job"); code != cli.ExitUsage || c.launched != nil {
			t.Errorf("%s: exit %d, %q", name, code, b.err.String())
		}
	}
}

func TestReapwaitTerminal(t *testing.T) {
	has := func(_ *bench, c *children) { c.terminal, c.foreground = true, true }
	away := func(_ *bench, c *children) { c.terminal = true }
	for _, p := range []play{
		{"given back", "", []happening{exited(0)}, has, 0, "give 0", ""},
		{"Ctrl-Z, fg", "", []happening{stopped(command), exited(0)}, has, 0, "give 0,stop,give 200,CONT -200,give 0", ""},
		{"another's stop", "", []happening{stopped(300), exited(0)}, has, 0, "give 0", ""},
		{"no terminal", "", []happening{stopped(command), exited(0)}, nil, 0, "", ""},
		// The foreground is the shell's then, and must not be taken from it.
		{"Ctrl-Z, bg", "", []happening{stopped(command), exited(0)}, away, 0, "give 0,stop,CONT -200", ""},
		{"Ctrl-Z, bg, TTIN", "", []happening{stopped(command), stopped(command), exited(0)}, away, 0, "give 0,stop,CONT -200,stop,CONT -200", ""},
		{
			"Ctrl-Z, bg, fg", "", nil, func(_ *bench, c *children) {
				c.terminal = true
				again := got(signals.CONT)
				again.then = func() { c.foreground = true }
				c.script = []happening{stopped(command), again, exited(0)}
			}, 0, "give 0,stop,CONT -200,CONT -200,give 200,give 0", "",
		},
	} {
		p.run(t)
	}
}

func TestReapwaitLimits(t *testing.T) {
	left := func(n int) func(*bench, *children) { return func(_ *bench, c *children) { c.living = n } }
	pause := happening{pause: true}
	// COMMAND takes longer than the 4 seconds after which it is ended elsewhere.
	later := got(signals.USR1)
	later.then = func() { time.Sleep(10 * time.Second) }
	asInit := func(b *bench, _ *children) { b.PID = 1 }
	for _, p := range []play{
		{"late", "-t 0.01", []happening{pause, ended(command, 15)}, nil, 124, "TERM 200,CONT 200", ""},
		{"late, remapped", "-t 0.01 --remap 143=0", []happening{pause, ended(command, 15)}, nil, 124, "TERM 200,CONT 200", ""},
		{"late, group", "-g -t 0.01", []happening{pause, ended(command, 15)}, nil, 124, "TERM -200,CONT -200", ""},
		{"in time", "-t 60", []happening{exited(4)}, nil, 4, "", ""},
		{"the ladder", "-t 0.01 -R HUP/0.01/KILL/60", []happening{pause, pause, ended(command, 9)}, nil, 124, "HUP 200,CONT 200,KILL 200,CONT 200", ""},
		{"TERM is ignored", "-k 0.01", []happening{got(signals.TERM), pause, ended(command, 9)}, nil, 137, "TERM 200,KILL 200,CONT 200", ""},
		{"TERM with a status", "-k 60", []happening{got(signals.TERM), exited(5)}, nil, 5, "TERM 200", ""},
		{"TERM, as an init", "", []happening{got(signals.TERM), later, exited(6)}, asInit, 6, "TERM 200,USR1 200", ""},
		{"TERM, as an init with a limit", "-t 60", []happening{got(signals.TERM), later, exited(6)}, asInit, 6, "TERM 200,USR1 200", ""},
		{"TERM, as an init with -k", "-k 1", []happening{got(signals.TERM), pause, ended(command, 9)}, asInit, 137, "TERM 200,KILL all,CONT all", ""},
		{"TERM, as an init with -R", "-R TERM/1/KILL/1", []happening{got(signals.TERM), pause, ended(command, 9)}, asInit, 137, "TERM 200,KILL all,CONT all", ""},
		{"end of input", "--until-eof", []happening{happens(child.Hangup), ended(command, 15)}, nil, 143, "input,TERM 200,CONT 200", ""},
		{"end of the parent", "--die-with-parent", []happening{happens(child.Orphaned), ended(command, 15)}, nil, 143, "parent 0,TERM 200,CONT 200", ""},
		// Those who are left.
		{"linger", "--linger", []happening{exited(3), ended(300, 0)}, left(2), 3, "", ""},
		{"keep", "--keep", []happening{exited(3)}, left(2), 3, "", ""},
		{"keep, late", "--keep -t 0.01", []happening{pause, ended(command, 15)}, nil, 124, "TERM 200,CONT 200", ""},
		{"linger, USR1", "--linger", []happening{exited(3), got(signals.USR1), ended(300, 0)}, left(2), 3, "", ""},
	} {
		p.run(t)
	}
}

// TestReapwaitLingersIdle: the limit is the command's, and once it is gone
// nothing is asked over and over.
func TestReapwaitLingersIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := exited(3)
		late.then = func() { time.Sleep(30 * time.Millisecond) }
		b, c := newKeeping(t, late)
		c.living = 2
		if code := b.run("reapwait", "--linger", "-t", "0.02", "job"); code != child.Failed || c.idle > 10 {
			t.Errorf("exit %d, asked %d times without waiting; %q", code, c.idle, b.err.String())
		}
	})
}

// TestReapwaitSweep: as PID 1 without /proc, everybody is signalled at one
// stroke.
func TestReapwaitSweep(t *testing.T) {
	first := func(b *bench, c *children) { b.PID, c.living = 1, 2 }
	for _, p := range []play{
		{"TERM", "", []happening{exited(3), ended(300, 15)}, first, 3, "TERM all,CONT all", ""},
		{"KILL", "-k 0.01", []happening{exited(3), {pause: true}, ended(300, 9)}, first, 3, "TERM all,CONT all,KILL all,CONT all", ""},
		{
			"linger, ended by TERM", "--linger", []happening{exited(3), got(signals.TERM), ended(300, 15)},
			first, 3, "TERM all,CONT all", "",
		},
		{
			"not all gone", "-R TERM/0.01", []happening{exited(3), {pause: true}}, first, 3, "TERM all,CONT all",
			"reapwait: not all is gone, and without /proc it cannot be seen who is left\n",
		},
		// The last one goes between the question whether anybody is left and
		// the one for events: no further event will come.
		{"the last moment", "-R TERM/forever", []happening{exited(3), soon(ended(300, 15))}, first, 3, "TERM all,CONT all", ""},
	} {
		p.run(t)
	}
}

func TestReapwaitReport(t *testing.T) {
	p := play{name: "report", args: "--report-fd 5", script: []happening{ended(300, 9), exited(3)}, setup: func(_ *bench, c *children) { c.living = 2 }, code: 3}
	_, c := p.run(t)
	want := "reapwait: 300: signal KILL, ran ?, CPU 0.000 s, peak 0 KiB\nreapwait: 200: exit 3, ran ?, CPU 0.000 s, peak 0 KiB\n"
	if string(c.report) != want {
		t.Errorf("%q, want %q", c.report, want)
	}
	// Whoever is met only at the end is reported as well.
	p = play{name: "left", args: "--report-fd 5 -j", script: []happening{exited(3), ended(300, 15)}, setup: func(b *bench, c *children) { b.PID, c.living = 1, 2 }, code: 3, log: "TERM all,CONT all"}
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
		// The box may have any name.
		{"kb reapwait --detach reapwait job", "handle 7@8\n", nil, 0, "7@8\n", `["reapwait" "--detach" "reapwait" "job"]`},
		{"kb -- reapwait --detach job", "handle 7@8\n", nil, 0, "7@8\n", `["reapwait" "--detach" "job"]`},
		{"reapwait --detach job", "", syscall.EAGAIN, 125, "", `["reapwait" "--detach" "job"]`},
	} {
		b, c := newKeeping(t)
		c.answer, c.answerErr = test.answer, test.err
		code := b.run(strings.Fields(test.args)...)
		log := strings.Join(c.log, ",")
		if code != test.code || b.out.String() != test.out || log != "background "+detachedName+" "+test.argv {
			t.Errorf("%s: exit %d, %q, %s; %q", test.args, code, b.out.String(), log, b.err.String())
		}
	}
	// The one in the background answers.
	for _, test := range []struct {
		err    error
		script []happening
		code   int
		answer string
	}{
		{nil, []happening{exited(3)}, 3, "handle 50\n"},
		{&child.LaunchError{Code: 127, Name: "job", Err: syscall.ENOENT}, nil, 127, "exit 127\n"},
	} {
		b, c := newKeeping(t, test.script...)
		c.launchErr = test.err
		if code := b.run(detachedName+"6", "--detach", "job"); code != test.code || string(c.report) != test.answer {
			t.Errorf("exit %d, %q; want %d, %q", code, c.report, test.code, test.answer)
		}
	}
}
