package differential

// timeoutOnceMore is a second table of timeout, written without knowledge of the first. A limit that is to be reached
// is a fifth of a second, for a command that would run for a minute. A limit that is not to be reached is five minutes.
func timeoutOnceMore() comparison {
	const (
		later = "options of coreutils 9.6"
		gives = "as coreutils 9.10: ignored signals stay ignored, and ALRM is unblocked for the command; not so in 9.1"
		text  = "the text of killbox"
	)
	c := comparison{
		tool: "timeout", name: "timeout-2", peer: []string{"/usr/bin/timeout", "/bin/timeout"}, from: "coreutils",
		setup: "ulimit -c 0", minimum: 200,
	}
	for _, args := range []string{
		// Exit statuses.
		"300 true", "300 false", "300 sh -c 'exit 3'", "300 sh -c 'exit 255'", "300 sh -c 'exit 124'", "0 true", "300 sh -c 'echo out; echo err >&2'", "300 sh -c 'echo $0 \"$@\"' a -- b -k", "300 echo -k --help",
		"300 sh -c 'kill -TERM $$'", "300 sh -c 'kill -KILL $$'", "300 sh -c 'kill -HUP $$'", "300 sh -c 'kill -USR1 $$'", "300 sh -c 'kill -PIPE $$'", "300 sh -c 'kill -ABRT $$'", "300 sh -c 'kill -SEGV $$'",
		"0.2 sleep 60", ".2 sleep 60", "0.2s sleep 60", "0x1p-3 sleep 60", "2e-1 sleep 60", "+.2 sleep 60", "' .2' sleep 60", "--preserve-status 0.2 sleep 60", "--preserve-status 300 sh -c 'exit 3'",
		"-s KILL 0.2 sleep 60", "-sKILL 0.2 sleep 60", "-s 9 0.2 sleep 60", "--signal=KILL 0.2 sleep 60", "--signal KILL 0.2 sleep 60", "--preserve-status -s KILL 0.2 sleep 60", "--foreground -s KILL 0.2 sleep 60", "--foreground 0.2 sleep 60",
		"-s INT 0.2 sleep 60", "-s int 0.2 sleep 60", "-s SIGINT 0.2 sleep 60", "-s sigint 0.2 sleep 60", "-s 2 0.2 sleep 60", "-s 130 0.2 sleep 60", "-s RTMIN+1 0.2 sleep 60", "-s RTMAX-1 0.2 sleep 60", "-s rtmin 0.2 sleep 60", "--preserve-status -s INT 0.2 sleep 60",
		"-s ALRM 0.2 sleep 60", "-s HUP -k 60 0.2 sleep 60", "-k 0.2 -s CHLD 0.2 sleep 60", "--kill-after=0.2 -s URG 0.2 sleep 60", "--foreground -k 0.2 -s WINCH 0.2 sleep 60",
		"-k 0 0.2 sleep 60", "-s WINCH -k 0.2 0.2 sleep 60", "-s CONT -k 0.2 0.2 sleep 60",
		// Messages.
		"-v 0.2 sleep 60", "--verbose 0.2 sleep 60", "-v -s INT 0.2 sleep 60", "-v -s RTMIN+3 0.2 sleep 60", "-v 300 true", "-v --foreground 0.2 sleep 60", "-v --foreground -k 0.2 -s WINCH 0.2 sleep 60",
		"300 nosuch", "300 ./nosuch", "300 /nosuch/x", "300 /", "300 /etc/passwd", "300 ''", "300 /etc/passwd/x", "300 \"it's\"", "300 \"$(printf 'a\\tb\\001\\303\\244')\"", `300 'a\b'`,
		// Usage errors.
		"", "1", "-v", "--", "-- 1", "x true", "5x true", "5ss true", "5ms true", "'' true", "s true", ". true", "'5 ' true", "1,5 true", "nan true", "-- -1 true", "-1 true", "1_0 true", "0x true", "5D true", "e1 true", "1e true", "infx true",
		"inf true", "infinity true", "INFd true", "1e400 true", "1e5 true", "300. true", "1d true", "1h true", "1m true", "0s true", "0d true", "-- -0 true", "0x1p10 true", "0X10 true",
		"-k", "-k x 300 true", "-k '' 300 true", "-k -1 300 true", "-k1 -k2 300 true", "-s", "-s FOO 300 true", "-s '' 300 true", "-s 65 300 true", "-s 99 300 true", "-s -1 300 true", "-s 1x 300 true", "-s SIG 300 true", "-s SIGSIGINT 300 true", "-s EXIT 300 true", "-s 0 300 true",
		"-s CLD 300 true", "-s IOT 300 true", "-s POLL 300 true", "-s 255 300 true", "-s 256 300 true", "-s 137 300 true", "-s RTMIN-1 300 true", "-s RTMIN+99 300 true", "-s RTMAX+1 300 true",
		"-x 300 true", "-vx 300 true", "--nosuch 300 true", "--nosuch=1 300 true", "--ver 300 true", "--verb 300 true", "--fore 300 true", "--f 300 true", "--pre 300 true", "--sig INT 300 true", "--kill 5 300 true", "--kill=5 300 true", "--k 5 300 true", "--foreground=1 300 true", "--verbose= 300 true",
		"--signal", "--kill-after", "-s FOO -k x y true", "-k x -s FOO y true", "300 true -x --nosuch", "-- 300 true", "-v -- 300 true -v", "-v 300 -- true",
	} {
		c.cases = append(c.cases, diffCase{cmd: "$tool " + args})
	}
	for _, args := range []string{"-f 300 true", "-p 0.2 sleep 60", "-fp 0.2 sleep 60"} {
		c.cases = append(c.cases, diffCase{cmd: "$tool " + args, differs: later})
	}
	const status = `grep -E 'Sig(Blk|Ign)' /proc/self/status`
	for _, sig := range []string{"CHLD", "ALRM", "TERM", "INT", "HUP", "QUIT", "USR1", "PIPE", "TTIN", "TTOU", "TSTP", "CONT"} {
		plain, other, blocked := "", "", ""
		switch sig {
		case "INT", "HUP", "QUIT":
			plain, other = gives, gives
		case "TERM":
			other = gives
		case "ALRM":
			blocked = gives
		}
		c.cases = append(c.cases,
			diffCase{cmd: `env --ignore-signal=` + sig + ` $tool 300 ` + status, differs: plain},
			diffCase{cmd: `env --ignore-signal=` + sig + ` $tool -s USR1 300 ` + status, differs: other},
			diffCase{cmd: `env --block-signal=` + sig + ` $tool 300 ` + status, differs: blocked})
	}
	c.cases = append(c.cases,
		diffCase{cmd: "$tool --help", differs: text}, diffCase{cmd: "$tool --version", differs: text}, diffCase{cmd: "$tool --help >/dev/full"},
		diffCase{cmd: `sh -c 'trap "" TERM; exec $tool 0.2 sleep 60'`}, diffCase{cmd: `sh -c 'trap "" USR1; exec $tool -s USR1 0.2 sleep 60'`},
		diffCase{cmd: `$tool 300 $tool 0.2 sleep 60`}, diffCase{cmd: `$tool 0.2 $tool 300 sleep 60`},
		diffCase{cmd: `$tool 300 ulimit`}, diffCase{cmd: `printf 'exit 5\n' >script; chmod +x script; $tool 300 ./script`}, diffCase{cmd: `printf '#!/nosuch\n' >bad; chmod +x bad; $tool 300 ./bad`},
		diffCase{cmd: `mkdir -p dir/sub; PATH=$PWD/dir:$PATH $tool 300 sub`}, diffCase{cmd: `PATH= $tool 300 sh -c 'exit 4'`}, diffCase{cmd: `echo in | $tool 300 cat`},
		diffCase{cmd: `$tool 300 cat /proc/$$/stat >/dev/null; $tool 300 sh -c '[ "$(cut -d " " -f 5 /proc/$$/stat)" -eq "$PPID" ]'`},
		diffCase{cmd: `$tool --foreground 300 sh -c '[ "$(cut -d " " -f 5 /proc/$$/stat)" -eq "$PPID" ]'`},
	)
	return c
}
