package differential

import (
	"fmt"
	"regexp"
)

// killall5OfSysvinit is the table of killall5. Processes 1000 and 1001 have sessions of their own; 1002 is in the
// session of the tool.
func killall5OfSysvinit() comparison {
	const (
		strict = "after an invalid word no process is signalled"
		order  = "options may be in any order"
		named  = "names of signals and real-time signals are accepted"
	)
	var cases []diffCase
	add := func(reason string, args ...string) {
		for _, a := range args {
			cases = append(cases, diffCase{cmd: "$tool " + a, differs: reason})
		}
	}
	const dead = "; code=$?; until_true dead 1000; until_true dead 1001; (exit $code)"
	for sig := 1; sig < 32; sig++ {
		switch sig {
		case 2, 3, 17, 18, 19, 20, 21, 22, 23, 28:
			add("", fmt.Sprint("-", sig))
		default:
			add("", fmt.Sprint("-", sig, dead))
		}
	}
	add("", dead, "-o 1000", "-9 -o 1000", "-15 -o 1000", "-15 -o 1000 -o 1001", "-15 -o 1000,1001", "-15 -o 1001,1000,1", "-15 -o 9999"+dead, "-15 -o 1"+dead, "-15 -o 1002"+dead, "-o 1000 -o 1001", "-15 -o '1000;1001'", "-15 -o 1000:1001", "-15 -o '1000:1,1001;1'", "-15 -o ' 1000'", "-15 -o +1000",
		"-18 -o 1000", "-15 -o 1000 -15", "-99", "-1000", "-x", "-FOO", "-l", "-o", "-15 -o", "--", "''", "foo", "--15", "-99999999999999999999")
	add(named, "-TERM", "-SIGTERM", "-term", "-32", "-34", "-64", "-0")
	add(order, "-o 1000 -15", "-o1000", "-15 -o1000")
	add(strict, "15", "-15x", "-15 -x", "-15 -FOO", "-15 foo", "-15 -18", "-15 1000", "-15 -o x", "-15 -o 1000,x", "-15 -o ''", "-15 --")
	add("the text of killbox", "--help", "-h", "-V", "--version")
	cases = append(cases,
		diffCase{cmd: "$tool -15", setup: "kill -KILL 1000 1001; wait 1000; wait 1001"},
		diffCase{cmd: "$tool", setup: "kill -KILL 1000 1001; wait 1000; wait 1001"},
		diffCase{cmd: "$tool -15 -o 1000,1001,1002; echo $?; kill -0 1000 1001 1002"},
		diffCase{cmd: "$tool -15" + dead, setup: "kill -STOP 1000; wait_state 1000 T"},
		diffCase{cmd: "$tool -28; in_state 1000 T && echo stopped; echo goes on", setup: "kill -STOP 1000; wait_state 1000 T", differs: "a process that was stopped before stays stopped"},
		diffCase{cmd: "setsid -w $tool -15 -o $$,$(exec sh -c 'echo $PPID')" + dead},
	)
	return comparison{
		tool: "killall5", peer: []string{"/sbin/killall5", "/usr/sbin/killall5"}, from: "sysvinit-utils",
		setup: "ulimit -c 0; take_pid 1000 setsid sleep 300; until_true running 1000 sleep; take_pid 1001 setsid sleep 300; until_true running 1001 sleep; at 1002 sleep 300",
		after: "fate 1000 1001 1002",
		// sysvinit sends its messages to syslog, so standard error is not compared.
		same:    []rewrite{{regexp.MustCompile(`(?s).+`), ""}},
		minimum: 70,
		cases:   cases,
	}
}
