package differential

import (
	"regexp"
	"slices"
)

// pidofs are the tables of pidof, against sysvinit and procps. The drop-in finds the processes that procps finds, and
// has the options of both.
func pidofs() []comparison {
	const setup = `ln -s "$(command -v sleep)" link 2>/dev/null
ln -s "$(command -v sh)" abcdefghijklmnopq 2>/dev/null
[ -e copy ] || cp "$(command -v sleep)" copy
[ -p fifo ] || mkfifo fifo
mkdir -p sub; ln -s ../copy sub/copy 2>/dev/null
exec 9<>fifo
printf '#!/bin/sh\nread x <fifo\n' | tee script >a-script-of-a-long-name; printf '#!/bin/sh -e\nread x <fifo\n' >optioned; chmod +x script a-script-of-a-long-name optioned
at 210 sleep 300
at 220 sleep 300
at 230 ./copy 300
`
	const (
		script  = `take_pid 250 ./script; until_true running 250 /bin/sh`
		scripts = script + `
take_pid 260 sh ./a-script-of-a-long-name; until_true running 260 sh
take_pid 270 ./a-script-of-a-long-name; until_true running 270 /bin/sh`
		optioned = `take_pid 320 ./optioned; until_true running 320 /bin/sh`
		others   = `at 240 ./link 300
take_pid 290 ./abcdefghijklmnopq -c 'read x <fifo; :'; until_true running 290 ./abcdefghijklmnopq
take_pid 300 victim argv0 -login /bin/sleep 300; until_true running 300 -login
# This one is started last, because its threads could take the PID of another.
take_pid 280 victim title "title of it"; until_true running 280 "title of it"; exe=$(readlink /proc/280/exe); exe=${exe##*/}`
		zombie = `take_pid 310 sh -c 'victim argv0 corpse /bin/true & exec sleep 300'; until_true running 310 sleep; until_true has_children 1 310
wait_state "$(children 310)" Z; z=$(children 310)`
		shown = ` | sed "s/\b$z\b/Z/g"`
	)
	with := func(setup, reason string, cases ...string) (list []diffCase) {
		for _, args := range cases {
			list = append(list, diffCase{setup: setup, cmd: "$tool " + args, differs: reason})
		}
		return list
	}
	common := slices.Concat(
		with("", "",
			"", "sleep", "nosuch", "sleep nosuch", "nosuch sleep", "sleep sleep", "copy sleep", "sleep copy", "-s sleep", "-s sleep copy", "-s nosuch", "-q sleep", "-q nosuch", "-q nosuch sleep", "-qs sleep", "-sq sleep copy",
			"-o 210 sleep", "-o 220 sleep", "-o 210,220 sleep", "-o 210 -o 220 sleep", "-o 210 copy sleep", "-s -o 220 sleep", "-o 99999 sleep", "-o %PPID sleep", "-o%PPID,210 sleep", "-o 210,99999 -s sleep",
			"./copy", "copy", "''", "sleep ''", "-x nosuch", "-n sleep", "-c sleep", "-c nosuch", "-cs sleep", "-x sleep", "-- sleep", "-s -- sleep", "sleep -s", "sleep copy -s", "SLEEP", "slee", `"$PWD/nosuch"`, "/", "-nsc sleep copy"),
		with(scripts, "", "script", "-x script", "-x ./script", `-x "$PWD/script"`, "-x a-script-of-a-long-name", "a-script-of-a-long-name", "-x ./a-script-of-a-long-name", "-cx script", "-nx script", "-x a-script-of-a-l", "-xs script copy"),
		with(others, "", "./link", "link", "title", "abcdefghijklmnopq", "./abcdefghijklmnopq", "abcdefghijklmno"),
		with(zombie, "", "corpse", "true", "-x true"),
	)
	common = append(common, with("", "", "-o ' 210' sleep", "-o '+210' sleep", "-o ' 210, +220' sleep")...)
	for _, args := range []string{"sleep -s", "-s sleep", "-s sleep copy", "sleep -- copy", "-- sleep -s", "sleep -q", "sleep -o 220", "-o 220 sleep", "sleep -c copy"} {
		common = append(common, diffCase{cmd: "POSIXLY_CORRECT= $tool " + args})
	}
	sysvinit := slices.Concat(
		with("", "", "-d, sleep", "-d : -s sleep", "-z sleep", `"$(readlink -f "$(command -v sleep)")"`, `"$(command -v sleep)"`, `-n "$(command -v sleep)"`, `"$(readlink -f copy)"`, `"$PWD/sub/copy"`),
		with("", "the separator of sysvinit is one byte", "-d '' sleep copy", "-d ' - ' sleep"),
		with("", "the messages of procps", "-h", "-y sleep", "-d", "-o", "-S, sleep", "--foo", "-o x sleep"),
		with("", "long options, and options of procps", "--single-shot sleep", "-w sleep", "-t sleep", "-m sleep"),
		with("", "the text of killbox", "-V", "--version"),
		with(others, "the executable is compared, too, as by procps", "sleep", `"$exe"`, "-s sleep"),
		with(others, "the dash of a login shell is not part of its name, as for procps", "login"),
		with(zombie, "", "-z true"+shown, "-z corpse", "-sz true"+shown),
		with(optioned, "", "-x optioned", "-x ./optioned", "optioned", "-x -- -e"),
	)
	procps := slices.Concat(
		with("", "",
			"--single-shot sleep", "--sin sleep", "--check-root sleep", "--omit-pid 210 sleep", "--omit-pid=210,220 sleep", "--omit '210;220' sleep copy", "--omit-pid '210;230:220' sleep copy", "--separator , sleep", "--sep=: sleep", "-S, sleep", "-S '' sleep", "-S ' - ' sleep copy", "-S", "--s sleep", "--quiet sleep", "--with-workers sleep", "--lightweight sleep", "--lig copy",
			"-w sleep", "-w kthreadd", "-w grep", "-wq true", "-t sleep", "-ts sleep", "-tw sleep", "-m sleep", "-y sleep", "--foo", "--help=x", "--quiet=x", "-o", "-o x sleep", "-o 1x,210 sleep", "-o '' sleep", "-o , sleep", "-tqw sleep", "-o 210 -t sleep",
			`"$(readlink -f "$(command -v sleep)")"`, `"$(readlink -f "$(command -v grep)")"`, `-w "$(readlink -f copy)"`),
		with(script, "", "-w script", "-wx script", "-x -o 250 script"),
		with(others, "", "sleep", `"$exe"`, "-s sleep", "login", "-w sleep", "-- -login", "-w link", "-w title"),
		with(zombie, "", "-w corpse"+shown, "-w true"+shown),
		with(zombie, "an option of sysvinit", "-z true"+shown),
		with(optioned, "an option in the first line of a script is skipped, as by sysvinit", "-x optioned"),
		with("", "", "-d, sleep", "-d ' - ' sleep copy"),
		with("", "a path stands for its file, as for sysvinit", `"$PWD/sub/copy"`),
		with("", "the text of killbox", "-h", "--help"),
		with("", "-? is an invalid option", "'-?' sleep"),
		with("", "the text of killbox", "-V", "--version"),
	)
	usage := []rewrite{{regexp.MustCompile(`(?s)\nUsage:\n.*`), "USAGE\n"}, {regexp.MustCompile(`!\n\n`), "!\n"}}
	// The higher ns_last_pid keeps the shell of a later case from getting the PID of a victim.
	end := "fate 210 | wc -l; echo 1000 >/proc/sys/kernel/ns_last_pid"
	return []comparison{
		{
			tool: "pidof", name: "pidof-sysvinit", peer: []string{"/bin/pidof"}, from: "sysvinit-utils", setup: setup, after: end, same: usage,
			minimum: 85, cases: slices.Concat(common, sysvinit),
		},
		{
			tool: "pidof", name: "pidof-procps", from: "pidof of procps-ng 4.0.7", unpackaged: true, setup: setup, after: end, same: usage,
			minimum: 115, cases: slices.Concat(common, procps),
		},
	}
}
