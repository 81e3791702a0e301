package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// scope is the set of processes that must be gone if a call returns success.
type scope string

const (
	tree          scope = "tree"           // all processes of the family but those that have left it
	listed        scope = "listed"         // the members that the line of readiness names
	group         scope = "group"          // the named members of the group of root
	session       scope = "session"        // the named members of the session of root
	named         scope = "named"          // the member with the name prey
	everything    scope = "everything"     // all processes of the family's cgroup
	otherSessions scope = "other sessions" // all processes outside of the session of the call
	command       scope = "command"        // the family is the command of the call: all of its processes
	nothing       scope = "nothing"        // the call ends no process
)

// call is a command line. Words in braces are replaced when the family runs: {root}, {prey}, {handle}, {pids},
// {cgroup}, and for a command {actor}.
type call struct {
	tool     string
	options  []option
	operands []string
	scope    scope
	soon     bool // the call does not wait: the processes must be gone a moment later
	gentle   bool // the ladder has no KILL, so that processes may remain
	helper   bool // another process ends the target while the call waits
	subtree  bool // the family of the command ends with the call (not with timeout, if the command exits by itself)
	harmless bool // the call must end no process
}

type option struct {
	words   []string
	dropped bool
}

func options(words ...string) (list []option) {
	for _, word := range words {
		if word != "" {
			list = append(list, option{words: strings.Fields(word)})
		}
	}
	return list
}

// some returns each word with a probability of one in n.
func some(random *rand.Rand, n int, words ...string) (chosen []string) {
	for _, word := range words {
		if chance(random, n) {
			chosen = append(chosen, word)
		}
	}
	return chosen
}

// The options of all five applets. -k keeps a case short.
var (
	ladders = []string{
		"-k 0.1", "-k 0.1", "-R TERM/0.1/KILL/5", "-s INT -k 0.05", "-R HUP/0.05/TERM/0.05/KILL/5", "-s KILL", "-s USR1 -k 0.05",
		// tkill and freezekill are freezing most of the time.
		"-R WINCH/0.005/WINCH/0.005/WINCH/0.005/WINCH/0.005/WINCH/0.005/WINCH/0.005/WINCH/0.005/TERM/0.1/KILL/5",
	}
	outputs = []string{"", "", "", "-v", "-j", "-q", "-v -j"}
)

var callers = []func(*rand.Rand) call{
	callTkill, callTkill, callTkill, callPgkill, callPgkill, callKillwait, callKillwait,
	callReapwait, callReapwait, callReapwait, callFreezekill, callFreezekill, callFreezekill,
	callKill, callPkill, callKillall, callKillall5, callTimeout, callTini, callWaitpid, callPidwait,
}

func newCall(random *rand.Rand) call { return pick(random, callers)(random) }

// killOptions chooses a ladder, output and common options.
func killOptions(random *rand.Rand, more ...string) []option {
	ladder := pick(random, ladders)
	words := append([]string{ladder, pick(random, outputs)}, some(random, 6, "--strict", "-e", "--hook=true", "-t 20")...)
	for _, word := range some(random, 5, more...) {
		if word != "-m" || ladder != "-s KILL" { // which exclude each other
			words = append(words, word)
		}
	}
	return options(words...)
}

func callTkill(random *rand.Rand) call {
	c := call{tool: "tkill", scope: tree}
	c.options = killOptions(random, "-m", "--no-freeze", "--no-guard", "--prove=0.3", "--orphans")
	c.operands = []string{pick(random, []string{"{root}", "{root}", "{handle}"})}
	if chance(random, 12) && !c.has("-m") {
		c.options = append(c.options, options("-c")...)
		c.scope = nothing
	}
	return c
}

func callPgkill(random *rand.Rand) call {
	c := call{tool: "pgkill", scope: group, options: killOptions(random, "-m")}
	switch random.IntN(3) {
	case 0:
		c.operands = []string{"--of", "{prey}"}
	case 1:
		c.operands, c.scope = []string{"-S", "{root}"}, session
	default:
		c.operands = []string{"{root}"}
	}
	return c
}

func callKillwait(random *rand.Rand) call {
	c := call{tool: "killwait", scope: listed, options: killOptions(random), operands: []string{"{pids}"}}
	switch random.IntN(6) {
	case 0:
		c.scope, c.operands = named, []string{"--name", prey}
	case 1:
		c.scope, c.operands = nothing, []string{"-0", "{root}"}
		c.harmless, c.options = true, options(pick(random, outputs))
	case 2:
		c.scope, c.operands, c.helper, c.gentle = named, []string{"-w", "-t", "5", "{prey}"}, true, true
		c.options = options(pick(random, outputs))
	}
	return c
}

func callFreezekill(random *rand.Rand) call {
	c := call{tool: "freezekill", scope: tree, operands: []string{"-T", "{root}"}}
	c.options = killOptions(random, "--no-guard", "--prove=0.3")
	switch random.IntN(5) {
	case 0:
		c.scope, c.operands = listed, []string{"{pids}"}
	case 1:
		c.scope, c.operands = everything, []string{"--cgroup", "{cgroup}"}
	case 2:
		c.scope, c.operands = nothing, []string{"--hold", "-T", "{root}"}
		c.harmless = true
		c.operands, c.options = append(c.operands, "-t", "0.1"), options(pick(random, []string{"", "--prove=0.3"}))
	}
	return c
}

func callReapwait(random *rand.Rand) call {
	c := call{tool: "reapwait", scope: command, subtree: true}
	words := []string{pick(random, ladders), pick(random, []string{"", "", "--no-pair", "--pidns", "--pidns"})}
	words = append(words, some(random, 6, "-g", "-S", "--settle=0", "--leaks=warn", "--leaks=fail=9", "--report", "--mark", "--die-with-parent", "--no-new-privs", "-v", "-j")...)
	c.options, c.operands = options(words...), []string{"-t", "0.3", "--", "{actor}"}
	return c
}

func callTimeout(random *rand.Rand) call {
	c := call{tool: "timeout", scope: command}
	words := append([]string{"-k 0.1"}, some(random, 5, "-v", "-p", "-s INT", "-s KILL")...)
	c.options, c.operands = options(words...), []string{"0.3", "{actor}"}
	return c
}

func callTini(random *rand.Rand) call {
	c := call{tool: "tini", scope: command, subtree: true}
	c.options = options(some(random, 5, "-g", "-w", "-v", "-vvv", "-e 7")...)
	c.operands = []string{"-s", "--", "{actor}"}
	return c
}

func callKill(random *rand.Rand) call {
	if chance(random, 2) {
		return call{tool: "kill", scope: listed, soon: true, operands: []string{"-s", "KILL", "{pids}"}}
	}
	return call{tool: "kill", scope: listed, soon: true, options: options("-s TERM"), operands: []string{"--timeout", "50", "KILL", "{pids}"}}
}

func callPkill(random *rand.Rand) call {
	c := call{tool: "pkill", scope: named, soon: true, options: options(some(random, 3, "-e", "-o")...)}
	c.operands = []string{"-KILL", "-x", prey}
	if chance(random, 2) {
		c.scope, c.operands, c.options = session, []string{"-KILL", "-s", "{root}"}, nil
	}
	return c
}

func callKillall(random *rand.Rand) call {
	c := call{tool: "killall", scope: named, options: options(some(random, 4, "-v", "-q")...)}
	c.operands = []string{"-s", "KILL", "-w", prey}
	return c
}

func callKillall5(*rand.Rand) call {
	return call{tool: "killall5", scope: otherSessions, soon: true, operands: []string{"-9"}}
}

func callWaitpid(random *rand.Rand) call {
	c := call{tool: "waitpid", scope: named, gentle: true, helper: true, options: options(some(random, 3, "-v")...)}
	c.operands = []string{"-t", "5", "{prey}"}
	return c
}

func callPidwait(random *rand.Rand) call {
	c := call{tool: "pidwait", scope: named, gentle: true, helper: true, options: options(some(random, 3, "-e")...)}
	c.operands = []string{"--timeout", "5", "-x", prey}
	return c
}

// words returns the command line, without the options that were dropped.
func (c *call) words() []string {
	words := []string{c.tool}
	for _, o := range c.options {
		if !o.dropped {
			words = append(words, o.words...)
		}
	}
	return append(words, c.operands...)
}

// has reports whether an option begins with this word.
func (c *call) has(word string) bool {
	for _, o := range c.options {
		if !o.dropped && o.words[0] == word {
			return true
		}
	}
	return false
}

// quiet reports whether the call was told to print nothing.
func (c *call) quiet() bool { return c.has("-q") }

func (c *call) String() string { return fmt.Sprintf("%q", c.words()) }

// pidns reports whether the command runs in a PID namespace of its own.
func (c *call) pidns() bool { return c.has("--pidns") }
