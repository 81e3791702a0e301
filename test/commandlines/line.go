package commandlines

import (
	"math/rand/v2"
	"slices"
	"strings"
)

// line is a command line, and how it is run.
type line struct {
	applet string
	args   []string
	env    []string
	input  string // standard input
	user   bool   // run as victimUser instead of root
	below  bool   // run below a shell, the ancestor that no applet may signal
	dry    bool   // the first word is an option with which nothing is signalled
	// bounded: the last option limits the call to some milliseconds.
	bounded bool
	guard   bool // the first word is a selector that only victims match; all others are combined with it
}

// dryOptions are the options with which nothing is signalled. guards are selectors that only victims match.
var (
	dryOptions = map[string][]string{
		"killwait": {"-n", "--dry-run", "--handles", "--why", "--owner-mark", "-w"},
		"tkill":    {"-n", "--dry-run", "--handles"}, "pgkill": {"-n", "--dry-run", "--handles"},
		"freezekill": {"-n", "--dry-run", "--handles"}, "kill": {"--dry-run", "-p", "-l", "-L"},
		"pkill": {"--dry-run"}, "killall": {"--dry-run", "-l"}, "killall5": {"--dry-run"},
	}
	guards = map[string][]string{
		"killwait": {"--name=vict", "--user=" + victimUser}, "tkill": {"--name=vict", "--user=" + victimUser},
		"freezekill": {"--name=vict", "--user=" + victimUser},
		"pkill":      {"--euid=" + victimUser, "-u" + victimUser}, "killall": {"--user=" + victimUser},
	}
	limits = map[string]string{
		"killwait": "--timeout=10ms", "tkill": "--timeout=10ms", "freezekill": "--timeout=10ms",
		"pgkill": "--timeout=10ms", "pidwait": "--timeout=0.01", "waitpid": "-t0.01",
	}
	environments = []string{
		"POSIXLY_CORRECT=1", "POSIXLY_CORRECT=", "KILLBOX_NO_PIDFD=1", "COLUMNS=40", "COLUMNS=0", "COLUMNS=-1",
		"COLUMNS=99999999999", "COLUMNS=x", "NO_COLOR=1", "CLICOLOR_FORCE=1",
		"LC_ALL=C", "LANG=C.UTF-8", "TINI_VERBOSITY=3", "TINI_VERBOSITY=x", "TINI_SUBREAPER=1", "TINI_KEEP=1",
		"TINI_KILL_PROCESS_GROUP=1", "PIDOF_NETFS=1", "KILLBOX_OWNER=1@1:1/1/00000000",
		"LISTEN_PID=1", "LISTEN_FDS=x", "LISTEN_FDS=99999999999", "TERM=dumb", "PATH=", "HOME=",
	}
)

// randomLine returns a command line of the applet.
func (s *scene) randomLine(r *rand.Rand, c *command) *line {
	l := &line{applet: c.name, user: r.IntN(16) == 0, below: r.IntN(8) == 0}
	for r.IntN(4) == 0 {
		l.env = append(l.env, choose(r, environments))
	}
	if c.name == "killbox" {
		l.args = s.boxWords(r, c)
		return l
	}
	var given []option
	for range choose(r, []int{0, 1, 1, 2, 2, 3, 4, 8}) {
		given = append(given, choose(r, c.options))
	}
	s.wild = r.IntN(2) == 0
	args := s.optionWords(r, c, given)
	operands := s.operandWords(r, c, given)
	if limit := limits[c.name]; limit != "" && r.IntN(6) == 0 {
		l.args, l.bounded = append(append(args, limit), operands...), true
		return l
	}
	switch r.IntN(8) {
	case 0: // options after operands
		args = append(operands, args...)
	case 1:
		args = append(append(args, "--"), operands...)
	default:
		args = append(args, operands...)
	}
	for s.wild && r.IntN(5) == 0 {
		args = slices.Insert(args, r.IntN(len(args)+1), hostile(r))
	}
	switch first := r.IntN(8); {
	case first == 0 && dryOptions[c.name] != nil:
		args, l.dry = slices.Insert(args, 0, choose(r, dryOptions[c.name])), true
	case first < 5 && guards[c.name] != nil:
		args, l.guard = slices.Insert(args, 0, choose(r, guards[c.name])), true
	}
	l.args = args
	if r.IntN(3) == 0 {
		l.input = choose(r, []string{
			"y\n", "n\n", s.pidWord(r, true) + "\n", s.pidWord(r, true) + "\n" + hostile(r) + "\n", hostile(r),
			"\n\n", strings.Repeat("y\n", 100),
		})
	}
	return l
}

// optionWords returns the options with their arguments, in one of the forms of getopt_long(3).
func (s *scene) optionWords(r *rand.Rand, c *command, given []option) (args []string) {
	for _, o := range given {
		if c.shorthand && r.IntN(6) == 0 {
			args = append(args, "-"+s.value(r, "signal"))
		}
		name := o.long
		if r.IntN(6) == 0 && len(name) > 1 && s.wild {
			name = name[:1+r.IntN(len(name)-1)] // an abbreviation, perhaps an ambiguous one
		}
		switch short := o.letter != "" && (o.long == "" || r.IntN(2) == 0); {
		case o.takes == "" && short:
			args = append(args, s.cluster(r, c, o))
		case o.takes == "" && s.wild && r.IntN(8) == 0:
			args = append(args, "--"+name+"="+hostile(r))
		case o.takes == "":
			args = append(args, "--"+name)
		case o.optional && r.IntN(2) == 0:
			args = append(args, "--"+name)
		case short && r.IntN(2) == 0:
			args = append(args, "-"+o.letter+s.value(r, o.takes))
		case short:
			args = append(args, "-"+o.letter, s.value(r, o.takes))
		case r.IntN(2) == 0 || o.optional:
			args = append(args, "--"+name+"="+s.value(r, o.takes))
		case s.wild && r.IntN(10) == 0:
			args = append(args, "--"+name) // without its argument: the next word
		default:
			args = append(args, "--"+name, s.value(r, o.takes))
		}
		if r.IntN(30) == 0 {
			args = append(args, args[len(args)-1]) // repeated
		}
	}
	return args
}

// cluster returns the letter of the option, sometimes with the letters of others.
func (s *scene) cluster(r *rand.Rand, c *command, o option) string {
	word := "-" + o.letter
	for r.IntN(4) == 0 {
		word += choose(r, c.options).letter
	}
	return word
}

// operandWords returns the operands that go with the given options.
func (s *scene) operandWords(r *rand.Rand, c *command, given []option) (args []string) {
	kinds := c.operands
	for _, o := range given {
		for names, with := range c.with {
			if slices.Contains(strings.Split(names, ","), "--"+o.long) {
				kinds = with
			}
		}
	}
	if len(kinds) == 0 {
		if r.IntN(10) == 0 {
			return []string{hostile(r)}
		}
		return nil
	}
	count := len(kinds) - 1 + choose(r, []int{0, 1, 1, 1, 1, 2, 3})
	for i := range count {
		kind := kinds[min(i, len(kinds)-1)]
		if kind == "command" && r.IntN(6) > 0 {
			return append(args, choose(r, commandArgs)...)
		}
		args = append(args, s.value(r, kind))
	}
	return args
}

// boxWords returns a command line of killbox itself, which selects no process.
func (s *scene) boxWords(r *rand.Rand, c *command) (args []string) {
	switch r.IntN(8) {
	case 0:
		args = []string{"help", choose(r, append(s.applets, words...))}
	case 1:
		args = []string{
			"completion", choose(r, []string{"bash", "zsh", "fish", "sh", "BASH", ""}),
			choose(r, append(s.applets, words...)),
		}
	case 2:
		args = []string{
			"completion", "values",
			choose(r, []string{
				"signal", "process", "ladder", "duration", "size", "name", "group", "port", "cgroup", "terminal", "state", "x",
				"process,", "name+process", "session", "number", "forwarding", "shorthand", "",
			}),
			hostile(r),
		}
	case 3:
		args = []string{
			"shell-init", choose(r, []string{"bash", "zsh", "sh", "dash", "ash", "fish", ""}),
			choose(r, []string{"--replace", "--replace=x", "--repl", "x"}),
		}
	case 4:
		args = append(s.optionWords(r, c, []option{choose(r, c.options), choose(r, c.options)}), s.value(r, "directory"))
	case 5:
		args = []string{
			"shell-call", choose(r, append(s.applets, words...)), choose(r, []string{"-t", "-s", "-f", "--"}),
			hostile(r), "-j", hostile(r), hostile(r), "--", s.value(r, "process"),
		}
	case 6:
		args = []string{choose(r, s.applets), "--help"}
	default:
		for range 1 + r.IntN(3) {
			args = append(args, choose(r, []string{
				hostile(r), "--list", "--help", "--version", "-s", "--install", "vdir", "help", "tkil", "Kill",
				"pick",
			}))
		}
	}
	for r.IntN(6) == 0 {
		args = slices.Insert(args, r.IntN(len(args)+1), hostile(r))
	}
	return args
}
