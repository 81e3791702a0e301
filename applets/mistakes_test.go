package applets

import (
	"strings"
	"testing"

	"killbox/internal/cli"
)

// mistakes are typical mistakes of users of kill, pkill, pgrep, killall, timeout, fuser, tini and start-stop-daemon,
// with the first line that they print after the name of the applet. The exit status is 2, and the second line refers to
// --help. In a command line ” stands for an empty word, and ␣ for a blank.
var mistakes = []struct{ call, message string }{
	// Operands.
	{"killwait", "no target: give a PID, a handle, - for standard input, or a selector"},
	{"killwait ”", "empty operand, possibly from an unset variable"},
	{"killwait 0", "0 would be the process group of this process; give its members or its PGID (-- -PGID)"},
	{"tkill -TERM -- -1", "-1 would be every process; give the targets one by one"},
	{"killwait 99999999", `"99999999" is beyond the kernel's limit of 4194304`},
	{"killwait 0x64", `"0x64" is not a PID or handle (a PID is decimal: 100)`},
	{"killwait 100,101", `"100,101" is not a PID or handle (each target is a word of its own: 100 101)`},
	{"tkill 100␣101", `"100 101" is not a PID or handle (each target is a word of its own: 100 101)`},
	{"killwait %1", `"%1": only the shell knows its jobs: run eval "$(killbox shell-init bash)" first; $! is the last process of the latest one, "pgkill --of $!" ends all of it in an interactive shell`},
	{"pgkill --of %%", `"%%": only the shell knows its jobs: run eval "$(killbox shell-init bash)" first; $! is the last process of the latest one, "pgkill --of $!" ends all of it in an interactive shell`},
	{"tkill -n -o %sleep 100", `--omit: "%sleep": only the shell knows its jobs: run eval "$(killbox shell-init bash)" first; $! is the last process of the latest one, "pgkill --of $!" ends all of it in an interactive shell`},
	{"killwait firefox", `"firefox" is not a PID or handle (to select by name: --name)`},
	{"pgkill firefox", `"firefox" is not a PID or handle (killwait and tkill select by name)`},
	{"tkill -n firefox", `"firefox" is not a PID or handle (to select by name: --name)`},
	{"killwait /run/app.pid", `"/run/app.pid" is not a PID or handle (to read the PID from a file: --pidfile)`},
	{"killwait 5m 100", `"5m" is not a PID or handle (did you mean -t 5m?)`},
	{"killwait 100 10sec", `"10sec" is not a PID or handle (did you mean -t 10s?)`},
	{"killwait TERM 100", `"TERM" is not a PID or handle (did you mean -TERM?)`},
	{"killwait -1234", `unknown signal "1234" (a process group goes after --: -- -1234)`},
	{"pgkill -TERM -4242", `unknown signal "4242" (a process group goes after --: -- -4242)`},
	{"pgkill --of -- -1234", "-1234 is a process group, not a process"},
	// Signals.
	{"killwait -TREM 100", `unknown signal "TREM" (did you mean TERM?)`},
	{"killwait -s TREM 100", `--signal: unknown signal "TREM" (did you mean TERM?)`},
	{"tkill --signal=SIGKIL 100", `--signal: unknown signal "SIGKIL" (did you mean KILL?)`},
	{"killwait --signal -9 100", `--signal: unknown signal "-9" (did you mean KILL?)`},
	{"killwait -s", "option requires an argument -- 's'"},
	{"killwait -9 -15 100", `invalid argument "15" for '--signal': two different signals, KILL and TERM`},
	{"killwait -l NOPE", `unknown signal "NOPE"`},
	// Durations and ladders.
	{"killwait -k5sec 100", `--kill-after: invalid duration "5sec" (did you mean 5s?)`},
	{"killwait -k=5x 100", `--kill-after: invalid duration "5x" (the units are ms, s, m, h and d)`},
	{"killwait --kill-after 1min 100", `--kill-after: invalid duration "1min" (did you mean 1m?)`},
	{"killwait -t 5␣s 100", `--timeout: invalid duration "5 s" (did you mean 5s?)`},
	{"killwait -t 5m30 100", `--timeout: invalid duration "5m30" (did you mean 330s?)`},
	{"killwait -t -1 100", `--timeout: negative duration "-1"`},
	{"reapwait --timeout make", `--timeout: invalid duration "make" (the units are ms, s, m, h and d)`},
	{"killwait -R TERM/5/KIL/2 100", `schedule "TERM/5/KIL/2", word 3: unknown signal "KIL" (did you mean KILL?)`},
	{"killwait -R TERM/5x/KILL/2 100", `schedule "TERM/5x/KILL/2", word 2: invalid duration "5x" (the units are ms, s, m, h and d)`},
	{"killwait -R TERM:5:KILL 100", `invalid schedule "TERM:5:KILL": want SIGNAL/WAIT/SIGNAL/WAIT, or one duration`},
	{"killwait -R TERM 100", `schedule "TERM" needs a wait after the signal, as in TERM/5s`},
	{"killwait -k 5 --no-kill 100", "--kill-after and --no-kill exclude each other: to wait that long and send no KILL, write -R TERM/5s"},
	// Options of other tools, misspelt ones, and ones that exclude each other.
	{"killwait -f app.py", "invalid option -- 'f' (did you mean '--full'?)"},
	{"tkill -u www", "invalid option -- 'u' (did you mean '--user'?)"},
	{"killwait -x sshd", "invalid option -- 'x' (did you mean '--name'?)"},
	{"killwait -P 100", "invalid option -- 'P' (did you mean '--parent'?)"},
	{"tkill -g 100", "invalid option -- 'g' (did you mean '--group'?)"},
	{"killwait -r app", "invalid option -- 'r' (did you mean '--full' or '--state'?)"},
	{"reapwait -p x job", "invalid option -- 'p' (did you mean '--pidfile' or '--die-with-parent'?)"},
	{"reapwait --background job", "unrecognized option '--background' (did you mean '--detach'?)"},
	{"freezekill -all", "unrecognized option '-all' (did you mean '--all'?)"},
	// Options of another of the five: the applet that has it is named, unless this one has the same under its long
	// name.
	{"killwait -m 100", "invalid option -- 'm' (-m is --mixed of pgkill and tkill; did you mean '--mount'?)"},
	{"killwait --mixed 100", "unrecognized option '--mixed' (--mixed is an option of pgkill and tkill)"},
	{"killwait -c 100", "invalid option -- 'c' (-c is --children of tkill)"},
	{"tkill -w 100", "invalid option -- 'w' (-w is --wait-only of killwait)"},
	{"tkill -S 100", "invalid option -- 'S' (-S is --new-session of reapwait; did you mean '--session'?)"},
	{"tkill --reaped 100", "unrecognized option '--reaped' (--reaped is an option of killwait)"},
	{"pgkill --name=sshd", "unrecognized option '--name=sshd' (--name is an option of freezekill, killwait and tkill)"},
	{"pgkill -o 100 -S", "invalid option -- 'o' (-o is --omit of freezekill, killwait and tkill)"},
	{"freezekill -wn 100", "invalid option -- 'w' (-w is --wait-only of killwait)"},
	{"reapwait -e job", "invalid option -- 'e' (-e is --exited of freezekill, killwait, pgkill and tkill; did you mean '--remap'?)"},
	{"reapwait --orphans job", "unrecognized option '--orphans' (--orphans is an option of freezekill and tkill)"},
	{"tkill --thw 100", "unrecognized option '--thw'"},
	{"killwait --timout 5 100", "unrecognized option '--timout' (did you mean '--timeout'?)"},
	{"killwait --colour-me 100", "unrecognized option '--colour-me'"},
	{"reapwait --kill 5 job", "option '--kill' is ambiguous; possibilities: '--kill-after' '--kill-parent'"},
	{"killwait --timeout", "option '--timeout' requires an argument"},
	{"killwait --any=2 100", "option '--any' doesn't allow an argument"},
	{"killwait -e -0 100", "signal 0 asks whether the targets are alive, so --exited has no meaning"},
	{"killwait --any --count 2 100", "--any and --count exclude each other: --any is --count 1"},
	{"tkill --orphans --no-strays 100", "--orphans and --no-strays exclude each other: one includes orphans, the other does not"},
	{"killwait --group web", `--group: "web" is not a number`},
	{"killwait --user=nosuchuser", `--user: unknown user "nosuchuser"`},
	{"killwait --name ”", "--name: empty value"},
	// Paths are not quoted, and no message names a system call.
	{"killwait --tty /etc/passwd", "--tty: /etc/passwd is not a terminal"},
	{"killwait --tty .", "--tty: /dev/. is not a terminal"},
	{"killwait --mount /etc/passwd", "--mount: /etc/passwd is no mount point"},
	{"killwait --cwd /etc/passwd", "--cwd: /etc/passwd: not a directory"},
	{"killwait --exe ./", "--exe: ./ is not a regular file"},
	{"reapwait", "no command"},
}

// TestMistakes: a usage error is two lines, and no process is asked for or signalled.
func TestMistakes(t *testing.T) {
	for _, mistake := range mistakes {
		words := strings.Fields(mistake.call)
		for i := range words {
			words[i] = strings.NewReplacer("”", "", "␣", " ").Replace(words[i])
		}
		b, code := invoke(t, words...)
		want := words[0] + ": " + mistake.message + "\ntry '" + words[0] + " --help'\n"
		if got := b.err.String(); got != want || code != cli.ExitUsage {
			t.Errorf("%s: exit %d\n%swant\n%s", mistake.call, code, got, want)
		}
		if b.out.Len() > 0 || len(b.k.calls) > 0 {
			t.Errorf("%s: printed %q, and asked the kernel for %q", mistake.call, b.out.String(), b.k.calls)
		}
	}
}

// TestUnknownApplets: killbox suggests an applet, or an option of its own.
func TestUnknownApplets(t *testing.T) {
	for call, want := range map[string]string{
		"tkil":          "tkil: not an applet, and no killbox-tkil on PATH (did you mean 'tkill'?)",
		"killwiat 100":  "killwiat: not an applet, and no killbox-killwiat on PATH (did you mean 'killwait'?)",
		"help reapwiat": "reapwiat: not an applet (did you mean 'reapwait'?)",
		"list":          "list: not an applet, and no killbox-list on PATH (did you mean '--list'?)",
		"pick -k 30s":   "pick: not an applet, and no killbox-pick on PATH (it is a plug-in: the packages contain it; or copy packaging/plugins/killbox-pick of the source to a folder in PATH)",
		"help pick":     "pick: not an applet (it is a plug-in: the packages contain it; or copy packaging/plugins/killbox-pick of the source to a folder in PATH)",
		"nginx":         "nginx: not an applet, and no killbox-nginx on PATH",
		"ls":            "ls: not an applet, and no killbox-ls on PATH",
		"wait":          "wait: not an applet, and no killbox-wait on PATH",
	} {
		b := newBench(t, "")
		if code := runKillbox(&b.Env, strings.Fields(call)); code != cli.ExitUnknown || b.err.String() != "killbox: "+want+"\ntry 'killbox --list'\n" {
			t.Errorf("%s: exit %d, %q", call, code, b.err.String())
		}
	}
}
