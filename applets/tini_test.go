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

// TestTini runs tini with a kernel that follows a script.
func TestTini(t *testing.T) {
	pause := waitResult{pause: true}
	for _, p := range []struct {
		commandCase
		environ string
		out     string // a regular expression of standard output
	}{
		{commandCase: commandCase{"status", "-s", []waitResult{exited(42)}, nil, 42, "", ""}},
		{commandCase: commandCase{"by a signal", "-s", []waitResult{ended(command, 9)}, nil, 137, "", ""}},
		{commandCase: commandCase{"expected status", "-s -e 3 -e 137", []waitResult{ended(command, 9)}, nil, 0, "", ""}},
		{commandCase: commandCase{"not a reaper", "", []waitResult{exited(0)}, nil, 0, "", "[WARN  tini (50)] Tini is not running as PID 1 and isn't registered as a child subreaper.\nZombie "}},
		{commandCase: commandCase{"already a subreaper", "", []waitResult{exited(0)}, func(_ *bench, c *children) { c.subreaper = true }, 0, "", ""}},
		{commandCase: commandCase{"not a reaper, verbosity 0", "", []waitResult{exited(0)}, nil, 0, "", ""}, environ: "TINI_VERBOSITY=0"},
		{commandCase: commandCase{"not found", "-s", nil, fails(&child.LaunchError{Code: 126, Name: "job", Err: syscall.ENOENT}), 127, "", "[FATAL tini (50)] exec job failed: No such file or directory\n"}},
		{commandCase: commandCase{"no process", "-s -e 125", nil, fails(&child.LaunchError{Code: 125, Name: "job", Err: syscall.EAGAIN}), 1, "", "[FATAL tini (50)] job: "}},
		// After a TERM the command may run as long as it needs; reapwait would end it after 4 seconds.
		{commandCase: commandCase{"TERM without a time limit", "-s", []waitResult{received(signals.TERM), received(signals.TERM), exited(7)}, nil, 7, "TERM 200,TERM 200", ""}},
		{commandCase: commandCase{"the group", "-sg", []waitResult{received(signals.TERM, signals.USR1), exited(7)}, nil, 7, "TERM -200,USR1 -200", ""}},
		{commandCase: commandCase{"the group by environment", "-s", []waitResult{received(signals.USR1), exited(7)}, nil, 7, "USR1 -200", ""}, environ: "TINI_KILL_PROCESS_GROUP="},
		{commandCase: commandCase{"no job control", "-s", []waitResult{received(signals.TSTP, signals.CONT), exited(0)}, nil, 0, "TSTP 200,CONT 200", ""}},
		{commandCase: commandCase{"job control of a terminal", "-s", []waitResult{received(signals.TSTP), exited(0)}, func(_ *bench, c *children) { c.terminal = true }, 0, "TSTP -200,give 0,stop,CONT -200", ""}},
		{commandCase: commandCase{"a terminal for standard input alone", "-s", []waitResult{exited(0)}, func(_ *bench, c *children) { c.foreground = true }, 0, "give 0", ""}},
		{commandCase: commandCase{"the parent", "-s -p SIGUSR1", []waitResult{exited(0)}, nil, 0, "die with parent USR1", ""}},
		{commandCase: commandCase{"messages", "-sv", []waitResult{ended(300, 0), ended(command, 15)}, nil, 143, "", ""}, out: `^\[INFO  tini \(50\)\] Spawned child process 'job' with pid '200'
\[INFO  tini \(50\)\] Main child exited with signal \(with signal 'Terminated'\)
$`},
		{commandCase: commandCase{"more messages", "-svvw", []waitResult{received(signals.HUP), ended(300, 0), exited(1)}, nil, 1, "HUP 200", "[WARN  tini (50)] Reaped zombie process with pid=300\n"}, out: `(?s)Passing signal: 'Hangup'.*Reaped child with pid: '300'.*Reaped child with pid: '200'.*normally \(with status '1'\)\n$`},
	} {
		b, c := newCommandBench(t, append(p.script, pause)...)
		b.Environ = append(b.Environ, p.environ)
		if p.setup != nil {
			p.setup(b, c)
		}
		code := b.run(append(append([]string{"tini"}, strings.Fields(p.args)...), "--", "job", "arg")...)
		log := strings.Join(slices.DeleteFunc(slices.Clone(c.log), func(s string) bool { return s == "start reaper" || s == "launch" }), ",")
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
			t.Errorf("%s: the command does not lead a process group", p.name)
		}
		if c.launched != nil && (c.launched.TerminalFD >= 0) != (c.terminal || c.foreground) {
			t.Errorf("%s: terminal %d", p.name, c.launched.TerminalFD)
		}
	}
}

// TestTiniDeathSignal: with -p SIGKILL, the kernel sends KILL to tini when the parent of tini exits. Then the command
// must be sent KILL, too, because tini can no longer forward a signal.
func TestTiniDeathSignal(t *testing.T) {
	for sig, want := range map[string]signals.Signal{"SIGKILL": signals.KILL, "SIGTERM": 0} {
		b, c := newCommandBench(t, exited(0))
		b.run("tini", "-s", "-p", sig, "job")
		if c.launched.DeathSignal != want {
			t.Errorf("-p %s: the command is sent %v", sig, c.launched.DeathSignal)
		}
	}
}
