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
	options := strings.Fields(p.args)
	if !c.pair {
		options = append(options, "--no-pair")
	}
	code := b.run(append(append([]string{"reapwait"}, options...), "--", "job", "arg")...)
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
		{"input closed", "--until-eof", []waitResult{{events: []child.Event{{Kind: child.Hangup}}}, ended(command, 15)}, func(_ *bench, c *children) { c.inputClosed = true }, 143,
			"input,TERM 200,CONT 200", "reapwait: the other end of standard input is already closed: all processes are ended at once\n"},
		{"no descriptor for the report", "--report-fd 77", nil, nil, 125, "", "reapwait: descriptor 77: bad file descriptor\n"},
	} {
		p.run(t)
	}
	// An error that makes the call impossible is found before the command is started.
	for _, p := range []commandCase{
		{"no pidfile", "--pidfile f", nil, func(_ *bench, c *children) { c.pidfileErr = errors.New("no") }, 125, `pidfile f "50\n"`, "reapwait: pidfile no\n"},
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
	if strings.Join(l.Argv, " ") != "job arg" || !l.Group || l.Session || l.TerminalFD != -1 || l.NullFD != -1 || l.ErrorFD != -1 || l.InheritFDs != nil {
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
		{"Ctrl-Z, fg", "", []waitResult{stopped(command), exited(0)}, inForeground, 0, "give 0,stop all,give 200,CONT -200,give 0", ""},
		{"stop of another child", "", []waitResult{stopped(300), exited(0)}, inForeground, 0, "give 0", ""},
		{"no terminal", "", []waitResult{stopped(command), exited(0)}, nil, 0, "", ""},
		// After bg, the foreground belongs to the shell, and reapwait must not take the foreground from it.
		{"Ctrl-Z, bg", "", []waitResult{stopped(command), exited(0)}, inBackground, 0, "give 0,stop all,CONT -200", ""},
		{"Ctrl-Z, bg, TTIN", "", []waitResult{stopped(command), stopped(command), exited(0)}, inBackground, 0, "give 0,stop all,CONT -200,stop all,CONT -200", ""},
		{
			"Ctrl-Z, bg, fg", "", nil, func(_ *bench, c *children) {
				c.terminal = true
				fg := received(signals.CONT)
				fg.do = func() { c.foreground = true }
				c.script = []waitResult{stopped(command), fg, exited(0)}
			}, 0, "give 0,stop all,CONT -200,CONT -200,give 200,give 0", "",
		},
		{
			// The shell sends no CONT to a job that runs, so the command reads in the background.
			"Ctrl-Z, bg, fg without CONT, TTIN", "", nil, func(_ *bench, c *children) {
				c.terminal = true
				read := stopped(command)
				read.events[0].Child.Status = signals.FromWait(uint32(signals.TTIN)<<8 | 0x7f)
				read.do = func() { c.foreground = true }
				c.script = []waitResult{stopped(command), read, exited(0)}
			}, 0, "give 0,stop all,CONT -200,give 200,CONT -200,give 0", "",
		},
		// STOP has stopped reapwait, and the shell has resumed it in the foreground.
		{"STOP, fg", "", []waitResult{received(signals.CONT), exited(0)}, inForeground, 0, "CONT -200,give 200,give 0", ""},
		// A second TSTP from before the resumption is discarded.
		{"TSTP twice", "", []waitResult{received(signals.TSTP, signals.TSTP), exited(0)}, nil, 0, "TSTP 200,stop,CONT 200", ""},
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
	asInitOf := func(n int) func(*bench, *children) { return func(b *bench, c *children) { b.PID, c.living = 1, n } }
	const late = "reapwait: time limit of 10ms reached: ended at least 1 process\n"
	for _, p := range []commandCase{
		{"late", "-t 0.01", []waitResult{pause, ended(command, 15)}, nil, 124, "TERM 200,CONT 200", late},
		{"late, remapped", "-t 0.01 --remap 143=0", []waitResult{pause, ended(command, 15)}, nil, 124, "TERM 200,CONT 200", late},
		{"late, group", "-g -t 0.01", []waitResult{pause, ended(command, 15)}, nil, 124, "TERM -200,CONT -200", late},
		{"in time", "-t 60", []waitResult{exited(4)}, nil, 4, "", ""},
		{"the ladder", "-t 0.01 -R HUP/0.01/KILL/60", []waitResult{pause, pause, ended(command, 9)}, nil, 124, "HUP 200,CONT 200,KILL 200,CONT 200", late},
		{"late, quiet", "-q -t 0.01", []waitResult{pause, ended(command, 15)}, nil, 124, "TERM 200,CONT 200", ""},
		{"late, JSON", "-j -q -t 0.01", []waitResult{pause, ended(command, 15)}, nil, 124, "TERM 200,CONT 200",
			`{"event":"signal","pid":200,"signal":"TERM","rung":1,"time":0}` + "\n" + `{"event":"gone","pid":200,"signal":"TERM","rung":1,"time":0}` + "\n" +
				`{"event":"limit","limit":0.01,"ended":1}`},
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
		{"keep, late", "--keep -t 0.01", []waitResult{pause, ended(command, 15)}, nil, 124, "TERM 200,CONT 200", late},
		{"linger, late", "--linger -t 0.01", []waitResult{pause, ended(command, 15)}, nil, 124, "TERM 200,CONT 200", late},
		{"linger, the command exits in time", "--linger -t 60", []waitResult{exited(3), ended(300, 0)}, living(2), 3, "", ""},
		{
			"linger, the rest is late", "--linger -t 0.01", []waitResult{exited(3), pause, ended(300, 15), ended(301, 15)},
			asInitOf(3), 124, "TERM all,CONT all", "reapwait: time limit of 10ms reached: ended at least 2 processes\n",
		},
		{"linger, USR1", "--linger", []waitResult{exited(3), received(signals.USR1), ended(300, 0)}, living(2), 3, "", ""},
	} {
		p.run(t)
	}
}

// TestReapwaitSettles: after the exit of the command, the remaining processes have the time of --settle to end by
// themselves.
func TestReapwaitSettles(t *testing.T) {
	pause := waitResult{pause: true}
	asInit := func(b *bench, c *children) { b.PID, c.living = 1, 2 }
	living := func(n int) func(*bench, *children) { return func(_ *bench, c *children) { c.living = n } }
	rest := ended(300, 15)
	const all = "TERM all,CONT all"
	for _, p := range []struct {
		commandCase
		after time.Duration // from the exit of the command to the call of WaitAndReap that ends the last process
	}{
		{commandCase{"in time", "", []waitResult{exited(3), ended(300, 0)}, asInit, 3, "", ""}, 0},
		{commandCase{"too late", "", []waitResult{exited(3), pause, rest}, asInit, 3, all, ""}, 200 * time.Millisecond},
		{commandCase{"longer", "--settle 2", []waitResult{exited(3), pause, rest}, asInit, 3, all, ""}, 2 * time.Second},
		{commandCase{"not at all", "--settle 0", []waitResult{exited(3), rest}, asInit, 3, all, ""}, 0},
		{commandCase{"USR1", "", []waitResult{exited(3), received(signals.USR1), pause, rest}, asInit, 3, all, ""}, 200 * time.Millisecond},
		{commandCase{"TERM", "", []waitResult{exited(3), received(signals.TERM), rest}, asInit, 3, all, ""}, 0},
		{
			// The sender, such as killwait, may send KILL to reapwait 5 s after TERM: all must be gone before. The first
			// pause is that until all children are searched.
			commandCase{"TERM begins the ladder", "", []waitResult{exited(3), received(signals.TERM), pause, pause, ended(300, 9)}, living(2), 3, "", ""},
			4 * time.Second,
		},
		{
			commandCase{"TERM begins the ladder, linger", "--linger", []waitResult{exited(3), received(signals.TERM), pause, pause, ended(300, 9)}, living(2), 3, "", ""},
			4 * time.Second,
		},
		{commandCase{"HUP with the exit", "", []waitResult{{events: append(exited(3).events, received(signals.HUP).events...)}, rest}, asInit, 3, all, ""}, 0},
		{commandCase{"end of input", "--until-eof", []waitResult{exited(3), event(child.Hangup), rest}, asInit, 3, "input," + all, ""}, 0},
		{commandCase{"not beyond -t", "--settle 9 -t 2", []waitResult{exited(3), pause, rest}, asInit, 3, all, ""}, 2 * time.Second},
		{
			// A forwarded TERM has begun the grace period: half of it is left to the first signal of the ladder.
			commandCase{"after TERM", "--settle 9 -k 4", []waitResult{received(signals.TERM), exited(3), pause, rest}, asInit, 3, "TERM 200," + all, ""},
			2 * time.Second,
		},
		{
			// The steps of the ladder are where they would be without the wait: KILL follows TERM after 4 s in all.
			commandCase{"after TERM, KILL", "--settle 9 -k 4", []waitResult{received(signals.TERM), exited(3), pause, pause, ended(300, 9)}, asInit, 3, "TERM 200," + all + ",KILL all,CONT all", ""},
			4 * time.Second,
		},
		{commandCase{"an init after TERM", "", []waitResult{received(signals.TERM), exited(3), pause, rest}, asInit, 3, "TERM 200," + all, ""}, 200 * time.Millisecond},
		{commandCase{"an init after TERM, linger", "--linger", []waitResult{received(signals.TERM), exited(3), pause, rest}, asInit, 3, "TERM 200," + all, ""}, 200 * time.Millisecond},
	} {
		var exit, end time.Time
		for i := range p.script {
			if e := p.script[i].events; len(e) > 0 && e[0].Kind == child.Ended && e[0].Child.PID == command {
				p.script[i].do = func() { exit = time.Now() }
			}
		}
		p.script[len(p.script)-1].do = func() { end = time.Now() }
		if p.run(t); end.Sub(exit) != p.after {
			t.Errorf("%s: the last process ended after %v, want %v", p.name, end.Sub(exit), p.after)
		}
	}
}

// TestReapwaitLeaks: without /proc, reapwait knows only that processes remain.
func TestReapwaitLeaks(t *testing.T) {
	pause := waitResult{pause: true}
	asInit := func(b *bench, c *children) { b.PID, c.living = 1, 2 }
	const all = "TERM all,CONT all"
	const left = "reapwait: left behind: processes remain; without /proc they cannot be named\n"
	leak := func(status uint32) []waitResult { return []waitResult{exited(status), pause, ended(300, 15)} }
	for _, p := range []commandCase{
		{"end", "--leaks=end", leak(0), asInit, 0, all, ""},
		{"warn", "--leaks=warn", leak(0), asInit, 0, all, left},
		{"fail", "--leaks=fail", leak(0), asInit, 99, all, left},
		{"fail, another status", "--leaks=fail=7", leak(0), asInit, 7, all, left},
		{"fail, quiet", "-q --leaks=fail", leak(0), asInit, 99, all, ""},
		{"fail, JSON", "-j -q --leaks=fail", leak(0), asInit, 99, all, `{"event":"leak","why":"without /proc they cannot be named"}`},
		{"the command fails", "--leaks=fail", leak(3), asInit, 3, all, left},
		{"the command fails, remapped", "--leaks=fail --remap 3=0", leak(3), asInit, 99, all, left},
		{"the command succeeds, remapped", "--leaks=fail --remap 0=3", leak(0), asInit, 3, all, left},
		{"the last value counts", "--leaks=fail --leaks=warn", leak(0), asInit, 0, all, left},
		{"nothing remains", "--leaks=fail", []waitResult{exited(0)}, nil, 0, "", ""},
		{"settled", "--leaks=fail", []waitResult{exited(0), ended(300, 0)}, asInit, 0, "", ""},
		{"linger", "--linger --leaks=fail", []waitResult{exited(0), ended(300, 0)}, asInit, 0, "", ""},
		{"linger, TERM", "--linger --leaks=fail", []waitResult{exited(0), received(signals.TERM), ended(300, 15)}, asInit, 99, all, left},
		{"linger, the limit", "--linger -t 1 --leaks=fail", leak(0), asInit, 124, all, left + "reapwait: time limit of 1s reached: ended at least 1 process\n"},
		// The command itself is no leak.
		{"the limit", "-t 1 --leaks=fail", []waitResult{pause, ended(command, 15), ended(300, 15)}, asInit, 124, all, "reapwait: time limit of 1s reached: ended at least 2 processes\n"},
		{"end of input", "--until-eof --leaks=fail", []waitResult{event(child.Hangup), ended(command, 15), ended(300, 15)}, asInit, 143, "input," + all, ""},
	} {
		p.run(t)
	}
}

func TestReapwaitNoNewPrivs(t *testing.T) {
	p := commandCase{name: "refused", args: "--no-new-privs", code: 125, log: "no new privileges", err: "reapwait: --no-new-privs: oops\n"}
	p.setup = func(_ *bench, c *children) { c.privilegesErr = errors.New("oops") }
	if _, c := p.run(t); c.launched != nil {
		t.Error("the command was started")
	}
}

// TestReapwaitSignalsAll: as PID 1 without /proc, reapwait signals all processes atomically.
func TestReapwaitSignalsAll(t *testing.T) {
	first := func(b *bench, c *children) { b.PID, c.living = 1, 2 }
	settle := waitResult{pause: true}
	for _, p := range []commandCase{
		{"TERM", "", []waitResult{exited(3), settle, ended(300, 15)}, first, 3, "TERM all,CONT all", ""},
		{"KILL", "-k 0.01", []waitResult{exited(3), settle, {pause: true}, ended(300, 9)}, first, 3, "TERM all,CONT all,KILL all,CONT all", ""},
		{
			"linger, ended by TERM", "--linger", []waitResult{exited(3), received(signals.TERM), ended(300, 15)},
			first, 3, "TERM all,CONT all", "",
		},
		{
			"a process remains", "-R TERM/0.01", []waitResult{exited(3), settle, {pause: true}}, first, 3, "TERM all,CONT all",
			"reapwait: processes remain; without /proc they cannot be named\n",
		},
		// The last process exits after ReapExited said that one remains, and before WaitAndReap. No further event
		// follows, so reapwait must not wait for one.
		{"exit between two calls", "-R TERM/forever", []waitResult{exited(3), settle, afterCONT(ended(300, 15))}, first, 3, "TERM all,CONT all", ""},
	} {
		p.run(t)
	}
}

// TestReapwaitChildren: not as PID 1 and without /proc, reapwait signals the children that the kernel finds, among them
// those that a child leaves behind.
func TestReapwaitChildren(t *testing.T) {
	one := func(_ *bench, c *children) { c.living, c.adopted = 2, []int{300} }
	with := func(change func(*children)) func(*bench, *children) {
		return func(_ *bench, c *children) { c.living, c.adopted = 2, []int{300}; change(c) }
	}
	settle := waitResult{pause: true}
	const remain = "reapwait: processes remain; without /proc they cannot be named\n"
	for _, p := range []commandCase{
		{"TERM", "", []waitResult{exited(3), settle, ended(300, 15)}, one, 3, "TERM 300,CONT 300", ""},
		{
			"an orphan of a child", "-R TERM/500", []waitResult{exited(3), settle, ended(300, 15), ended(301, 15)}, with(func(c *children) {
				c.living = 3
				c.script[2].do = func() { c.adopted = []int{301} }
			}), 3, "TERM 300,CONT 300,TERM 301,CONT 301", "",
		},
		{"KILL", "-k .01", []waitResult{exited(3), settle, {pause: true}, ended(300, 9)}, one, 3, "TERM 300,CONT 300,KILL 300,CONT 300", ""},
		{"refused", "", []waitResult{exited(3), settle, settle}, with(func(c *children) { c.foundErr = syscall.EPERM }), 3, "TERM 300", "reapwait: 300: operation not permitted\n"},
		{"waitid refused", "-R TERM/.01", []waitResult{exited(3), settle, settle}, with(func(c *children) { c.childrenErr = syscall.EPERM }), 3, "", remain},
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
	p = commandCase{name: "report of a remaining process", args: "--report-fd 5 -j", script: []waitResult{exited(3), {pause: true}, ended(300, 15)}, setup: func(b *bench, c *children) { b.PID, c.living = 1, 2 }, code: 3, log: "TERM all,CONT all"}
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
		launchErr, logErr, redirectErr error
		script                         []waitResult
		code                           int
		answer, log                    string
	}{
		{nil, nil, nil, []waitResult{exited(3)}, 3, "handle 50\n", "inherited 6,log f,start reaper,redirect,launch,keep"},
		{
			&child.LaunchError{Code: 127, Name: "job", Err: syscall.ENOENT}, nil, nil, nil, 127, "exit 127\n",
			"inherited 6,log f,start reaper,redirect,launch,undo",
		},
		{nil, errors.New("no"), nil, nil, 125, "exit 125\n", "inherited 6,log f"},
		{nil, nil, errors.New("no"), nil, 125, "exit 125\n", "inherited 6,log f,start reaper,redirect"},
	} {
		b, c := newCommandBench(t, test.script...)
		c.launchErr, c.logErr, c.redirectErr = test.launchErr, test.logErr, test.redirectErr
		code := b.run(detachedName+"6", "--detach", "--no-pair", "--log", "f", "job")
		if log := strings.Join(c.log, ","); code != test.code || string(c.report) != test.answer || log != test.log {
			t.Errorf("exit %d, %q, %s; want %d, %q, %s", code, c.report, log, test.code, test.answer, test.log)
		}
	}
}

// fromInner returns the event of a message of the inner half.
func fromInner(kind child.MessageKind, value int32) waitResult {
	return waitResult{events: []child.Event{{Kind: child.FromHalf, Message: child.Message{Kind: kind, Value: value}}}}
}

// TestReapwaitOuter: the outer half of a pair passes events on, and ends with the status of the inner half or by the
// signal that has ended it.
func TestReapwaitOuter(t *testing.T) {
	setup := func(_ *bench, c *children) { c.pair = true }
	start := `inner ["reapwait" "--" "job" "arg"] {PIDNamespace:false LockFD:-1},send 1 0`
	for _, p := range []commandCase{
		{"status", "", []waitResult{fromInner(child.Launched, 0), fromInner(child.Finished, 7), ended(inner, 7<<8)}, setup, 7, start, ""},
		{"signals", "", []waitResult{received(signals.TERM, signals.USR1), fromInner(child.Finished, 143), ended(inner, 143<<8)}, setup,
			143, start + ",send 2 15,send 2 10", ""},
		{"parent", "", []waitResult{event(child.Orphaned), event(child.Hangup), fromInner(child.Finished, 0), ended(inner, 0)}, setup,
			0, start + ",send 3 0,send 4 0", ""},
		{"stop", "", []waitResult{fromInner(child.Stop, 0), fromInner(child.Finished, 0), ended(inner, 0)}, setup, 0, start + ",stop,send 5 1", ""},
		{"TSTP from before the resumption", "", []waitResult{
			{events: append(fromInner(child.Stop, 1).events, received(signals.TSTP, signals.TERM).events...)},
			fromInner(child.Finished, 0), ended(inner, 0),
		}, setup, 0, start + ",stop all,send 5 1,send 2 15", ""},
		{"not stopped", "", []waitResult{fromInner(child.Stop, 0), fromInner(child.Finished, 0), ended(inner, 0)},
			func(b *bench, c *children) { setup(b, c); c.orphaned = true }, 0, start + ",stop,send 5 0", ""},
		{"another child", "", []waitResult{ended(300, 9), fromInner(child.Finished, 0), ended(inner, 0)}, setup, 0, start, ""},
		{"killed", "", []waitResult{ended(inner, 9)}, func(b *bench, c *children) { setup(b, c); c.living = 0 }, 137, start, ""},
		{"killed by no signal", "", []waitResult{ended(inner, 2<<8)}, func(b *bench, c *children) { setup(b, c); c.living = 0 }, 137, start,
			"reapwait: the second process has failed\n"},
		{"killed at the start", "", nil, func(b *bench, c *children) { setup(b, c); c.innerKilled, c.living = true, 0 }, 137,
			strings.TrimSuffix(start, ",send 1 0"), ""},
		{"killed, --keep", "--keep", []waitResult{ended(inner, 9)}, setup, 137,
			strings.Replace(start, `"--"`, `"--keep" "--"`, 1), ""},
		{"not started", "", []waitResult{exited(3)}, func(b *bench, c *children) { setup(b, c); c.innerErr = syscall.EAGAIN }, 3,
			strings.TrimSuffix(start, ",send 1 0"), "reapwait: going on without a second process: resource temporarily unavailable"},
		{"no namespace", "--pidns", nil, func(b *bench, c *children) { setup(b, c); c.innerErr = syscall.EPERM }, 125,
			`inner ["reapwait" "--pidns" "--" "job" "arg"] {PIDNamespace:true LockFD:-1}`, "reapwait: --pidns: cannot start a process in a PID namespace: "},
	} {
		b, c := p.run(t)
		if !c.dropped {
			t.Errorf("%s: DropTerminalSignals was not called", p.name)
		}
		p.diedOfKill(t, b)
	}
}

// TestReapwaitInner: the inner half sends its status, and ends itself by KILL if the outer half is gone.
func TestReapwaitInner(t *testing.T) {
	setup := func(_ *bench, c *children) { c.pair, c.isInner, c.living = true, true, 0 }
	for _, p := range []commandCase{
		{"status", "", []waitResult{exited(7)}, setup, 7, "send 7 0,send 9 7", ""},
		{"not started", "", nil, func(b *bench, c *children) {
			setup(b, c)
			c.launchErr = &child.LaunchError{Code: 127, Name: "job", Err: syscall.ENOENT}
		}, 127, "send 9 127", "reapwait: job: no such file or directory\n"},
		{"killed: outer half", "", []waitResult{event(child.HalfLost)}, setup, 125, "send 7 0,send 9 125", ""},
		{"killed: outer half, --keep", "--keep", []waitResult{event(child.HalfLost)}, setup, 125, "send 7 0,send 9 125", ""},
	} {
		b, _ := p.run(t)
		p.diedOfKill(t, b)
	}
}

// diedOfKill checks that the call has ended by KILL if its name begins with "killed", and otherwise not.
func (p *commandCase) diedOfKill(t *testing.T, b *bench) {
	t.Helper()
	if died := b.died == signals.KILL; died != strings.HasPrefix(p.name, "killed") {
		t.Errorf("%s: died of %v", p.name, b.died)
	}
}
