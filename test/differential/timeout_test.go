package differential

import (
	"regexp"
	"strings"
)

// timeoutOfGNU is the table of timeout. If the command must be ready before the deadline, the case sends ALRM to
// timeout: both programs treat ALRM as the deadline.
func timeoutOfGNU() comparison {
	const (
		newer   = "short options of coreutils 9.6"
		version = "the text of killbox"
		beyond  = "descendants outside of the group are ended, too"
		ignored = "a signal that the caller ignores stays ignored in the command"
		// group prints whether the command is in the process group of timeout.
		group = `[ "$(cut -d " " -f 5 /proc/$$/stat)" = $PPID ] && echo "the group of timeout" || echo another`
	)
	var cases []diffCase
	add := func(reason string, cmds ...string) {
		for _, cmd := range cmds {
			cases = append(cases, diffCase{cmd: cmd, differs: reason})
		}
	}
	// Durations, with a command that exits at once, and with one that runs for a minute.
	for _, d := range []string{
		"60", "60.", "60.5", "+60", "' 60'", "60s", "1m", "1h", "1d", ".5h", "1.m", "1e2", "1E2", "1e+2", "6e1s", "1e400", "1e400d", "0x20", "0X20s", "0x1p6", "0x1P+6", "0x.8p8",
		"inf", "INF", "infinity", "infd", "Infinitys", "+inf", "0", "0s", "0.0", "0d", "0x0", "00", "-0", "' -0'", "0e5", "99999999999", "99999999999d", "18446744073709551616",
		"x", "''", "' '", "'60 '", "'60 s'", "60S", "60M", "60ms", "60ss", "60sm", "nan", "NAN", "'nan(1)'", "infx", "inff", "-inf", "..", ".", "+", "-", "+-60", "e1", "1e", "1e+", "1es", "0x", "0xg", "0x1p",
		"60_0", "6,0", "0b1", "0o7", "' -1'", "-1", "--1", "1d1", "1dd", "-0.0", "-0s", "-0x0p-5", "-0x.00p5", "-0e-99999", "-1e-320", "-1e10000", "-nan", "1e10000", "0x1p10000", "0x0e", "$(printf '\\t60')", "\"$(printf '60\\033')\"", "'60\\'", "\"6'0\"",
	} {
		add("", "$tool "+d+" sh -c 'exit 7'", "$tool -k "+d+" 60 sh -c 'exit 7'")
	}
	for _, d := range []string{".1", "0.1s", "1e-1", "0x.2", "0x1p-4", "0.001m", "0.00001h", "1e-6d", "1e-9", "+.1", "' .1'"} {
		add("", "$tool "+d+" sleep 60")
	}
	add("a number above 0 that underflows is not 0, as in later coreutils", "$tool 1e-400 sleep 5", "$tool 0x1p-10000 sleep 5")
	add("a number below 0 that underflows is refused, as in coreutils 9.10", "$tool -- -1e-10000 true", "$tool -- -1e-400s true", "$tool -- -0x1p-10000 true", "$tool -k -1e-400 60 true", "$tool --kill-after=-1e-10000d 60 true")
	add("signals that glibc reserves can be sent, as in coreutils 9.10", "$tool -s 32 .01 sleep 60", "$tool -s 33 .01 sleep 60")
	// Signals.
	for _, s := range []string{
		"TERM", "term", "SIGTERM", "sigTerm", "15", "015", "143", "271", "KILL", "9", "137", "INT", "2", "HUP", "QUIT", "USR1", "ALRM", "ABRT", "PIPE", "VTALRM", "RTMIN", "RTMIN+1", "RTMAX", "RTMAX-3", "rtmin+2", "35", "64", "SIG9", "sig015", "SIG64",
		"IOT", "POLL", "IO", "STKFLT", "PWR", "XCPU", "SEGV", "FPE", "TRAP", "SYS", "ILL", "BUS",
		"FOO", "''", "' '", "SIG", "SIGSIGTERM", "-1", "99", "65", "100", "15x", "x15", "1.5", "0x9", "'9 '", "RTMIN+99", "RTMIN-1", "RTMAX+1", "RTMIN+", "RTMIN+x", "99999999999", "+9", "TERM+1", "SIG65", "SIG143", "SIG9x", "SIG+9",
	} {
		add("", "$tool -s "+s+" .01 sleep 60")
	}
	add("", "$tool -s 0 -k .1 .1 sleep 60")
	// Exit statuses.
	add("", "$tool 60 true", "$tool 60 false", "$tool 60 sh -c 'exit 255'", "$tool 60 sh -c 'exit 124'", "$tool 60 sh -c 'exit 125'", "$tool 60 sh -c 'exit 137'",
		"$tool 60 nosuch", "$tool 60 ./nosuch", "$tool 60 /", "$tool 60 .", "$tool 60 ''", "$tool 60 /dev/null", "$tool 60 /dev/null/x", "$tool 60 ./script", "$tool 60 ./plain", "$tool 60 ./noexec", "$tool 60 ./dangling", "PATH=/nosuch $tool 60 true",
		"PATH= $tool 60 ./script", "unset PATH; $tool 60 true", "$tool 60 a\\'b", "$tool 60 \"$(printf 'a\\nb')\"", "$tool -v .1 sleep \"$(printf '60\\n')\"",
		"$tool 60 sh -c 'kill -TERM $$'", "$tool 60 sh -c 'kill -KILL $$'", "$tool 60 sh -c 'kill -INT $$'", "$tool 60 sh -c 'kill -SEGV $$'", "$tool 60 sh -c 'kill -USR1 $$'", "$tool 60 sh -c 'kill -ALRM $$'", "$tool 60 sh -c 'kill -34 $$'")
	// Options.
	for _, o := range []string{
		"--preserve-status", "--preserve", "--p", "--foreground", "--f", "--for", "-v", "--verbose", "--verb", "-s TERM", "-sTERM", "--signal=TERM", "--signal TERM", "--sig TERM", "-s9", "-vs9", "-sKILL -v", "-v -v", "-s TERM -s INT", "-s TERM -s KILL",
		"-k 60", "-k60", "--kill-after=60", "--kill-after 60", "--kill=60", "--k 60", "-k 0", "-k inf", "--preserve-status -s KILL", "--preserve-status -k 60", "--foreground -s KILL", "--foreground --preserve-status", "--foreground -v",
		"-vk60 -sINT", "--preserve-status -s INT", "-v --preserve-status -s USR1",
		"-x", "-1", "-vx", "--nosuch", "--nosuch=1", "--ver", "--verbose=1", "--foreground=1", "--preserve-status=1", "--signal=", "--kill-after=", "--signal=FOO", "-k x", "-k -1", "-k ''", "--", "-v --", "-s TERM --", "---", "--s TERM", "-s FOO -k x", "-k x -s FOO", "-k 60 -s FOO", "-",
	} {
		add("", "$tool "+o+" .01 sleep 60")
	}
	add("", "$tool", "$tool 60", "$tool --", "$tool -- 60", "$tool -v", "$tool -v 60", "$tool -k", "$tool -s", "$tool -k 60", "$tool -s TERM 60", "$tool --signal", "$tool --kill-after", "$tool x", "$tool -s FOO",
		"$tool 60 sh -c 'echo \"$@\"' sh -v --help --foreground -s KILL", "$tool 60 -- echo x", "$tool 60 echo -- x", "$tool -- 60 echo x", "$tool 60 echo --version")
	add(newer, "$tool -f .01 sleep 60", "$tool -p .01 sleep 60", "$tool -fp .01 sleep 60", "$tool -pv .01 sleep 60")
	add(version, "$tool --help", "$tool --version", "$tool --h", "$tool --vers")
	add("the list of options has one of killbox", "$tool --= 60 true")
	add("an option of killbox", "$tool --group-only .01 sleep 60")
	// What the command inherits: descriptors, environment, group, signals.
	add("", "echo in | $tool 60 cat", "echo in | $tool --foreground 60 cat", "$tool 60 sh -c 'echo out; echo err >&2'", "V=1 $tool 60 sh -c 'echo $V'", "[ \"$($tool 60 pwd)\" = \"$(pwd)\" ]", "$tool 60 sh -c 'echo x >&7' 7>file; cat file",
		"$tool 60 sh -c 'echo $0 $#' a b 'c d'", "umask 027; $tool 60 sh -c umask", "$tool 60 sh -c 'ulimit -n'", "ulimit -n 50; $tool 60 sh -c 'ulimit -n'",
		`$tool 60 sh -c '`+group+`'`, `$tool --foreground 60 sh -c '`+group+`'`,
		"$tool 60 grep -E '^Sig(Blk|Ign)' /proc/self/status", "$tool --foreground 60 grep -E '^Sig(Blk|Ign)' /proc/self/status", "trap '' USR1 PIPE; $tool 60 grep -E '^Sig(Blk|Ign)' /proc/self/status",
		"trap '' TTIN TTOU; $tool 60 grep -E '^Sig(Blk|Ign)' /proc/self/status", "trap '' CHLD; $tool 60 grep -E '^Sig(Blk|Ign)' /proc/self/status", "trap '' CHLD; $tool 60 sh -c 'exit 9'", "trap '' TERM; $tool 60 grep -E '^Sig(Blk|Ign)' /proc/self/status", "trap '' TERM; $tool .01 sleep 60",
		"trap '' ALRM; $tool .01 sleep 60", "trap '' ALRM; $tool 60 grep -E '^Sig(Blk|Ign)' /proc/self/status", "blocked ALRM $tool .01 sleep 60", "blocked CHLD $tool .01 sleep 60", "blocked CHLD $tool 60 sh -c 'exit 9'",
		"blocked TERM $tool 60 grep -E '^Sig(Blk|Ign)' /proc/self/status", "blocked USR1 $tool .01 sleep 60", "blocked TERM $tool -k .01 .01 sleep 60")
	add(ignored, "trap '' INT; $tool 60 grep -E '^Sig(Blk|Ign)' /proc/self/status")
	add("ALRM is unblocked for the command, as in coreutils 9.6", "blocked ALRM $tool 60 grep -E '^SigBlk' /proc/self/status")
	add("the Go runtime opens /dev/null for a closed standard descriptor", "$tool 60 cat <&-")
	return comparison{
		tool: "timeout", peer: []string{"/usr/bin/timeout"}, from: "coreutils",
		setup: "ulimit -c 0\nprintf '#!/bin/sh\\nexit 8\\n' >script; chmod +x script; echo 'exit 9' >plain; chmod +x plain; echo >noexec; printf '#!/nosuch\\n' >dangling; chmod +x dangling\n" +
			`blocked() { sig=$1; shift; env --block-signal="$sig" "$@"; }`,
		// Remove a line of the shell, not of timeout: the shell prints it when timeout was killed with its group.
		same:    []rewrite{{regexp.MustCompile(`(?m)^Killed\n`), ""}},
		minimum: 400,
		cases:   append(cases, timeoutTrees(beyond)...),
	}
}

// timeoutTrees returns cases with an actor as the command. The actor reports on descriptor 3 that it is ready; then the
// case sends timeout ALRM, which timeout treats as the deadline, or another signal. beyond is the reason why cases with
// descendants outside of the process group differ.
func timeoutTrees(beyond string) []diffCase {
	// also maps CONT, which timeout does not forward, to a further command that ends timeout.
	also := map[string]string{"CONT": "; kill $pid"}
	// send starts timeout with an actor, waits until the actor is ready, signals timeout, and waits for timeout.
	send := func(sig, options, words string) string {
		stopped := ""
		if strings.Contains(words, "stop") {
			stopped = "; wait_state $root T"
		}
		// A shell reports the fatal signal only if the process ends after wait has begun, so that line is discarded.
		return "start $tool " + options + " 60 actor " + words + stopped + "; kill -" + sig + " $pid" + also[sig] + "; wait $pid 2>/dev/null"
	}
	const fates = `for p in ${kid-} ${far-}; do if living "$p"; then echo lives; else echo gone; fi; done`
	cases := []diffCase{
		{cmd: send("ALRM", "", "")}, {cmd: send("ALRM", "-v", "")}, {cmd: send("ALRM", "", "exit-on=TERM:5")}, {cmd: send("ALRM", "--preserve-status", "exit-on=TERM:5")},
		{cmd: send("ALRM", "-s USR1", "exit-on=USR1:5")}, {cmd: send("ALRM", "-s USR1 --preserve-status", "exit-on=USR1:5")}, {cmd: send("ALRM", "--foreground", "exit-on=TERM:0")},
		{cmd: send("ALRM", "-k .01", "ignore=TERM")}, {cmd: send("ALRM", "-k .01 -v", "ignore=TERM")}, {cmd: send("ALRM", "-k .01 --foreground", "ignore=TERM")}, {cmd: send("ALRM", "-k .01 --preserve-status", "ignore=TERM")},
		{cmd: send("ALRM", "--foreground -k .01 -s WINCH", "")}, {cmd: send("ALRM", "-k .01 -s WINCH", "")}, {cmd: send("ALRM", "--preserve-status -k .01 -s WINCH", "")}, {cmd: send("ALRM", "-vk.01 -sWINCH", "")},
		{cmd: send("ALRM", "-s KILL", "")}, {cmd: send("ALRM", "-s KILL --foreground", "")}, {cmd: send("ALRM", "-k 60", "exit-on=TERM:5")}, {cmd: send("ALRM", "-s INT -k 60 -v", "exit-on=INT:5")},
		{cmd: send("TERM", "", "")}, {cmd: send("TERM", "", "exit-on=TERM:5")}, {cmd: send("TERM", "-v", "exit-on=TERM:5")}, {cmd: send("HUP", "", "")}, {cmd: send("HUP", "", "exit-on=HUP:5")}, {cmd: send("HUP", "-s HUP", "exit-on=HUP:5")},
		{cmd: send("TERM", "--preserve-status", "exit-on=TERM:5")}, {cmd: send("TERM", "--foreground", "exit-on=TERM:5")}, {cmd: send("TERM", "-k .01", "ignore=TERM")}, {cmd: send("TERM", "-k .01 -v", "ignore=TERM")}, {cmd: send("TERM", "-k .01 --foreground", "ignore=TERM")},
		{cmd: send("USR1", "-s USR1", "exit-on=USR1:5")}, {cmd: send("CONT", "", "exit-on=CONT:6 exit-on=TERM:5")},
		{cmd: send("PIPE", "-s PIPE", "exit-on=PIPE:5")},
		// The command is stopped.
		{cmd: send("ALRM", "", "stop")}, {cmd: send("ALRM", "-k .01", "ignore=TERM stop")}, {cmd: send("ALRM", "--foreground -k .1", "stop")}, {cmd: send("TERM", "", "stop exit-on=TERM:5")},
		// Descendants in its group, and outside of it.
		{cmd: send("ALRM", "", "child name=kid end"), after: "until_true dead $kid"}, {cmd: send("ALRM", "-s KILL", "child name=kid end"), after: "until_true dead $kid"},
		{cmd: send("ALRM", "--foreground", "child name=kid end"), after: fates},
		{cmd: send("ALRM", "", "child name=kid setsid end orphan name=far setsid end"), after: fates, differs: beyond},
		{cmd: send("TERM", "", "child name=kid setsid end orphan name=far setsid end"), after: fates, differs: beyond},
		{cmd: send("ALRM", "--foreground", "child name=kid setsid end orphan name=far setsid end"), after: fates},
		{cmd: "start $tool 60 actor child name=kid end exit=6; wait $pid", after: fates}, {cmd: "start $tool 60 actor child name=kid setsid end exit=6; wait $pid", after: fates},
		{cmd: send("ALRM", "", "ignore=TERM child name=kid end default=TERM"), after: fates, differs: beyond},
	}
	for _, sig := range []string{"0", "EXIT", "CONT", "URG"} {
		cmd := `start $tool -v -s ` + sig + ` 60 actor exit-on=TERM:5 2>said; kill -ALRM $pid; until_true grep -q sending said; kill $pid; wait $pid; code=$?; cat said; (exit $code)`
		one := diffCase{cmd: cmd}
		if sig == "0" || sig == "EXIT" {
			one.differs = "signal 0 has no name, as in coreutils 9.10"
		}
		cases = append(cases, one)
	}
	// Nested timeouts. The outer one is sent ALRM and signals the inner one. The inner one sends its command USR1 if it
	// is sent ALRM, and otherwise forwards the signal.
	for _, outer := range []string{"ALRM", "TERM", "INT", "HUP", "QUIT", "USR1", "USR2"} {
		reason := ""
		if outer == "USR2" {
			reason = "every signal that ends a process is forwarded, as in coreutils 9.10"
		}
		for _, options := range []string{"", "--foreground ", "-v "} {
			words := "exit-on=USR1:6"
			if outer != "ALRM" && outer != "USR1" {
				words += " exit-on=" + outer + ":7"
			}
			inner := "$tool --preserve-status " + options + "-s USR1 60 actor "
			cases = append(cases, diffCase{cmd: "start $tool --preserve-status -s " + outer + " 60 " + inner + words + "; kill -ALRM $pid; wait $pid 2>/dev/null", differs: reason})
		}
	}
	for _, sig := range []string{"USR2", "XCPU", "VTALRM"} {
		cases = append(cases, diffCase{cmd: send(sig, "-s "+sig, "exit-on="+sig+":5")})
	}
	return cases
}
