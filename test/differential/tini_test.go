package differential

import "regexp"

// tiniOfDebian is the table of tini, against the package of Debian.
func tiniOfDebian() comparison {
	const (
		program = "the text of killbox"
		named   = "every name and number of a signal is accepted"
		left    = "remaining processes are ended"
		long    = "more long options exist"
		own     = "an option of killbox"
		// group prints whether the command leads its process group.
		group = `[ "$(cut -d " " -f 5 /proc/$$/stat)" = $$ ] && echo "a group of its own" || echo another`
	)
	var cases []diffCase
	add := func(reason string, cmds ...string) {
		for _, cmd := range cmds {
			cases = append(cases, diffCase{cmd: cmd, differs: reason})
		}
	}
	pid1 := "unshare --pid --fork --kill-child --mount-proc "
	// Exit statuses, as a plain process, as a subreaper, and as PID 1.
	for _, how := range []string{"$tool ", "$tool -s ", "TINI_SUBREAPER= $tool ", pid1 + "$tool ", pid1 + "$tool -s "} {
		add("", how+"true", how+"false", how+"-- sh -c 'exit 42'", how+"-- sh -c 'exit 255'", how+"-- sh -c 'kill -TERM $$'", how+"-- sh -c 'kill -KILL $$'", how+"-- sh -c 'kill -SEGV $$'", how+"nosuch", how+"/", how+"''")
	}
	for _, words := range []string{
		"/dev/null", "/dev/null/x", "./dangling", "./plain", "./noexec", "./script", "a\\'b", "-- ./script", "-- -- true", "true -- -- x",
		"-- sh -c 'kill -34 $$'", "-- sh -c 'kill -HUP $$'", "-- sh -c 'kill -PIPE $$'", "-- sh -c 'kill -USR1 $$'",
		// Options after the command; -- is dropped.
		"sh -- -c 'exit 3'", "sh -e 3 -- -c 'exit 3'", "sh -v -- -c 'exit 3'", "echo -- -v x", "-- echo a -v b", "echo a b", "echo - a",
		// -e
		"-e 3 -- sh -c 'exit 3'", "-e3 -- sh -c 'exit 3'", "-e 3 -- sh -c 'exit 4'", "-e 3 -e 4 -- sh -c 'exit 4'", "-e 143 -- sh -c 'kill $$'", "-e 0 -- true", "-e 0 -- false", "-e 255 -- sh -c 'exit 255'", "-e 127 nosuch", "-e ' 3' -- sh -c 'exit 3'", "-e +3 -- sh -c 'exit 3'", "-e 03 -- sh -c 'exit 3'", "-e '' false",
		"-e 256 true", "-e -1 true", "-e x true", "-e 3x true", "-e 0x3 true", "-e 99999999999999999999 true", "-e 1,2 true", "-e '3 ' true", "-e ' ' true", "-e ++3 true", "-e + true", "-e", "-e 3", "true -e",
		// -p
		"-p SIGTERM true", "-pSIGKILL true", "-p SIGUSR1 -- sh -c 'exit 5'", "-p SIGFOO true", "-p '' true", "-p 0 true", "-p", "-p SIGTERM", "-p SIGTERM -p SIGFOO true", "-p SIG true", "-p SIGTERM -p SIGKILL true",
		// The rest.
		"-g true", "-gs true", "-w true", "-gwv true", "-v true", "-vv true", "-vvw true", "-v -v true", "-v -- sh -c 'kill $$'", "-v -e 3 -- sh -c 'exit 3'", "-wv -- sh -c 'exit 3'",
		"-x", "-x true", "-vx true", "true -x", "-1 true", "-k true", "-S true", "-V", "-", "-- -", "--", "",
		"-- sh -c 'echo out; echo err >&2'", "-- sh -c 'echo $0 $#' a b 'c d'", "-- sh -c 'umask; ulimit -n; pwd | wc -l'", "-- env -i sh -c 'echo $PATH | wc -c'", "-- grep -E '^Sig(Blk|Ign)' /proc/self/status",
		"-- sh -c '" + group + "'", "-g -- sh -c '" + group + "'",
	} {
		add("", "$tool -s "+words, pid1+"$tool "+words)
	}
	for _, v := range []string{"0", "1", "2", "3", "''", "x", "' 2'", "2x", "02", "+2", "0x2"} {
		add("", "TINI_VERBOSITY="+v+" $tool true", "TINI_VERBOSITY="+v+" $tool -s -- sh -c 'exit 3'", "TINI_VERBOSITY="+v+" $tool -v nosuch >/dev/null", "TINI_VERBOSITY="+v+" $tool -x")
	}
	add("", "echo in | $tool -s cat", "echo in | "+pid1+"$tool cat", "trap '' USR1 TTIN TTOU CHLD; $tool -s -- grep -E '^Sig(Blk|Ign)' /proc/self/status", "trap '' CHLD; $tool -s -- sh -c 'exit 9'",
		"TINI_KILL_PROCESS_GROUP= $tool -s true", "TINI_SUBREAPER=0 $tool true", "PATH= $tool -s ./script", "PATH=/nosuch $tool -s true", "$tool -s -v true >/dev/full")
	for _, words := range []string{"-s sh -c 'exit 3'", "sh -s -- -c 'exit 3'", "-s -- sh -c 'exit 3'", "-s -e 3 -- sh -c 'exit 3'", "-s echo -v x -- y", "-s echo -- -v", "-s -v true -x", "-s true -e", "-x true", "-s - -v", "-s ''  -v"} {
		add("", "POSIXLY_CORRECT=1 $tool "+words, "POSIXLY_CORRECT= $tool "+words)
	}
	add("", "victim subreaper $tool true", "victim subreaper $tool -v true")
	add(long, "$tool --version x", "$tool -s --nosuch true", "$tool -s --vers true", "$tool -s true --help")
	add(program, "$tool --version", "$tool -l", "$tool -lx", "$tool -h", "$tool -hx", "$tool -s -h true")
	add(named, "$tool -s -p TERM true", "$tool -s -p 15 true", "$tool -s -p sigterm true", "$tool -s -p SIGPWR true", "$tool -s -p SIGRTMIN true")
	add("no process was spawned", "$tool -sv nosuch", "$tool -svg -e 127 nosuch")
	add(own, "$tool -s --keep true", "$tool -s --group true", "$tool --subreaper true")
	add("the original prints more messages at this level", "$tool -svvv true", "TINI_VERBOSITY=4 $tool -s true")
	add("a verbosity below 0 is 0", "TINI_VERBOSITY=-1 $tool -s true")

	// Signals, sent to tini after the command has reported that it is ready.
	send := func(sig, options, words string) string {
		return `start $tool -s ` + options + " -- actor " + words + "; kill -" + sig + " $pid; wait $pid 2>/dev/null"
	}
	for _, sig := range []string{"HUP", "TERM", "USR1", "USR2", "ALRM", "CONT", "WINCH", "IO", "VTALRM", "XCPU", "XFSZ", "PWR", "TSTP", "PIPE", "INT", "QUIT"} {
		cases = append(cases, diffCase{cmd: send(sig, "", "exit-on="+sig+":8")}, diffCase{cmd: send(sig, "-g", "exit-on="+sig+":8")})
	}
	for _, sig := range []string{"16", "35", "64"} {
		cases = append(cases, diffCase{cmd: send(sig, "-v", "")})
	}
	for _, sig := range []string{"ABRT", "SEGV"} {
		cases = append(cases, diffCase{cmd: send(sig, "", "exit-on="+sig+":8")})
	}
	const fates = `for p in ${kid-} ${far-}; do if living "$p"; then echo lives; else echo gone; fi; done`
	tree := `actor child name=kid end orphan name=far setsid ignore=TERM end exit=6; wait $pid`
	cases = append(cases,
		diffCase{cmd: "start $tool -s " + tree, after: fates, differs: left},
		diffCase{cmd: "start $tool " + tree, after: fates},
		diffCase{cmd: "TINI_KEEP=1; export TINI_KEEP; start $tool -s " + tree, after: fates},
		diffCase{cmd: send("TERM", "", "exit-on=TERM:8 child name=kid end"), after: fates, differs: left},
		diffCase{cmd: send("TERM", "-g", "exit-on=TERM:8 child name=kid end"), after: "until_true dead $kid"},
		diffCase{cmd: send("KILL", "", ""), after: "living $root && echo lives"},
		diffCase{cmd: send("KILL", "-p SIGUSR1", ""), after: "living $root && echo lives"},
		// tini is PID 1: when tini exits, the kernel ends the remaining processes.
		diffCase{cmd: pid1 + `$tool -- actor child name=kid end orphan name=far setsid end exit=6 3>/dev/null`},
	)
	return comparison{
		tool: "tini", peer: []string{"/usr/bin/tini"}, from: "tini",
		setup: "ulimit -c 0\nprintf '#!/bin/sh\\nexit 8\\n' >script; chmod +x script; echo 'exit 9' >plain; chmod +x plain; echo >noexec; printf '#!/nosuch\\n' >dangling; chmod +x dangling",
		sameOut: []rewrite{
			{regexp.MustCompile(`(tini) \(\d+\)`), "$1 (PID)"},
			{regexp.MustCompile(`(with pid:?) '\d+'`), "$1 PID"},
			{regexp.MustCompile(`\[DEBUG [^\n]* Received SIGCHLD\n`), ""},
		},
		same: []rewrite{
			{regexp.MustCompile(`tini \(\d+\)`), "tini (PID)"},
			{regexp.MustCompile(`\S+ \(tini version [^)]*\)\n`), ""},
			{regexp.MustCompile(`(?m)^Killed\n`), ""}, // printed by the shell
			{regexp.MustCompile(`(?s)Usage: .*`), "USAGE\n"},
		},
		minimum: 40,
		cases:   cases,
	}
}
