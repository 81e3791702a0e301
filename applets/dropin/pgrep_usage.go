package dropin

import (
	"fmt"
	"io"
)

// pgrepUsage prints what procps prints, and our own options.
func pgrepUsage(w io.Writer, name string, mode pgrepMode) {
	fmt.Fprintf(w, "\nUsage:\n %s [options] <pattern>\n\nOptions:\n", name)
	fmt.Fprint(w, [...]string{
		pgrepList: ` -d, --delimiter <string>  specify output delimiter
 -l, --list-name           list PID and process name
 -a, --list-full           list PID and full command line
 -Q, --shell-quote         with -l and -a: quote as a shell wants it
 --quiet                   print nothing, for the exit status
 -v, --inverse             negates the matching
 -w, --lightweight         list all TID
`,
		pgrepSignal: ` -<sig>, --signal <sig>    signal to send (either number or name)
 -q, --queue <value>       integer value to be sent with the signal
 -m, --mrelease            reclaim the memory of what is killed at once
 -e, --echo                display what is killed
 -Q, --shell-quote         with -e: quote the name as a shell wants it
`,
		pgrepWait: ` -e, --echo                display PIDs before waiting
     --timeout <duration>  wait no longer than that, then exit 124
`,
	}[mode])
	fmt.Fprint(w, ` -c, --count               count of matching processes
 -f, --full                use full process name to match
 -g, --pgroup <PGID,...>   match listed process group IDs
 -G, --group <GID,...>     match real group IDs
 -H, --require-handler     match only if signal handler is present
 -i, --ignore-case         match case insensitively
 -n, --newest              select most recently started
 -o, --oldest              select least recently started
 -O, --older <seconds>     select where older than seconds
 -p, --pid <PID,...>       match process IDs
 -P, --parent <PPID,...>   match only child processes of the given parent
 -s, --session <SID,...>   match session IDs
 -t, --terminal <tty,...>  match by controlling terminal
 -u, --euid <ID,...>       match by effective IDs
 -U, --uid <ID,...>        match by real IDs
 -x, --exact               match exactly with the command name
 -F, --pidfile <file>      read PIDs from file
 -L, --logpidfile          fail if PID file is not locked
 -r, --runstates <state>   match runstates [D,S,Z,...]
 -A, --ignore-ancestors    exclude our ancestors from results
 --cgroup <grp,...>        match by cgroup v2 names
 --env <name[=val],...>    match on environment variable
 --ns <PID>                match the processes that belong to the same
                           namespace as <pid>
 --nslist <ns,...>         list which namespaces will be considered for
                           the --ns option.
                           Available namespaces: cgroup, ipc, mnt, net, pid,
                           time, user, uts

 -h, --help     display this help and exit
 -V, --version  output version information and exit

`)
	fmt.Fprintf(w, "For more details see %s(1).\n", name)
}
