package differential

import "regexp"

// usageText replaces texts that differ between versions of procps or have options of killbox.
var usageText = []rewrite{
	{regexp.MustCompile(`(?s)\nUsage:\n.*`), "USAGE\n"},
	// procps 4.0.7 has more specific messages about a pidfile than earlier versions, so the messages are not compared.
	{regexp.MustCompile(`(pidfile not valid\nTry [^\n]*|Unable to open pidfile: [^\n]*|Locking check for pidfile failed[^\n]*)\n`), "PIDFILE\n"},
}

const pgrepReference = "0 is no process and an error; procps reads it as a process state, and finds no process"

const pgrepStrict = "a word that is no number is an error; procps reads it as 0, or up to the first other character"

// comparePgrep is the table of pgrep, pkill and pidwait.
func comparePgrep() []comparison {
	const setup = `ln -s "$(command -v sleep)" a.b-c 2>/dev/null
ln -s "$(command -v sleep)" abcdefghijklmno 2>/dev/null
at 210 sleep 60
at 220 ./a.b-c 60
at 230 sleep 50
at 240 ./abcdefghijklmno 60
me=$(exec sh -c 'echo $PPID')
nobody_else() { for dir in /proc/[0-9]*; do case " 1 $$ $me 210 220 230 240 " in *" ${dir#/proc/} "*) ;; *) return 1 ;; esac; done; }
# Processes that the shell has started and not waited for must not match.
until_true nobody_else
echo 220 >pidfile; printf ' 220 230\n' >two; echo 220x >bad; echo 0 >zero; echo +220 >plus; : >empty`
	// zombie starts a process with a zombie child of the same name.
	const zombie = `ln -s "$(command -v sleep)" keeper 2>/dev/null
take_pid 300 sh -c './keeper 0 & exec ./keeper 60'; until_true running 300 ./keeper; until_true has_children 1 300; z=$(children 300); wait_state $z Z`
	list := func(tool string) comparison {
		return comparison{
			tool: tool, peer: []string{"/usr/bin/" + tool}, from: "procps", setup: setup, after: "fate 210 220 230 240", same: usageText,
		}
	}
	var pgrep []diffCase
	for _, args := range []string{
		"", "sleep", "a b", "sleep sleep", "nosuch", "-x sleep", "-x slee", "slee", "'^sl'", "'p$'", "-l sleep", "-a sleep", "-la sleep", "-al 'a.b'",
		"-c sleep", "-c nosuch", "-d, sleep", "-d '' sleep", "-d ' : ' sleep", "--delimiter=, sleep", "--delim , sleep", "-ld, sleep", "-ad, .b",
		"-f 'sleep 6'", "-f 'sleep 60'", "-fx 'sleep 60'", "-fx sleep", "-fl ' 60'", "-fa ' 60'", "-fac ' 60'", "-i SLEEP", "-ix SLEEP", "-ic SLEEP", "SLEEP",
		"-n sleep", "-o sleep", "-n .", "-o .", "-nl sleep", "-ol sleep", "-n nosuch", "-n -o sleep", "-no sleep", "-nv sleep", "-vo sleep", "-nn sleep", "-vv sleep",
		"-n", "-o", "-v", "-x", "-f", "-c", "-l", "-i", "-A", "-L", "--nslist pid", "--signal TERM", "--signal TERM sleep",
		"-cP 1", "-P 1 sleep", "-P 210", "-cP 1,2", "-P ''", "-P x", "-P 1,x", "-cP +1", "-P -1", "-P 99999999999999999999", "-P 0",
		"-g 0 sleep", "-g x", "-g ''", "-g 1,0 sleep", "-g 210", "-s 0 sleep", "-s x", "-s ''", "-s 210", "-g +0 sleep",
		"-u root sleep", "-u 0 sleep", "-u 1 sleep", "-u nosuch", "-u ''", "-u root,nobody sleep", "-U root sleep", "-U nosuch", "-U 12345 sleep",
		"-G root sleep", "-G 0 sleep", "-G nosuch", "-G ''", "-G 12345 sleep", "-u 0 -U 0 -G 0 sleep",
		"-t '?' sleep", "-t pts/77", "-t ''", "-t -", "-t '?,pts/0' sleep",
		"-r S sleep", "-r Z sleep", "-r '' sleep", "-r S,R sleep", "-r s sleep", "-r DRTZ sleep", "-r S -c sleep",
		"-O 0 sleep", "-O '' sleep", "-O 9999999 sleep", "-O 0.5 sleep", "-O 9999999.5 sleep", "-O .5 sleep", "-O 0. sleep", "-O ' 0' sleep", "-O +0.5 sleep", "-O -1.5 sleep", "--older 0.9 sleep", "-F pidfile", "-F pidfile -l", "-F two", "-F bad", "-F plus", "-F plus -l", "-F empty", "-F nosuch", "-F /", "-F ''", "-F pidfile sleep", "-F pidfile b-c",
		"-L -F pidfile", "-L sleep", "-LF pidfile b-c", "--pidfile pidfile", "--pidf pidfile", "--logpidfile",
		"-vc -F pidfile -x sleep", "-vcx sleep -P 1", "-A sleep", "-Ac sleep", "-A -P 1 sleep",
		"--cgroup ''", "--cgroup nosuch", "--ns $$ sleep", "--ns 1 --nslist pid sleep", "--ns 1 --nslist pid,net,ipc,mnt,uts,user sleep", "--nslist '' sleep", "--ns 1 --nslist net nosuch",
		"-z", "-e sleep", "-q 1 sleep", "-d", "-P", "--foo", "--exact=3 x", "--delim", "--exa sleep", "--li sleep", "--old 1 x", "--n x", "--i x", "--echo sleep", "--queue 1 sleep",
		"-TERM sleep", "-9 sleep", "-- sleep", "-- -x", "- ", "-- -x sleep", "sleep -l", "sleep -x -l", "sleep -- -l",
		"abcdefghijklmno", "-x abcdefghijklmno", "abcdefghijklmnop", "-x abcdefghijklmnop", "'abcdefghijklmno|x'", "-f abcdefghijklmnop", "-f abcdefghijklmno", "-c abcdefghijklmnop", "-vcx abcdefghijklmnop -F pidfile",
		"'a['", "'*'", "'('", "')'", "'sleep)'", "'a{1,'", "-c ''", "-x ''", "'+a'", "-c 'e**'", "'e*+p'", "'e*?p'", "'a[b'", `'a\'`, `'a\.b'`, `'a\-b'`, "'[[:foo:]]'", "'[[:alpha:]]{5}'", "-x '[[:alpha:]]{5}'", "'[b-a]'", "'e{2,1}'",
		"'e{2}'", "'e{3}'", "-x 'sle{2}p'", "-x 'sle{1,}p'", "-x 'sle{,2}p'", "-x 'sle{,}p'", "'e{x}'", "'{1}'", "'^*'", "'^*s'", "'a|*b'", "-c 'sl||x'", "'(*a)'", "-c '()'", "'a()b'", "'e{99999}'", "'e{1'", "'e{1x}'", "'e{1x'", "'e{'", "'[]]'", "-c '[^]]'", "'[a'", "'[[:alpha:'", "'[[.foo.]]'", "'[[.-.]]'", "'[[=a=]]'",
		`'\'`, "'(a|b)'", "'(sl|ab)(e|c)'", "'s.*p'", "'s(l)e'", "'[a-c].b'", `'[\.]b'`, `'[.]b'`, "'[a-]b'", "'b-c'", "'[-]'", "'[+--]'", `'\bsleep\b'`, `'\<sleep\>'`, `'\w+-\w'`, "'a$b'", "'a^b'", "-c 'a|b|$'", `'\(sl'`, `'s\{1'`, "'a.b-c$'", "'S'", "-i '[A-C][.]B'", "'[^a-z]'",
		"--euid 0 sleep", "--uid 0 sleep", "--oldest sleep", "--pgroup 0 sleep", "--runstates S sleep", "--terminal '?' sleep", "--list-full sleep", "--ignore-ancestors sleep",
		"--euid nosuch", "--uid nosuch", "--pgroup x", "--terminal ''",
		"-w -x sleep", "-wl -x sleep", "-wc -x sleep", "--lightweight -x sleep",
	} {
		pgrep = append(pgrep, diffCase{cmd: "$tool " + args})
	}
	intended := func(reason string, cmds ...string) (list []diffCase) {
		for _, cmd := range cmds {
			list = append(list, diffCase{cmd: "$tool " + cmd, differs: reason})
		}
		return list
	}
	pgrep = append(pgrep, intended(pgrepStrict, "-O x sleep", "-O 5m sleep", "-O 1e9 sleep", "-O 1.x sleep", "--ns x sleep")...)
	pgrep = append(pgrep, intended("an empty member of a list is ignored, as in procps 4.0.7; before, it was the number 0", "-cP 1,", "-P ,", "-u 1, sleep")...)
	pgrep = append(pgrep, intended("a pattern with alternatives does not get the message about long names, as in procps 4.0.4", "'xxxxxxxxxxxxxxxxx|y'")...)
	pgrep = append(pgrep, intended("options of procps 4.0.7", "-p 210", "--quiet sleep", "-p 1 -F pidfile", "-F - <pidfile")...)
	pgrep = append(pgrep, intended("an unknown type of namespace is reported", "--ns 1 --nslist foo sleep")...)
	pgrep = append(pgrep, intended(pgrepReference, "--ns 0 sleep", "--ns '' sleep")...)
	pgrep = append(pgrep, intended("--ns of a process that does not exist is an error, as in procps 4.0.6", "--ns 999999 sleep")...)
	pgrep = append(pgrep, intended("options of procps 4.0.6", "--e sleep", "-H sleep", "--require-handler sleep", "-aQ sleep", "--env KILLBOX_NONE sleep")...)
	pgrep = append(pgrep, intended("an unknown signal is an error", "--signal FOO sleep")...)
	pgrep = append(pgrep, intended("-Q quotes names, a pidfile may contain 0, and -H is a condition, as in procps 4.0.6", "-lQ sleep", "-F zero", "-H")...)
	for _, args := range []string{"sleep -l", "-l sleep", "sleep -l -x", "-x -l slee", "sleep --", "-- sleep", "-l -- sleep", "- -l", "sleep -c -P 1", "-P 1 -c", "'' -c", "sleep --nosuch", "--nosuch sleep", "sleep -z", "-h -l"} {
		for _, value := range []string{"", "1"} {
			one := diffCase{cmd: "POSIXLY_CORRECT=" + value + " $tool " + args}
			if args == "-h -l" {
				one.differs = "the help lists options of procps 4.0.6"
			}
			pgrep = append(pgrep, one)
		}
	}
	pgrep = append(pgrep, intended("a terminal may be given with /dev/", "-t /dev/?")...)
	pgrep = append(pgrep, intended("back references are refused, because matching them takes unlimited time", `'(e)\1'`)...)
	pgrep = append(pgrep, intended("the text of killbox", "-V", "--version")...)
	pgrep = append(pgrep, intended("the help lists options of procps 4.0.6", "-h", "--help")...)
	pgrep = append(pgrep,
		diffCase{cmd: "flock -s pidfile $tool -LF pidfile"},
		diffCase{cmd: "flock -x pidfile $tool -LF pidfile"},
		diffCase{setup: "victim title 'a	b' & pid=$!; until_true running $pid 'a	b'", differs: "control characters are printed as question marks in every locale",
			cmd: "$tool -l 'a.b$'; $tool -x 'a[?]b' -c; $tool -fa 'a.b$' | wc -l", after: "fate $pid | wc -l"},
		diffCase{setup: zombie,
			cmd: "$tool -cP 300; $tool -lP 300 | cut -d ' ' -f 2-; $tool -aP 300 | cut -d ' ' -f 2-; $tool -cfP 300 defunct; $tool -cr Z; $tool -c keeper", after: "fate 300"},
	)
	pgrepTable := list("pgrep")
	pgrepTable.cases, pgrepTable.minimum = pgrep, 260

	pkillTable := list("pkill")
	for _, args := range []string{
		"", "sleep", "nosuch", "-9 -x sleep", "-KILL sleep", "-SIGHUP sleep", "-hup sleep", "-int sleep", "-int -e sleep", "-cont -e sleep", "-chld -e sleep", "-cld -e sleep", "-sighup sleep", "--signal USR1 sleep", "--signal=10 sleep", "--signal sigusr1 sleep", "--sig INT sleep",
		"-0 sleep", "-0 -e sleep", "-0e sleep", "-e sleep", "-ce sleep", "-c sleep", "-c nosuch", "-c -0 sleep", "-e -TERM sleep", "sleep -TERM", "sleep -HUP -e", "-f 'sleep 6'", "-fx 'sleep 50' -e",
		"-n sleep -e", "-o sleep -e", "-ne -HUP sleep", "-v sleep", "-0 -v sleep", "-l sleep", "-a sleep", "-w sleep", "-d, sleep", "--list-name -x sleep", "--lightweight -x sleep", "--inverse --newest sleep",
		"-HUP -s TERM sleep", "-s FOO sleep", "-s 0 sleep", "-s", "-99 sleep", "-FOO sleep", "-TER sleep", "-F pidfile", "-KILL -F two", "-F nosuch", "-L sleep", "-- sleep", "-0 -- sleep",
		"-RTMIN sleep", "-RTMIN+1 sleep", "-34 sleep", "-SIGRTMIN+2 sleep", "-rtmin sleep", "-q 5 sleep", "-q 5 -USR1 sleep", "--queue 7 -e sleep", "-q", "-q '' -e sleep", "-P 1 sleep", "-u nosuch", "-u root -x sleep", "-z", "a b",
		"-e -x 'slee'", "-ei 'SLEEP'", "'a['", "abcdefghijklmnop", "-e abcdefghijklmno", "-g x", "-G nosuch", "-t ''", "-e -t '?' sleep", "-e -r S sleep", "-r Z sleep", "-A -e sleep",
	} {
		pkillTable.cases = append(pkillTable.cases, diffCase{cmd: "$tool " + args})
	}
	pkillTable.cases = append(pkillTable.cases, intended("two signals are an error; procps reads the second as options", "-TERM -HUP sleep", "-9 -15 sleep")...)
	pkillTable.cases = append(pkillTable.cases, intended("the argument of an option is no signal", "-u -1 sleep", "-P -1 sleep")...)
	pkillTable.cases = append(pkillTable.cases, intended("an unknown signal is an error before any process is signalled", "--signal FOO sleep", "--signal 99 sleep", "--signal '' sleep")...)
	pkillTable.cases = append(pkillTable.cases, intended("a word after -- is no signal", "-- -TERM")...)
	pkillTable.cases = append(pkillTable.cases, intended("without a pattern procps prints an empty name", "-F pidfile -e")...)
	pkillTable.cases = append(pkillTable.cases, intended(pgrepStrict, "-q x sleep", "-O x sleep")...)
	pkillTable.cases = append(pkillTable.cases, intended(pgrepReference, "--ns 0 sleep", "--ns '' sleep")...)
	pkillTable.cases = append(pkillTable.cases, intended("options of procps 4.0.6", "-H sleep", "-9 -m sleep", "--mrelease sleep", "--env KILLBOX_NONE sleep")...)
	pkillTable.cases = append(pkillTable.cases,
		diffCase{cmd: "as_user 1234 $tool -e sleep"},
		diffCase{setup: "take_pid 300 setpriv --reuid 1234 --regid 1234 --clear-groups -- sleep 70; until_true running 300 sleep", cmd: "as_user 1234 $tool -e sleep", after: "fate 300"},
	)
	for _, args := range []string{"sleep -e", "-e sleep", "sleep -9", "-9 sleep", "-9 -x slee", "sleep -KILL -e", "-e sleep -HUP", "-e -- sleep", "sleep --signal=9", "--signal=9 -e sleep", "sleep -z"} {
		pkillTable.cases = append(pkillTable.cases, diffCase{cmd: "POSIXLY_CORRECT=1 $tool " + args})
	}
	pkillTable.minimum = 100

	pidwaitTable := list("pidwait")
	for _, args := range []string{
		"", "nosuch", "-e nosuch", "-c nosuch", "-l sleep", "-v sleep", "-d, sleep", "-w sleep", "-a sleep", "-q 1 sleep", "a b", "-z", "-P 1 nosuch", "-u nosuch", "-F nosuch", "-F bad", "-L sleep", "'a['", "abcdefghijklmnop",
		"-nv sleep", "-n -o sleep", "-TERM sleep", "--foo", "-x slee", "-f 'nosuch at all'", "-r Z sleep", "-O 99999 sleep", "-g x", "-s x", "-t ''", "-G nosuch", "--cgroup ''", "-A nosuch", "-i NOSUCH", "--echo nosuch", "--count nosuch",
	} {
		pidwaitTable.cases = append(pidwaitTable.cases, diffCase{cmd: "$tool " + args})
	}
	pidwaitTable.cases = append(pidwaitTable.cases, diffCase{
		setup: zombie,
		cmd:   "$tool -P 300; echo $?; $tool -cP 300; $tool -nP 300 -e keeper | sed 's/pid .*//'; $tool -c -o -r Z .",
		after: "fate 300",
	})
	pidwaitTable.cases = append(pidwaitTable.cases, intended("an option of killbox", "--timeout 0 sleep", "--timeout x sleep")...)
	pidwaitTable.minimum = 38
	return []comparison{pgrepTable, pkillTable, pidwaitTable}
}
