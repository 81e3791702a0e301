package victims

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// The victims of this file fork when they catch SIGTERM, so their children have not received that signal.

// The arguments of these victims, and a variable.
var (
	successorSession bool
	successorWords   []successorWord
	successorName    = [16]byte{'s', 'u', 'c', 'c', 'e', 's', 's', 'o', 'r'}
	leftName         = [16]byte{'l', 'e', 'f', 't'}
	generations      int
	logFile          int
	lingers          bool
)

// successorWord tells what a child does. With stays it sleeps. With a file it forks and exits, which the new child
// repeats, hops times in all, and the last child makes the file. Otherwise it and its children fork and exit without
// end.
type successorWord struct {
	stays bool
	hops  int
	file  *byte
}

// successors is `victim successor group|session stay|hop|hop=N:FILE...`: it leads a group or a session and is named
// "successor". On TERM it forks a child for each further word, and exits.
func successors(args []string) {
	if len(args) == 0 {
		die(2, "usage: victim successor group|session stay|hop|hop=N:FILE...")
	}
	successorSession = args[0] == "session"
	for _, word := range args[1:] {
		successor := successorWord{stays: word == "stay"}
		if with, ok := strings.CutPrefix(word, "hop="); ok {
			n, file, _ := strings.Cut(with, ":")
			var err error
			successor.hops, err = strconv.Atoi(n)
			must(word, err)
			successor.file, err = unix.BytePtrFromString(file)
			must(word, err)
		}
		successorWords = append(successorWords, successor)
	}
	catchTerm()
	single(rawSuccessors)
}

//go:nosplit
//go:norace
func rawSuccessors() {
	rawRename(&successorName)
	if successorSession {
		rawSession()
	} else {
		rawGroup()
	}
	rawReady()
	rawTermCaught()
	rawTermDefault()
	for i := range successorWords {
		if rawFork() != 0 {
			continue
		}
		if successorWords[i].stays {
			rawSleep(rawLifetime)
			rawExit(0)
		}
		if successorWords[i].file == nil {
			rawHop()
		}
		for range successorWords[i].hops {
			if rawFork() > 0 {
				rawExit(0)
			}
		}
		rawClose(rawCreate(successorWords[i].file))
		rawExit(0)
	}
}

// lineage is `victim generations FILE N`: it leads a group. On TERM it forks a child and exits. The child does the
// same, for N generations, each of which writes its PID to FILE. The last generation dies of TERM.
func lineage(args []string) {
	generations = number(args, 1)
	var err error
	logFile, err = unix.Open(args[0], unix.O_WRONLY|unix.O_CREAT|unix.O_APPEND, 0o644)
	must(args[0], err)
	catchTerm()
	single(rawLineage)
}

//go:nosplit
//go:norace
func rawLineage() {
	rawGroup()
	rawReady()
	for {
		rawTermCaught()
		if generations == 0 {
			rawTermDefault()
			unix.RawSyscall(unix.SYS_KILL, uintptr(rawPID()), sigterm, 0)
		}
		generations--
		if rawFork() != 0 {
			return
		}
		rawSayNumber(rawPID())
		rawFlush(logFile)
	}
}

// meanwhile is `victim meanwhile`: it leads a session. On TERM it forks a child, and from then on both ignore TERM.
func meanwhile([]string) {
	catchTerm()
	single(rawMeanwhile)
}

//go:nosplit
//go:norace
func rawMeanwhile() {
	rawSession()
	rawReady()
	rawTermCaught()
	rawAction(sigterm, &raw.ignore)
	rawBlock(noSignals)
	rawFork()
	rawSleep(rawLifetime)
}

// newGroup is `victim new-group [linger]`: it leads a session. On TERM it forks a child that leads a group of its
// own and blocks TERM, and exits; with "linger", a tenth of a second later.
func newGroup(args []string) {
	lingers = len(args) > 0
	catchTerm()
	single(rawNewGroup)
}

//go:nosplit
//go:norace
func rawNewGroup() {
	rawSession()
	rawReady()
	rawTermCaught()
	if rawFork() == 0 {
		rawGroup()
		rawAction(sigterm, &raw.deflt)
		rawSleep(rawLifetime)
		return
	}
	if lingers {
		rawSleep(100)
	}
}

// leaver is `victim leaver`: the leader of a group, root, has a child in the group, kid. On TERM kid leaves the
// group, makes the file "left", and stays.
func leaver([]string) {
	catchTerm()
	single(rawLeaver)
}

//go:nosplit
//go:norace
func rawLeaver() {
	rawGroup()
	kid := rawFork()
	if kid == 0 {
		rawClose(readyFD)
		for {
			rawTermCaught()
			rawGroup()
			rawCreate(&leftName[0])
		}
	}
	rawTermDefault()
	rawAction(sigchld, &raw.ignore)
	rawSay("kid=")
	rawSayNumber(kid)
	rawSay(" ")
	rawReady()
	rawSleep(rawLifetime)
}
