package victims

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// The victims of this file fork when they catch SIGTERM, which their children have therefore not been sent.

// The arguments of these victims, and a variable.
var (
	heirSession bool
	heirWords   []heirWord
	heirName    = [16]byte{'h', 'e', 'i', 'r'}
	leftName    = [16]byte{'l', 'e', 'f', 't'}
	generations int
	logFile     int
	lingers     bool
)

// heirWord is what a child does: it stays, or forks and exits that often and makes a file, or forks and exits without end.
type heirWord struct {
	stays bool
	hops  int
	file  *byte
}

// heirs is `victim heir group|session stay|hop|hop=N:FILE...`: it leads a group or a session, is called "heir", and leaves at
// TERM a child for each further word.
func heirs(args []string) {
	if len(args) == 0 {
		die(2, "usage: victim heir group|session stay|hop|hop=N:FILE...")
	}
	heirSession = args[0] == "session"
	for _, word := range args[1:] {
		heir := heirWord{stays: word == "stay"}
		if with, ok := strings.CutPrefix(word, "hop="); ok {
			n, file, _ := strings.Cut(with, ":")
			var err error
			heir.hops, err = strconv.Atoi(n)
			must(word, err)
			heir.file, err = unix.BytePtrFromString(file)
			must(word, err)
		}
		heirWords = append(heirWords, heir)
	}
	catchTerm()
	single(rawHeirs)
}

//go:nosplit
//go:norace
func rawHeirs() {
	rawRename(&heirName)
	if heirSession {
		rawSession()
	} else {
		rawGroup()
	}
	rawReady()
	rawTermCaught()
	rawTermDefault()
	for i := range heirWords {
		if rawFork() != 0 {
			continue
		}
		if heirWords[i].stays {
			rawSleep(rawLifetime)
			rawExit(0)
		}
		if heirWords[i].file == nil {
			rawHop()
		}
		for range heirWords[i].hops {
			if rawFork() > 0 {
				rawExit(0)
			}
		}
		rawClose(rawCreate(heirWords[i].file))
		rawExit(0)
	}
}

// lineage is `victim generations FILE N`: it leads a group. At TERM it forks a child and exits, and the child does the same,
// N times. The PID of each child is written to FILE. The last generation ends of TERM.
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

// meanwhile is `victim meanwhile`: it leads a session. At TERM it starts a child, and both ignore TERM from then on.
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

// newGroup is `victim new-group [linger]`: it leads a session, and at TERM starts a child with a group of its own that blocks
// TERM, and exits: with "linger" a tenth of a second later.
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

// leaver is `victim leaver`: the leader of a group, root, has a child in the group, kid, which leaves the group at TERM, makes
// the file "left" and stays.
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
