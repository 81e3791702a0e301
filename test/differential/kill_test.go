package differential

import "regexp"

const (
	killWords    = "procps prints its usage or another message; killbox has that of util-linux"
	killNewer    = "procps lacks the option"
	killNumber   = "util-linux prints the name again; killbox prints its number, as procps, coreutils, toybox and busybox do"
	killList     = "the lists are those of util-linux, with the names of real-time signals of coreutils"
	killStatuses = "procps accepts neither exit statuses nor real-time signals"
	killGroups   = "procps 4.0.2 reads only the first digit of a group, and signals another group or every process"
	killNoGroups = "with -r util-linux ignores a group, with --timeout it takes the number for a PID; killbox reports an error"
	killExit     = "if only some were signalled, procps exits with 1 or 0, util-linux with 64"
)

// killLeader starts $victim, the leader of a process group.
const killLeader = "start setsid sh -c 'echo victim=$$ >&3; exec 3>&-; sleep 60; :'; set +u"

// killGroup begins a command line that starts process group $! in a PID namespace of its own. procps 4.0.2 reads only
// the first digit of a group: in the namespace, it cannot signal unrelated processes. Setting ns_last_pid makes the
// group 123 in every run, however many threads PID 1 has, so that the first digit is always the same.
const killGroup = `ns sh -c 'echo 122 >/proc/sys/kernel/ns_last_pid; setsid sleep 60 & until [ "$(cut -d " " -f 6 /proc/$!/stat)" = $! ]; do :; done;`

const killSetup = "at 1000 sleep 300; at 1001 sleep 300"

// killOfProcps compares with procps. The messages of the drop-in are those of util-linux, so those of procps are
// rewritten.
func killOfProcps() comparison {
	return comparison{
		tool: "kill", name: "kill-procps", peer: []string{"/usr/bin/kill", "/bin/kill"}, from: "procps",
		setup: killSetup, after: "fate 1000 1001",
		same: []rewrite{
			{regexp.MustCompile(`kill: \((-?\d+)\): (.*)`), "kill: sending signal to $1 failed: $2"},
		},
		minimum: 60,
		cases: append(killCommon(), []diffCase{
			{cmd: `$tool -lHUP`}, {cmd: `$tool -l9`}, {cmd: `$tool -lsigterm`}, {cmd: `$tool --list=9`},
			{cmd: `$tool -sKILL 1000`}, {cmd: `$tool -s9 1000`}, {cmd: `$tool --signal=KILL 1000 1001`},
			{cmd: `$tool -0 99999999999`, differs: "util-linux takes a number above all PIDs for a name"},
			{cmd: `$tool -l TERM`}, {cmd: `$tool -l HUP`}, {cmd: `$tool -l sigkill`}, {cmd: `$tool --list=HUP`}, {cmd: `$tool --list USR1`},
			{cmd: `$tool -l -- TERM`, differs: "as coreutils; procps ignores the operand"},
			{cmd: `$tool -l 143`, differs: killStatuses}, {cmd: `$tool -l 37`, differs: killStatuses}, {cmd: `$tool -l RTMIN+3`, differs: killStatuses},
			{cmd: `$tool -l 9 15`, differs: "procps ignores all operands but the first"},
			{cmd: `$tool -l`, differs: killList}, {cmd: `$tool -L`, differs: killList}, {cmd: `$tool -l FOO`, differs: killWords},
			{cmd: `$tool`, differs: killWords}, {cmd: `$tool --`, differs: killWords}, {cmd: `$tool -9`, differs: killWords}, {cmd: `$tool -FOO 1000`, differs: killWords},
			{cmd: `$tool -s FOO 1000`, differs: killWords}, {cmd: `$tool -s`, differs: killWords}, {cmd: `$tool -65 1000`, differs: killWords},
			{cmd: `$tool -s 65 1000`, differs: killWords}, {cmd: `$tool nosuch`, differs: killWords}, {cmd: `$tool 12x`, differs: killWords},
			{cmd: `$tool -p 1000`, differs: killNewer}, {cmd: `$tool -n 9 1000`, differs: killNewer}, {cmd: `$tool --verbose 1000`, differs: killNewer},
			{cmd: `$tool -RTMIN 1000`},
			{cmd: `ns sh -c '$tool -9 -9999'`, differs: killGroups}, {cmd: killGroup + ` $tool -9 -$!; echo $?; wait $!; echo $?'`, differs: killGroups},
			{cmd: killGroup + ` $tool -s TERM -$! && wait $!; echo $?'`, differs: killGroups},
			{cmd: `$tool 1000 9999`, differs: killExit}, {cmd: `$tool 9999 1000 9998`, differs: killExit},
		}...),
	}
}

// killOfUtilLinux compares with kill of util-linux, which no package of Debian contains.
func killOfUtilLinux() comparison {
	const version = "the text of killbox"
	return comparison{
		tool: "kill", name: "kill-util-linux", from: "kill of util-linux 2.42", unpackaged: true,
		setup: killSetup, after: "fate 1000 1001",
		minimum: 100,
		cases: append(killCommon(), []diffCase{
			{cmd: `$tool`}, {cmd: `$tool --`}, {cmd: `$tool -9`}, {cmd: `$tool -1`}, {cmd: `$tool -FOO 1000`}, {cmd: `$tool -s FOO 1000`},
			{cmd: `$tool -s`}, {cmd: `$tool --signal`}, {cmd: `$tool -65 1000`}, {cmd: `$tool -s 65 1000`}, {cmd: `$tool -999 1000`},
			{cmd: `$tool nosuch`}, {cmd: `$tool ''`}, {cmd: `$tool 12x`}, {cmd: `$tool 99999999999`}, {cmd: `$tool 1000 nosuch`}, {cmd: `$tool a b c`},
			{cmd: `$tool 1000 9999`}, {cmd: `$tool 9999 1000 9998`}, {cmd: `$tool 9999 9998`},
			{cmd: `$tool -l TERM`, differs: killNumber}, {cmd: `$tool -l sigterm`, differs: killNumber}, {cmd: `$tool -l -- TERM`, differs: killNumber}, {cmd: `$tool -l 271`, differs: "as coreutils"}, {cmd: `$tool -l 143`}, {cmd: `$tool -l 137`}, {cmd: `$tool -l 0`}, {cmd: `$tool -l 33`}, {cmd: `$tool -l 32`},
			{cmd: `$tool -l 65`}, {cmd: `$tool -l 193`}, {cmd: `$tool -l 255`}, {cmd: `$tool -l 129`}, {cmd: `$tool -l FOO`}, {cmd: `$tool -l 9x`}, {cmd: `$tool -l -9`},
			{cmd: `$tool -l 0x4003`}, {cmd: `$tool -l 0xg`}, {cmd: `$tool -l=0x8`}, {cmd: `$tool --list=15`}, {cmd: `$tool -l=HUP`, differs: killNumber}, {cmd: `$tool -l 1000`},
			{cmd: `$tool -l`, differs: "real-time signals are listed, as by coreutils"},
			{cmd: `$tool -l 37`, differs: "as coreutils"}, {cmd: `$tool -l RTMIN+3`, differs: "as coreutils"},
			{cmd: `$tool -l 9 15`, differs: "as coreutils"}, {cmd: `$tool -lHUP`, differs: "as procps"}, {cmd: `$tool -l9`, differs: "as procps"},
			{cmd: `$tool -L`}, {cmd: `$tool --table`}, {cmd: `$tool -RT3 1000`}, {cmd: `$tool -s RTMIN+3 1000`}, {cmd: `$tool -s RTMAX-1 1000`}, {cmd: `$tool -s RTMIN+99 1000`},
			{cmd: `$tool -RTMIN 1000`, differs: "util-linux accepts RTMIN only with a +"},
			{cmd: `$tool -p 1000`}, {cmd: `$tool -p sleep`}, {cmd: `$tool -p -a sleep`}, {cmd: `$tool -p 1000 sleep 1001`}, {cmd: `$tool -p nosuch`}, {cmd: `$tool -p -9 1000`},
			{cmd: `$tool -9 -p 1000`}, {cmd: `$tool -p -q 1 1000`}, {cmd: `$tool -q 1 -p 1000`},
			{cmd: `$tool --verbose 1000`}, {cmd: `$tool --verbose -9 1000 1001`}, {cmd: `$tool --verbose sleep`}, {cmd: `$tool --verbose -0 9999`},
			{cmd: `$tool sleep`}, {cmd: `$tool -KILL sleep`}, {cmd: `$tool -a -9 sleep`}, {cmd: `$tool sleep 9999`},
			{cmd: `$tool -q`}, {cmd: `$tool -q x 1000`}, {cmd: `$tool -q 7 -USR1 1000`}, {cmd: `$tool --queue 7 9999`}, {cmd: `$tool -q 99999999999 1000`}, {cmd: `$tool -q ' 7' -USR1 1000`},
			{cmd: `$tool -d 0`}, {cmd: `$tool -d -1`}, {cmd: `$tool -d x`}, {cmd: `$tool -d 99999999999`}, {cmd: `$tool --timeout 99999999999 KILL 1000`}, {cmd: `$tool --timeout x KILL 1000`},
			{cmd: `$tool -r 1000`}, {cmd: `$tool -r --verbose 1000 1001`}, {cmd: `$tool -r -9 1000`},
			{cmd: `$tool -d 9999`}, {cmd: `$tool -d 2147483647`}, {cmd: `$tool -0 2147483647`}, {cmd: `$tool -d`}, {cmd: `$tool -d 1000 1001`}, {cmd: `$tool -d 1000`}, {cmd: `$tool --show-process-state=1000`}, {cmd: `$tool -d=1000`},
			{cmd: `$tool -d $victim`, setup: `[ -p fifo ] || mkfifo fifo; start sh -c 'trap : USR1; trap "" HUP; echo victim=$$ >&3; exec 3>&-; read x <fifo'`},
			{cmd: `$tool --timeout 30000 KILL 1000`}, {cmd: `$tool --timeout 30000 KILL --timeout 5 9 1000`}, {cmd: `$tool --timeout`}, {cmd: `$tool --timeout x KILL 1000`},
			{cmd: `$tool --timeout 5 FOO 1000`},
			{cmd: `$tool --timeout 50 CONT -CONT 1000`, differs: "a process that remains is reported"},
			{cmd: `$tool --timeout 5 KILL`},
			{cmd: `$tool -9 -9999`}, {cmd: `$tool -9 -$victim; c=$?; fate $victim | sed 's/^[0-9]*//'; (exit $c)`, setup: killLeader},
			{cmd: `$tool -s TERM -$victim; c=$?; fate $victim | sed 's/^[0-9]*//'; (exit $c)`, setup: killLeader},
			{cmd: `$tool --timeout 5 KILL -9 -- -9999`, differs: killNoGroups}, {cmd: `$tool -r -9 -- -9999 1000`, differs: killNoGroups},
			{cmd: `ns sh -c 'sleep 300 & exec $tool -9 -1'`}, {cmd: `ns sh -c 'sleep 300 & exec $tool -1 -1'`},
			{cmd: `$tool -9 ' 1000'`}, {cmd: `$tool -9 +1000`}, {cmd: `$tool -9 '1000 '`}, {cmd: `$tool -9 '+ 1000'`}, {cmd: `$tool -p -r 1000`},
			{cmd: `sh -c 'exec $tool -USR2 $$'`}, {cmd: `sh -c 'exec $tool -QUIT $$'`}, {cmd: `sh -c 'exec $tool -ALRM 9999 $$ 9998'`}, {cmd: `sh -c 'exec $tool -q 1 -USR1 $$'`},
			{cmd: `sh -c 'trap "" USR1; exec $tool -USR1 $$'`}, {cmd: `sh -c 'exec $tool -WINCH $$'`}, {cmd: `setsid -w $tool -QUIT 0`}, {cmd: `setsid -w $tool -SEGV 0`},
			{cmd: `$tool -V`, differs: version}, {cmd: `$tool -h`, differs: version},
			{cmd: `setsid -w sh -c '$tool -USR1 0; echo not there'`}, {cmd: `setsid -w $tool -USR1 0`}, {cmd: `setsid -w $tool -ALRM 0`},
		}...),
	}
}

// killCommon are command lines that have the same result with every kill.
func killCommon() []diffCase {
	return []diffCase{
		{cmd: `$tool 1000`}, {cmd: `$tool 1000 1001`}, {cmd: `$tool -9 1000`}, {cmd: `$tool -KILL 1000`}, {cmd: `$tool -SIGKILL 1001`}, {cmd: `$tool -kill 1000`},
		{cmd: `$tool -s KILL 1000`}, {cmd: `$tool -s 9 1000`}, {cmd: `$tool -s SIGKILL 1000`}, {cmd: `$tool -s kill 1000`}, {cmd: `$tool --signal KILL 1000`},
		{cmd: `$tool -USR1 1000 1001`}, {cmd: `$tool -1 1000`}, {cmd: `$tool -HUP 1000`}, {cmd: `$tool -0 1000`}, {cmd: `$tool -s 0 1000 1001`}, {cmd: `$tool -CONT 1000`}, {cmd: `$tool -WINCH 1000`},
		{cmd: `$tool -0 9999`}, {cmd: `$tool 9999`}, {cmd: `$tool -9 9999`}, {cmd: `$tool -33 1000`}, {cmd: `$tool -34 1000`}, {cmd: `$tool -64 1000`}, {cmd: `$tool -STOP 1000`},
		{cmd: `$tool -l 9`}, {cmd: `$tool -l 1`}, {cmd: `$tool -l 15`}, {cmd: `$tool -l 11`},
		{cmd: `$tool -9 -- 1000`}, {cmd: `$tool -- 1000`},
		{cmd: `$tool -9 -- -9999`},

		{cmd: `$tool -9 -- -$victim; c=$?; fate $victim | sed 's/^[0-9]*//'; (exit $c)`, setup: killLeader},
		{cmd: `ns sh -c 'sleep 300 & $tool -9 -- -1'`},
		{cmd: `setsid -w $tool -TERM 0`}, {cmd: `setsid -w $tool -0 0`}, {cmd: `setsid -w $tool -9 0`}, {cmd: `setsid -w $tool -HUP 0`},
	}
}

func waitpidOfUtilLinux() comparison {
	const zombie = "actor keep child name=z exit=3 end"
	return comparison{
		tool: "waitpid", from: "waitpid of util-linux 2.42", unpackaged: true,
		setup: "at 1000 sleep 300; at 1001 sleep 300",
		cases: []diffCase{
			{cmd: `$tool`}, {cmd: `$tool 9999`}, {cmd: `$tool -v 9999`}, {cmd: `$tool -e 9999`}, {cmd: `$tool -ev 9999`}, {cmd: `$tool x`}, {cmd: `$tool 5x`}, {cmd: `$tool 0`}, {cmd: `$tool -e -- -5`}, {cmd: `$tool -t 0.05 1000`},
			{cmd: `$tool -v -t 0.05 1000`}, {cmd: `$tool -v --timeout=0.05 1000 1001`}, {cmd: `$tool -c 3 1000 1001`}, {cmd: `$tool -c 0 1000`},
			{cmd: `$tool -c x 1000`}, {cmd: `$tool -t x 1000`}, {cmd: `$tool -t '' 1000`}, {cmd: `$tool -c 1 -e 1000`}, {cmd: `$tool -e -c 1 1000`}, {cmd: `$tool --nope 1000`}, {cmd: `$tool -z 1000`}, {cmd: `$tool -c`}, {cmd: `$tool --time`},
			{cmd: `$tool --verb --ti 0.05 1000`}, {cmd: `$tool -vt0.05 1000`}, {cmd: `$tool -vt=0.05 1000`}, {cmd: `$tool --ver 1000`}, {cmd: `$tool --exited=1 1000`}, {cmd: `$tool -t 0.05 1000 -v`}, {cmd: `$tool -t 0.05 ' 1000' +1001 -c 1`},
			{cmd: `o=$($tool -v $z); c=$?; echo "$o" | sed "s/$z/Z/g"; (exit $c)`, setup: zombie}, {cmd: `$tool $z`, setup: zombie},
			{cmd: `o=$($tool -v -c 1 $z 1000); c=$?; echo "$o" | sed "s/$z/Z/g"; (exit $c)`, setup: zombie}, {cmd: `$tool -c 2 -t 0.05 $z 1000`, setup: zombie},
			{cmd: `$tool -c 2 $z $z`, setup: zombie}, {cmd: `$tool -e 9999 $z`, setup: zombie}, {cmd: `$tool -t 0 $z`, setup: zombie}, {cmd: `$tool 9999 1000`},
			{cmd: `$tool -t 5e-2 1000`}, {cmd: `$tool -t +0.05 1000`}, {cmd: `$tool -t ' 0.05' 1000`}, {cmd: `$tool -t 0x.1 1000`}, {cmd: `$tool -t 99999999999999999999 9999`},
			{cmd: `$tool -t 0.05x 1000`}, {cmd: `$tool -t nan 1000`, differs: "killbox reports the invalid number, util-linux the failed timer"}, {cmd: `$tool -t -1 1000`, differs: "ours reports the invalid number, util-linux the failed timer"}, {cmd: `$tool -t 50ms 1000`, differs: "durations may have units"},
			{cmd: `$tool -ev 2147483647`}, {cmd: `$tool 2147483647`}, {cmd: `$tool -ev 4194304 4194305 +99999999`}, {cmd: `$tool -e 2147483648`}, {cmd: `$tool -e 99999999999999999999`}, {cmd: `$tool -c 1 2147483647`}, {cmd: `$tool 4194305:5`},
			{cmd: `$tool -e 2147483648:5`}, {cmd: `$tool -e 5:18446744073709551616`}, {cmd: `$tool -e 5:0`}, {cmd: `$tool -e 5:x`}, {cmd: `$tool -ev 2147483647 x`}, {cmd: `$tool -ev 4194305:5`, differs: "util-linux prints two lines"},
			{cmd: `POSIXLY_CORRECT=1 $tool -t 0.05 1000 -v`}, {cmd: `POSIXLY_CORRECT= $tool -t 0.05 1000 -v`}, {cmd: `POSIXLY_CORRECT=1 $tool -v -t 0.05 1000`}, {cmd: `POSIXLY_CORRECT=1 $tool 1000 --nope`},
			{cmd: `$tool 1000:1`, setup: ""}, {cmd: `$tool -ev 1000:1`, differs: "util-linux prints two lines"},
			{cmd: `$tool -v -t 0.05 $(victim inode 1000)`},
			{cmd: `$tool -V`, differs: "the text of killbox"}, {cmd: `$tool -h`, differs: "the text of killbox"},
		},
	}
}
