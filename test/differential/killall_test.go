package differential

import (
	"os"
	"regexp"
)

// killallOfPsmisc compares with psmisc 23.6 of Debian, which differs from 23.7 only by the year.
func killallOfPsmisc() comparison {
	const (
		setup = `ln -s "$(command -v sleep)" abcdefghijklmno 2>/dev/null
ln -s "$(command -v sleep)" abcdefghijklmnop 2>/dev/null
ln -s "$(command -v sleep)" abcdefghijklmnoq 2>/dev/null
cp "$(command -v sleep)" copy 2>/dev/null
at 210 sleep 300
at 220 ./abcdefghijklmno 300
at 230 ./abcdefghijklmnop 300
at 240 ./abcdefghijklmnoq 300
at 250 ./copy 300`
		strict   = "a word that begins with a number, time or signal but is none as a whole is an error; psmisc ignores the rest"
		every    = "a process that matches several names counts for each; for psmisc it counts for the first only"
		generous = "signals may be in lower case, and real-time signals have names"
		help     = "--help prints a help"
	)
	// fate is followed by a higher ns_last_pid, so that no shell of a later case gets the PID of a victim.
	table := comparison{
		tool: "killall", peer: []string{"/usr/bin/killall"}, from: "psmisc",
		setup: setup, after: "fate 210 220 230 240 250; echo 1000 >/proc/sys/kernel/ns_last_pid", minimum: 225,
		same: []rewrite{{regexp.MustCompile(`(?s)Usage: .*`), "USAGE\n"}},
	}
	for _, args := range []string{
		"", "sleep", "-v sleep", "nosuch", "-q nosuch", "-v nosuch", "--quiet nosuch", "sleep nosuch", "nosuch sleep", "-q nosuch sleep", "-v sleep copy", "sleep copy nosuch", "''", "-- sleep", "-v -- sleep", "-- -v", "--",
		"-0 sleep", "-0 -v sleep", "-9 sleep", "-KILL sleep", "-SIGKILL -v sleep", "-HUP -v sleep", "-INT -v sleep", "-v -INT sleep", "-VTALRM sleep", "-USR1 sleep", "-ABRT -q nosuch", "-CONT -v sleep", "-ILL nosuch", "-POLL -v nosuch",
		"-s KILL sleep", "-s SIGKILL sleep", "-s 9 -v sleep", "-s INT sleep", "-sKILL sleep", "-s9 sleep", "--signal KILL sleep", "--signal=KILL sleep", "--sig=9 sleep", "-signal KILL sleep", "-si KILL sleep", "-s 0 -v sleep", "sleep -KILL", "sleep -v", "-TERM -KILL sleep", "-v -9 sleep copy",
		"-FOO sleep", "-SIGFOO sleep", "-s FOO sleep", "-s SIGFOO sleep", "-s '' sleep", "-s", "-s RT sleep", "-Ifoo sleep", "-Vfoo sleep", "-TER sleep", "-term sleep", "-hup sleep", "-x sleep", "--foo sleep", "--signal",
		"-l", "--list", "-list", "--list-signals", "-l sleep", "-l foo bar", "-lx", "-lq sleep",
		"-e sleep", "-ev sleep", "-ve sleep", "--exact -v abcdefghijklmno", "-v abcdefghijklmno", "-v abcdefghijklmnop", "-v abcdefghijklmnoq", "-v abcdefghijklmnox", "-v abcdefghijklmn", "-ve abcdefghijklmnop", "-v abcdefghijklmnop abcdefghijklmnoq",
		"-I SLEEP", "-Iv SLEEP", "-I -v SLEEP", "--ignore-case -v Sleep", "SLEEP", "-I -v ABCDEFGHIJKLMNOP", "-v -I sleep",
		"-r 's.*p'", "-rv '^abc'", "-v -r 'sl|co'", "-vr 'o[pq]$'", "-r '['", "-r 'a(' sleep", "-r nosuch", "-re 'cop' -v", "-r -I -v SLEE", "--regexp 'x*nosuch'", "-rv '^sleep$' '^copy$'", "-vr 'abcdefghijklmn[a-z]$'",
		"-u root -v sleep", "-u nosuch sleep", "-u daemon sleep", "-u root nosuch", "-u daemon", "--user root -v copy", "-uroot copy", "-user root copy", "-u",
		"-y 1h -v sleep", "-o 1h -v sleep", "-y 1s nosuch", "-o 1s nosuch", "-y x sleep", "-y 5 sleep", "-y 0s sleep", "-o -1s sleep", "-o '' sleep", "-y 1M -v sleep", "-y 1y sleep", "-y 1w sleep", "-y 1d sleep", "-y 1m nosuch", "-o 2y sleep", "--younger-than 1h -v sleep", "--older-than=1h sleep", "-y 1q sleep", "-y", "-y h sleep",
		"-n 1 -v sleep", "-n $$ -v sleep", "-n 0 -v sleep", "-n x sleep", "--ns 1 sleep", "-ns 1 -v sleep", "-n",
		"-i sleep", "-i sleep </dev/null", "-q -i nosuch", "-w nosuch", "-wq nosuch", "--wait nosuch", "-verb sleep", "-verbo -exact sleep", "-wai nosuch", "-gv nosuch", "-qv nosuch sleep",
		"/nosuch/sleep", "./copy", "-v ./copy", `-v "$PWD/copy"`, `-v "$(command -v sleep)"`, "-v ./abcdefghijklmnop", "./", "-v ./copy /nosuch", "-rv ./copy", "-I -v ./COPY", "-v ./copy nosuch", "-e -v ./copy", "-v copy ./",
		"-- sleep -v", "- -v",
		"-Z", "-Z '[' sleep", "-V sleep -x", "-i",
	} {
		one := diffCase{cmd: "$tool " + args}
		switch args {
		case "-V sleep -x":
			one.differs = "the text of killbox"
		case "-Z":
			one.differs = "an option without its argument, not a signal"
		}
		table.cases = append(table.cases, one)
	}
	for _, args := range []string{"sleep -v", "-v sleep", "sleep -9", "-9 sleep", "sleep -KILL -v", "-v -- sleep", "sleep -- -v", "-v sleep copy -q", "sleep -l", "-l sleep", "-list x", "nosuch --nosuch", "--nosuch nosuch", "'' -q", "-q nosuch -v"} {
		for _, value := range []string{"", "1"} {
			table.cases = append(table.cases, diffCase{cmd: "POSIXLY_CORRECT=" + value + " $tool " + args})
		}
	}
	intended := func(reason string, list ...string) {
		for _, args := range list {
			table.cases = append(table.cases, diffCase{cmd: "$tool " + args, differs: reason})
		}
	}
	intended(strict, "-y 5sx -v sleep", "-n 1x -v sleep", "-15x -v sleep", "-s 9x sleep", "-s 99 sleep", "-99 sleep")
	intended(every, "sleep sleep", "-v ./copy copy", "-r 'sl' 'sle'")
	intended(generous, "-s kill sleep", "-RTMIN sleep", "-s RTMIN+1 sleep")
	intended("IO is another name of POLL", "-IO nosuch")
	intended("psmisc reads the next word as a signal", "-ig -v nosuch")
	intended(help, "--help", "-h")
	intended("the text of killbox", "-V", "--version", "-vers")
	intended("ages may have fractions, as the manual of psmisc has them", "-y 1.5h -v sleep")
	intended("an unreadable namespace is an error; psmisc ignores the condition", "-n 999999 -v sleep")
	if _, err := os.ReadFile("/proc/self/attr/current"); err != nil {
		intended("a process without a security context does not match", "-Z foo sleep")
	}
	intended("a user may be given by number", "-u 0 -v sleep")
	const (
		zombie = `ln -s "$(command -v sleep)" keeper 2>/dev/null
take_pid 260 sh -c 'victim argv0 corpse /bin/true & exec ./keeper 300'; until_true running 260 ./keeper; until_true has_children 1 260
wait_state "$(children 260)" Z`
		group = `ln -s "$(command -v sleep)" lead 2>/dev/null
take_pid 260 setsid sh -c './lead 300 & exec ./lead 300'; until_true running 260 ./lead; until_true has_children 1 260; until_true running "$(children 260)" ./lead`
		script = `[ -p fifo ] || mkfifo fifo
exec 9<>fifo
printf '#!/bin/sh\nread x <fifo\n' | tee script >a-script-of-a-long-name; chmod +x script a-script-of-a-long-name
take_pid 260 ./script; until_true running 260 /bin/sh
take_pid 270 ./a-script-of-a-long-name; until_true running 270 /bin/sh`
		otherUser = `take_pid 260 setpriv --reuid 1234 --regid 1234 --clear-groups -- sleep 300; until_true running 260 sleep`
	)
	more := func(setup, after, reason string, list ...string) {
		for _, cmd := range list {
			table.cases = append(table.cases, diffCase{setup: setup, after: after, cmd: cmd, differs: reason})
		}
	}
	more("", "", "",
		"printf 'y\\n' | $tool -i sleep", "printf 'n\\n' | $tool -i sleep", "printf 'maybe\\nYES\\n' | $tool -iv sleep", "printf '\\n' | $tool -i sleep", "printf ' y\\ny\\n' | $tool -i sleep", "printf 'Nein\\n' | $tool -i sleep",
		"printf 'y' | $tool -i sleep", "yes | $tool -iv -9 sleep copy", "printf 'n\\ny\\n' | $tool -i -HUP sleep copy", "yes | $tool -i -r abc -v", "yes | $tool -iq nosuch", "yes n | $tool -i -q sleep", "yes | $tool --interactive -s 0 sleep",
		"$tool -w sleep copy", "$tool -wv -9 abcdefghijklmno", "$tool -w -q sleep nosuch")
	more(zombie, "fate 260", "", "$tool -v true 2>&1 | sed 's/([0-9]*)/(Z)/'", "$tool corpse", "$tool true", "$tool keeper", "$tool -v -r '^tr.e' 2>&1 | sed 's/([0-9]*)/(Z)/'", "$tool -u root -v keeper")
	more(zombie, "fate 260", "a zombie is gone", "timeout 10 $tool -w true")
	more(group, "fate 260", "", "$tool -g lead", "$tool -gv lead", "$tool -v -g -HUP lead", "$tool --process-group -v -0 lead", "$tool -gr '^le' -v", "$tool -gv lead nosuch", "yes | $tool -giv lead", "yes n | $tool -gi lead", "$tool -gw lead")
	more(group, "fate 260", "psmisc reads the next word as a signal", "$tool -gI -v LEAD")
	more(script, "fate 260 270", "", "$tool -v script", "$tool -v a-script-of-a-long-name", "$tool -v a-script-of-a-l", "$tool -v a-script-of-a-long-namx", "$tool -v ./script", "$tool -ve a-script-of-a-long-name", "$tool -vr 'long-name$'", "$tool -r 'script' -v")
	more(otherUser, "fate 260", "", "$tool -u daemon sleep", "$tool -v -u root sleep", "as_user 1234 $tool sleep 2>&1 | sed 's/[^ ]*tool: //'", "as_user 1234 $tool -v sleep", "as_user 1234 $tool -q copy", "as_user 1234 $tool -u root -v copy", "as_user 1234 $tool -v ./copy")
	more(otherUser, "fate 260", "a user may be given by number", "$tool -v -u 1234 sleep", "$tool -v -u 1234")
	return table
}
