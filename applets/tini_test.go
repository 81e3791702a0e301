//go:build !nodropins

package applets

import (
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"killbox/internal/child"
	"killbox/internal/signals"
)

// TestTini runs tini in a world that follows a script.
func TestTini(t *testing.T) {
	pause := happening{pause: true}
	for _, p := range []struct {
		play
		environ string
		out     string // a regular expression of standard output
	}{
		{play: play{"status", "-s", []happening{exited(42)}, nil, 42, "", ""}},
		{play: play{"by a signal", "-s", []happening{ended(command, 9)}, nil, 137, "", ""}},
		{play: play{"expected", "-s -e 3 -e 137", []happening{ended(command, 9)}, nil, 0, "", ""}},
		{play: play{"no reaper", "", []happening{exited(0)}, nil, 0, "", "[WARN  tini (50)] Tini is not running as PID 1 and isn't registered as a child subreaper.\nZombie "}},
		{play: play{"the reaper already", "", []happening{exited(0)}, func(_ *bench, c *children) { c.subreaper = true }, 0, "", ""}},
		{play: play{"and none that tells", "", []happening{exited(0)}, nil, 0, "", ""}, environ: "TINI_VERBOSITY=0"},
		{play: play{"not found", "-s", nil, fails(&child.LaunchError{Code: 126, Name: "job", Err: syscall.ENOENT}), 127, "", "[FATAL tini (50)] exec job failed: No such file or directory\n"}},
		{play: play{"no process", "-s -e 125", nil, fails(&child.LaunchError{Code: 125, Name: "job", Err: syscall.EAGAIN}), 1, "", "[FATAL tini (50)] job: "}},
		// A TERM limits nothing, whatever the ladder of reapwait.
		{play: play{"all the time it wants", "-s", []happening{got(signals.TERM), got(signals.TERM), exited(7)}, nil, 7, "TERM 200,TERM 200", ""}},
		{play: play{"the group", "-sg", []happening{got(signals.TERM, signals.USR1), exited(7)}, nil, 7, "TERM -200,USR1 -200", ""}},
		{play: play{"the group by environment", "-s", []happening{got(signals.USR1), exited(7)}, nil, 7, "USR1 -200", ""}, environ: "TINI_KILL_PROCESS_GROUP="},
		{play: play{"no job control", "-s", []happening{got(signals.TSTP, signals.CONT), exited(0)}, nil, 0, "TSTP 200,CONT 200", ""}},
		{play: play{"of a terminal", "-s", []happening{got(signals.TSTP), exited(0)}, func(_ *bench, c *children) { c.terminal = true }, 0, "TSTP -200,give 0,stop,CONT -200", ""}},
		{play: play{"a terminal for standard input alone", "-s", []happening{exited(0)}, func(_ *bench, c *children) { c.foreground = true }, 0, "give 0", ""}},
		{play: play{"the parent", "-s -p SIGUSR1", []happening{exited(0)}, nil, 0, "die with parent USR1", ""}},
		{play: play{"messages", "-sv", []happening{ended(300, 0), ended(command, 15)}, nil, 143, "", ""}, out: `^\[INFO  tini \(50\)\] Spawned child process 'job' with pid '200'
\[INFO  tini \(50\)\] Main child exited with signal \(with signal 'Terminated'\)
$`},
		{play: play{"more of them", "-svvw", []happening{got(signals.HUP), ended(300, 0), exited(1)}, nil, 1, "HUP 200", "[WARN  tini (50)] Reaped zombie process with pid=300\n"}, out: `(?s)Passing signal: 'Hangup'.*Reaped child with pid: '300'.*Reaped child with pid: '200'.*normally \(with status '1'\)\n$`},
	} {
		b, c := newKeeping(t, append(p.script, pause)...)
		b.Environ = append(b.Environ, p.environ)
		if p.setup != nil {
			p.setup(b, c)
		}
		code := b.run(append(append([]string{"tini"}, strings.Fields(p.args)...), "--", "job", "arg")...)
		log := strings.Join(slices.DeleteFunc(slices.Clone(c.log), func(s string) bool { return s == "tend" || s == "launch" }), ",")
		if code != p.code || log != p.log {
			t.Errorf("%s: exit %d, %q; want %d, %q", p.name, code, log, p.code, p.log)
		}
		if err := b.err.String(); !strings.HasPrefix(err, p.err) || p.err == "" && err != "" {
			t.Errorf("%s: stderr %q, want %q", p.name, err, p.err)
		}
		if p.out == "" && b.out.Len() > 0 || !regexp.MustCompile(p.out).MatchString(b.out.String()) {
			t.Errorf("%s: stdout %q", p.name, b.out.String())
		}
		if c.launched != nil && !c.launched.Group {
			t.Errorf("%s: no group of its own", p.name)
		}
		if c.launched != nil && (c.launched.TerminalFD >= 0) != (c.terminal || c.foreground) {
			t.Errorf("%s: terminal %d", p.name, c.launched.TerminalFD)
		}
	}
}

func TestTiniFollowsItsParent(t *testing.T) {
	for sig, want := range map[string]signals.Signal{"SIGKILL": signals.KILL, "SIGTERM": 0} {
		b, c := newKeeping(t, exited(0))
		b.run("tini", "-s", "-p", sig, "job")
		if c.launched.DeathSignal != want {
			t.Errorf("-p %s: the command is sent %v", sig, c.launched.DeathSignal)
		}
	}
}
