package main_test

import (
	"os"
	"regexp"
)

// killallOfPsmisc: 23.7 differs from Debian's 23.6 by nothing but the year.
func killallOfPsmisc() comparison {
	const (
		setup = `ln -s "$(command -v sleep)" abcdefghijklmno 2>/dev/null
ln -s "$(command -v sleep)" abcdefghijklmnop 2>/dev/null
ln -s "$(command -v sleep)" abcdefghijklmnoq 2>/dev/null
cp "$(command -v sleep)" copy 2>/dev/null
at 210 sleep 60
at 220 ./abcdefghijklmno 60
at 230 ./abcdefghijklmnop 60
at 240 ./abcdefghijklmnoq 60
at 250 ./copy 60`
		strict   = "what is no number, time or signal as a whole is an error: psmisc takes what it begins with"
		every    = "everybody whom several names mean is found by each of them; psmisc tells of the first name alone"
		generous = "signals have any case, and real-time ones names"
		help     = "there is a --help"
	)
	table := comparison{
		tool: "killall", peer: []string{"/usr/bin/killall"}, from: "psmisc",
		setup: setup, after: "fate 210 220 230 240 250", minimum: 150,
		same: []rewrite{{regexp.MustCompile(`(?s)Usage: .*`), "USAGE\n"}},
	}
	for _, args := range []string{
		"", "sleep", "-v sleep", "nosuch", "-q nosuch", "-v nosuch", "--quiet nosuch", "sleep nosuch", "nosuch sleep", "-q nosuch sleep", "-v sleep copy", "sleep copy nosuch", "''", "-- sleep", "-v -- sleep", "-- -v", "--",
		"-0 sleep", "-0 -v sleep", "-9 sleep", "-KILL sleep", "-SIGKILL -v sleep", "-HUP -v sleep", "-INT -v sleep", "-v -INT sleep", "-VTALRM sleep", "-USR1 sleep", "-ABRT -q nosuch", "-CONT -v sleep", "-ILL nosuch", "-POLL -v nosuch",
		"-s KILL sleep", "-s SIGKILL sleep", "-s 9 -v sleep", "-s INT sleep", "-sKILL sleep", "-s9 sleep", "--signal KILL sleep", "--signal=KILL sleep", "--sig=9 sleep", "-signal KILL sleep", "-si KILL sleep", "-s 0 -v sleep", "sleep -KILL", "sleep -v", "-TERM -KILL sleep", "-v -9 sleep copy",
		"-FOO sleep", "-SIGFOO sleep", "-s FOO sleep", "-s SIGFOO sleep", "-s '' sleep", "-s", "-s RT sleep", "-Ifoo sleep", "-Vfoo sleep", "-TER sleep", "-term sleep", "-hup sleep", "-x sleep", "--foo sleep", "--signal",
		"-l", "--list", "-list", "--list-signals", "-l sleep", "-l foo bar",
		"-e sleep", "-ev sleep", "-ve sleep", "--exact -v abcdefghijklmno", "-v abcdefghijklmno", "-v abcdefghijklmnop", "-v abcdefghijklmnoq", "-v abcdefghijklmnox", "-v abcdefghijklmn", "-ve abcdefghijklmnop", "-v abcdefghijklmnop abcdefghijklmnoq",
		"-I SLEEP", "-Iv SLEEP", "-I -v SLEEP", "--ignore-case -v Sleep", "SLEEP", "-I -v ABCDEFGHIJKLMNOP", "-v -I sleep",
		"-r 's.*p'", "-rv '^abc'", "-v -r 'sl|co'", "-vr 'o[pq]$'", "-r '['", "-r 'a(' sleep", "-r nosuch", "-re 'cop' -v", "-r -I -v SLEE", "--regexp 'x*nosuch'", "-rv '^sleep$' '^copy$'", "-vr 'abcdefghijklmn[a-z]$'",
		"-u root -v sleep", "-u nosuch sleep", "-u daemon sleep", "-u root nosuch", "-u daemon", "--user root -v copy", "-uroot copy", "-user root copy", "-u",
		"-y 1h -v sleep", "-o 1h -v sleep", "-y 1s nosuch", "-o 1s nosuch", "-y x sleep", "-y 5 sleep", "-y 0s sleep", "-o -1s sleep", "-o '' sleep", "-y 1M -v sleep", "-y 1y sleep", "-y 1w sleep", "-y 1d sleep", "-y 1m nosuch", "-o 2y sleep", "--younger-than 1h -v sleep", "--older-than=1h sleep", "-y 1q sleep", "-y", "-y h sleep",
		"-n 1 -v sleep", "-n $$ -v sleep", "-n 0 -v sleep", "-n x sleep", "--ns 1 sleep", "-ns 1 -v sleep", "-n",
		"-i sleep", "-i sleep </dev/null", "-q -i nosuch", "-w nosuch", "-wq nosuch", "--wait nosuch", "-verb sleep", "-verbo -exact sleep", "-wai nosuch", "-gv nosuch", "-qv nosuch sleep",
		"/nosuch/sleep", "./copy", "-v ./copy", `-v "$PWD/copy"`, `-v "$(command -v sleep)"`, "-v ./abcdefghijklmnop", "./", "-v ./copy /nosuch", "-rv ./copy", "-I -v ./COPY", "-v ./copy nosuch", "-e -v ./copy", "-v copy ./",
		"-Z", "-Z '[' sleep", "-V sleep -x", "-i",
	} {
		one := diffCase{cmd: "$tool " + args}
		switch args {
		case "-V sleep -x":
			one.differs = "the version"
		case "-Z":
			one.differs = "it is no signal"
		}
		table.cases = append(table.cases, one)
	}
	meant := func(reason string, list ...string) {
		for _, args := range list {
			table.cases = append(table.cases, diffCase{cmd: "$tool " + args, differs: reason})
		}
	}
	meant(strict, "-y 5sx -v sleep", "-n 1x -v sleep", "-15x -v sleep", "-s 9x sleep", "-s 99 sleep", "-99 sleep")
	meant(every, "sleep sleep", "-v ./copy copy", "-r 'sl' 'sle'")
	meant(generous, "-s kill sleep", "-RTMIN sleep", "-s RTMIN+1 sleep")
	meant("the other name of POLL", "-IO nosuch")
	meant("psmisc reads the next word as a signal", "-ig -v nosuch")
	meant(help, "--help", "-h")
	meant("the version", "-V", "--version", "-vers")
	meant("ages may have fractions, as the manual of psmisc says", "-y 1.5h -v sleep")
	meant("a namespace that cannot be told means nobody, and not everybody", "-n 999999 -v sleep")
	if _, err := os.ReadFile("/proc/self/attr/current"); err != nil {
		meant("who has no security context has none that could match", "-Z foo sleep")
	}
	meant("users have numbers too", "-u 0 -v sleep")
	return table
}
