package dropin

import (
	"io"
	"slices"
	"strings"

	"killbox/internal/cli"
	"killbox/internal/show"
	"killbox/internal/signals"

	"github.com/spf13/pflag"
)

// pgrepMode distinguishes pgrep, pkill and pidwait.
type pgrepMode uint8

const (
	pgrepList   pgrepMode = iota // pgrep
	pgrepSignal                  // pkill
	pgrepWait                    // pidwait
)

// pgrepOptions are the options of pgrep, pkill and pidwait. A long option that only another of the three has is
// accepted and ignored, as in procps.
type pgrepOptions struct {
	mode pgrepMode
	env  *cli.Env // nil if only the names of the options are needed

	delimiter                             string
	listName, listFull, quote, threads    bool
	count, echo, full, ignoreCase, exact  bool
	inverse, newest, oldest, notAncestors bool
	handler, release, locked, quiet       bool
	dryRun                                bool
	signal                                cli.SignalOption
	queue                                 *int32
	timeout                               cli.Duration
	pidfile                               *string
	older                                 *int64
	states                                *string
	nsPID                                 int64
	nsKinds                               []string

	groups, rgids, parents, sessions, euids, ruids []int64
	terminals, cgroups, envs                       []string
	pids                                           []int64 // of --pid, or the one of --pidfile

	criteria int // number of options given that can replace the pattern
	help     bool
	version  bool
}

// off returns the letters that the program does not have, although pgrepOptions has the option.
func (o *pgrepOptions) off() string {
	switch o.mode {
	case pgrepSignal:
		return "dlavw"
	case pgrepWait:
		return "dlavwQqm"
	}
	return "eqm"
}

func (o *pgrepOptions) flags(name string) *pflag.FlagSet {
	f := cli.NewFlagSet()
	o.nsKinds = namespaceKinds()
	o.delimiter = "\n"

	f.Var(&o.signal, "signal", "")
	f.BoolVarP(&o.notAncestors, "ignore-ancestors", "A", false, "")
	f.BoolVarP(&o.ignoreCase, "ignore-case", "i", false, "")
	o.criterion(f, "require-handler", "H", "bool", func(string) error { o.handler = true; return nil })
	f.Lookup("require-handler").NoOptDefVal = "true"
	o.value(f, "queue", "q", "VALUE", o.setQueue)
	f.BoolVarP(&o.release, "mrelease", "m", false, "")
	f.BoolVarP(&o.echo, "echo", "e", false, "")
	if o.mode == pgrepSignal {
		f.BoolVar(&o.dryRun, "dry-run", false, "")
	}
	if o.mode == pgrepWait { // in pgrep and pkill, --t must stay an abbreviation of --terminal
		f.VarP(&o.timeout, "timeout", "", "")
	}
	o.value(f, "delimiter", "d", "STRING", func(s string) error { o.delimiter = s; return nil })
	f.BoolVarP(&o.listName, "list-name", "l", false, "")
	f.BoolVarP(&o.listFull, "list-full", "a", false, "")
	f.BoolVarP(&o.quote, "shell-quote", "Q", false, "")
	f.BoolVar(&o.quiet, "quiet", false, "")
	f.BoolVarP(&o.threads, "lightweight", "w", false, "")
	f.BoolVarP(&o.count, "count", "c", false, "")
	f.BoolVarP(&o.full, "full", "f", false, "")
	o.numbers(f, "pgroup", "g", "PGID", &o.groups, o.ownGroup)
	o.numbers(f, "group", "G", "GID", &o.rgids, o.groupNumber)
	o.exclusiveOption(f, "newest", "n", &o.newest)
	o.exclusiveOption(f, "oldest", "o", &o.oldest)
	o.criterion(f, "older", "O", "SECONDS", func(s string) error {
		whole, fraction, _ := strings.Cut(strings.TrimLeft(s, blanks), ".")
		n, ok := parseLoose(whole)
		if !ok || strings.Trim(fraction, "0123456789") != "" {
			return badValue("not a number: %s", show.Word(s))
		}
		o.older = &n
		return nil
	})
	o.numbers(f, "pid", "p", "PID", &o.pids, plainNumber)
	o.numbers(f, "parent", "P", "PPID", &o.parents, plainNumber)
	o.numbers(f, "session", "s", "SID", &o.sessions, o.ownSession)
	o.words(f, "terminal", "t", "TTY", &o.terminals)
	o.numbers(f, "euid", "u", "ID", &o.euids, o.userNumber)
	o.numbers(f, "uid", "U", "ID", &o.ruids, o.userNumber)
	o.exclusiveOption(f, "inverse", "v", &o.inverse)
	f.BoolVarP(&o.exact, "exact", "x", false, "")
	o.criterion(f, "pidfile", "F", "FILE", func(s string) error { o.pidfile = &s; return nil })
	f.BoolVarP(&o.locked, "logpidfile", "L", false, "")
	o.criterion(f, "runstates", "r", "STATE", func(s string) error { o.states = &s; return nil })
	o.words(f, "cgroup", "", "NAME", &o.cgroups)
	o.words(f, "env", "", "NAME[=VALUE]", &o.envs)
	o.criterion(f, "ns", "", "PID", func(s string) (err error) {
		if o.nsPID, err = plainNumber(s); err == nil && o.nsPID < 1 {
			err = badValue("not a process ID: %s", show.Word(s))
		}
		return err
	})
	o.value(f, "nslist", "", "NS", o.setKinds)
	f.BoolVarP(&o.help, "help", "h", false, "")
	f.BoolVarP(&o.version, "version", "V", false, "")
	o.hide(f)
	return f
}

// hide marks the options that this program ignores.
func (o *pgrepOptions) hide(f *pflag.FlagSet) {
	only := map[string][]pgrepMode{
		"delimiter": {pgrepList}, "list-name": {pgrepList}, "list-full": {pgrepList}, "shell-quote": {pgrepList, pgrepSignal},
		"lightweight": {pgrepList}, "quiet": {pgrepList}, "queue": {pgrepSignal}, "mrelease": {pgrepSignal},
		"echo": {pgrepSignal, pgrepWait},
	}
	f.VisitAll(func(f *pflag.Flag) {
		modes := only[f.Name]
		f.Hidden = modes != nil && !slices.Contains(modes, o.mode)
	})
}

// value adds an option with an argument.
func (o *pgrepOptions) value(f *pflag.FlagSet, name, letter, typ string, set func(string) error) {
	f.VarP(optionFunc{set, typ}, name, letter, "")
}

// criterion adds an option that can replace the pattern: with such an option, pgrep needs no pattern.
func (o *pgrepOptions) criterion(f *pflag.FlagSet, name, letter, typ string, set func(string) error) {
	o.value(f, name, letter, typ, func(s string) error {
		o.criteria++
		return set(s)
	})
}

// words adds a criterion with a list of words, one of which must match.
func (o *pgrepOptions) words(f *pflag.FlagSet, name, letter, typ string, into *[]string) {
	o.criterion(f, name, letter, typ+",...", func(s string) (err error) {
		*into, err = splitList(s)
		return err
	})
}

// numbers adds a criterion with a list of numbers, one of which must match. parse reads one of them.
func (o *pgrepOptions) numbers(f *pflag.FlagSet, name, letter, typ string, into *[]int64, parse func(string) (int64, error)) {
	o.criterion(f, name, letter, typ+",...", func(s string) error {
		list, err := splitList(s)
		*into = nil
		for _, word := range list {
			n, err := parse(word)
			if err != nil {
				return err
			}
			*into = append(*into, n)
		}
		return err
	})
}

// exclusiveOption adds --newest, --oldest or --inverse, only one of which may be given.
func (o *pgrepOptions) exclusiveOption(f *pflag.FlagSet, name, letter string, into *bool) {
	o.value(f, name, letter, "bool", func(string) error {
		if o.newest || o.oldest || o.inverse {
			return &usageError{}
		}
		if *into = true; name != "inverse" {
			o.criteria++
		}
		return nil
	})
	f.Lookup(name).NoOptDefVal = "true"
}

// parse reads the command line, and returns the pattern, or nil if none is given.
func (o *pgrepOptions) parse(name string, args []string) (pattern *string, err error) {
	flags := o.flags(name)
	inOrder := posixlyCorrect(o.env)
	if o.mode == pgrepSignal {
		args = pkillSignals(flags, inOrder, args)
	}
	operands, err := getopt(flags, o.off(), inOrder, args)
	switch {
	case err != nil:
		return nil, err
	case o.help || o.version:
		return nil, nil
	case o.locked && o.pidfile == nil:
		return nil, &usageError{text: "-L without -F makes no sense", try: true}
	}
	if o.pidfile != nil {
		if o.pids != nil {
			return nil, &usageError{text: "Cannot use pidfile and pid option together", try: true, code: 1}
		}
		if err := o.readPidfile(); err != nil {
			return nil, err
		}
	}
	switch {
	case o.quiet && o.listFull:
		return nil, &usageError{text: "Cannot use --quiet and -a,--list-full options together", try: true}
	case o.quiet && o.listName:
		return nil, &usageError{text: "Cannot use --quiet and -l,--list-name options together", try: true}
	case len(operands) == 1:
		return &operands[0], nil
	case len(operands) > 1:
		return nil, &usageError{text: "only one pattern can be provided", try: true}
	case o.criteria == 0:
		return nil, &usageError{text: "no matching criteria specified", try: true}
	}
	return nil, nil
}

// pkillSignals is cli.ExpandSignalShorthand for pkill. Even with inOrder, pkill accepts a signal such as -TERM after
// operands, so such signals are moved to the front. If ExpandSignalShorthand refuses a word, args is returned unchanged
// and getopt reports the word as procps does.
func pkillSignals(flags *pflag.FlagSet, inOrder bool, args []string) []string {
	lifted, err := cli.ExpandSignalShorthand(flags, args, false)
	if err != nil {
		return args
	}
	if !inOrder {
		return lifted
	}
	var first, rest []string
	for i, word := range lifted {
		if word != args[i] {
			first = append(first, word)
		} else {
			rest = append(rest, word)
		}
	}
	return append(first, rest...)
}

// signalSent returns the signal that pkill sends. --require-handler matches processes with a handler for this signal.
func (o *pgrepOptions) signalSent() signals.Signal {
	if o.signal.Given {
		return o.signal.Signal
	}
	return signals.TERM
}

// printUsage prints the usage of procps with killbox's own options.
func (p *pgrepCall) printUsage(w io.Writer) {
	own := [...]string{
		pgrepList: ` -d, --delimiter <string>	specify output delimiter
 -l, --list-name	list PID and process name
 -a, --list-full	list PID and full command line
 -Q, --shell-quote	with -l and -a: quote for a shell
 --quiet	print nothing
 --signal <sig>	the signal of --require-handler
 -v, --inverse	negates the matching
 -w, --lightweight	list all TID
`,
		pgrepSignal: ` -<sig>, --signal <sig>	signal to send (either number or name)
 -q, --queue <value>	integer value to be sent with the signal
 -m, --mrelease	free the memory of killed processes at once
 -e, --echo	display what is killed
     --dry-run	display what would be killed (-n is --newest)
 --inverse	negates the matching
 -Q, --shell-quote	with -e: quote the name for a shell
`,
		pgrepWait: ` -e, --echo	display PIDs before waiting
 --inverse	negates the matching
 --signal <sig>	the signal of --require-handler
     --timeout <duration>	wait at most <duration>, then exit 124
`,
	}[p.o.mode]
	cli.PrintHelp(p.env, w, "\nUsage:\n "+p.name+" [options] <pattern>\n\nOptions:\n"+own+` -c, --count	count of matching processes
 -f, --full	use full process name to match
 -g, --pgroup <PGID,...>	match listed process group IDs
 -G, --group <GID,...>	match real group IDs
 -H, --require-handler	match only if signal handler is present
 -i, --ignore-case	match case insensitively
 -n, --newest	select most recently started
 -o, --oldest	select least recently started
 -O, --older <seconds>	select where older than seconds
 -p, --pid <PID,...>	match process IDs
 -P, --parent <PPID,...>	match only child processes of the given parent
 -s, --session <SID,...>	match session IDs
 -t, --terminal <tty,...>	match by controlling terminal
 -u, --euid <ID,...>	match by effective IDs
 -U, --uid <ID,...>	match by real IDs
 -x, --exact	match exactly with the command name
 -F, --pidfile <file>	read PIDs from file
 -L, --logpidfile	fail if PID file is not locked
 -r, --runstates <state>	match runstates [D,S,Z,...]
 -A, --ignore-ancestors	exclude our ancestors from results
 --cgroup <grp,...>	match by cgroup v2 names
 --env <name[=val],...>	match on environment variable
 --ns <PID>	match the processes that belong to the same namespace as <pid>
 --nslist <ns,...>	list which namespaces will be considered for the --ns option. Available namespaces: cgroup, ipc, mnt, net, pid, time, user, uts

 -h, --help	display this help and exit
 -V, --version	output version information and exit

For more details see `+p.name+"(1).\n")
}
