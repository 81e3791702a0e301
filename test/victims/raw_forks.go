package victims

import (
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// The arguments and variables of the victims of this file.
var (
	forkers     int
	newSessions bool      // hop: one process in fifty leads a session of its own
	gate        [2]int    // hop: a pipe that is closed when all processes have been forked
	dice        uint32    // hop: the state of a pseudo-random sequence
	ignored     uintptr   // the signal that is ignored
	children    [1024]int // supervisor
	pidFile     int       // many: a descriptor
	bombRoot    int       // bomb: the first process
	bombFull    bool      // bomb: the line of readiness has been written
	bombWild    bool      // bomb: processes exit and lead sessions at random
	rawFailed   = 1       // exit status of a raw process that could not do its work
)

// hop is `victim hop N [setsid] [exec] [ignore=SIG]`: N processes, each of which forks and exits; so do their children,
// without end. Each process lives for less than a millisecond, and its child becomes an orphan. The first process
// leads their session and stays. With "setsid" one process in fifty leads a new session. With "exec" the first process
// has called execve, and all others have its image.
func hop(args []string) {
	forkers, newSessions, ignored = number(args, 0), slices.Contains(args, "setsid"), ignoredSignal(args)
	// Each of the N processes forks only when the pipe is at end of file, which is when all N exist: otherwise the
	// first ones would delay the last.
	must("pipe", unix.Pipe(gate[:]))
	if slices.Contains(args, "exec") {
		playRaw(rawHopRoot)
	}
	single(rawHopRoot)
}

//go:nosplit
//go:norace
func rawHopRoot() {
	rawSession()
	rawIgnore(ignored)
	for range forkers {
		if rawFork() == 0 {
			rawClose(readyFD)
			rawClose(gate[1])
			rawAwaitEOF(gate[0])
			rawClose(gate[0])
			rawHop()
		}
	}
	rawAction(sigchld, &raw.ignore)
	rawClose(gate[1])
	rawReady()
	rawSleep(rawLifetime)
}

//go:nosplit
//go:norace
func rawHop() {
	dice = uint32(rawPID())
	for rawClock() < raw.end {
		if dice = dice*1664525 + 1013904223; newSessions && dice>>16%50 == 0 {
			rawSession()
		}
		if rawFork() > 0 {
			rawExit(0)
		}
	}
	rawExit(0)
}

// churn is `victim churn N`: N processes allocate PIDs as fast as they can, by forking children that exit at once.
func churn(args []string) {
	for range number(args, 0) {
		forkRaw(rawChurn)
	}
	ready("churning")
	unix.Pause()
}

//go:nosplit
//go:norace
func rawChurn() {
	rawClose(readyFD)
	rawAction(sigchld, &raw.ignore)
	for rawClock() < raw.end {
		if rawFork() == 0 {
			rawExit(0)
		}
	}
}

// bomb is `victim bomb [wild]`: each process forks without end. A script runs it under a limit of processes. It is
// ready when a fork has failed. With "wild" the first process has called execve and stays; the others exit or lead new
// sessions at random.
func bomb(args []string) {
	if bombWild = slices.Contains(args, "wild"); bombWild {
		playRaw(rawBomb)
	}
	single(rawBomb)
}

//go:nosplit
//go:norace
func rawBomb() {
	bombRoot = rawPID()
	// Every process whose fork fails writes the line of readiness. The script reads one and closes the pipe: SIGPIPE
	// must not end the others.
	rawAction(uintptr(unix.SIGPIPE), &raw.ignore)
	if bombWild {
		rawAction(sigchld, &raw.ignore)
	}
	for rawClock() < raw.end {
		pid := rawFork()
		if pid < 0 && !bombFull {
			bombFull = true
			rawSay("root=")
			rawSayNumber(bombRoot)
			rawFlush(readyFD)
			rawClose(readyFD)
		}
		if bombWild {
			rawWild(pid)
		}
	}
}

// rawWild does what a process of a wild bomb does after each fork.
//
//go:nosplit
//go:norace
func rawWild(forked int) {
	if forked == 0 {
		dice = dice*31 + uint32(rawPID())
	}
	if forked < 0 {
		rawSleep(1)
	}
	dice = dice*1664525 + 1013904223
	if rawPID() == bombRoot {
		return
	}
	switch dice >> 16 % 64 {
	case 0:
		rawExit(0)
	case 1:
		rawSession()
	}
}

// supervisor is `victim supervisor N [ignore=SIG]`: it keeps N children running, and replaces a child that has ended
// at once. It ignores SIG, and the children do not.
func supervisor(args []string) {
	forkers, ignored = number(args, 0), ignoredSignal(args)
	single(rawSupervisor)
}

//go:nosplit
//go:norace
func rawSupervisor() {
	rawIgnore(ignored)
	for i := range forkers {
		children[i] = rawSupervised()
	}
	rawReady()
	for rawClock() < raw.end {
		ended, _ := rawWait(-1, 0)
		for i := range forkers {
			// Retry a fork that failed.
			if children[i] == ended || children[i] < 0 {
				children[i] = rawSupervised()
			}
		}
	}
}

//go:nosplit
//go:norace
func rawSupervised() int {
	pid := rawFork()
	if pid == 0 {
		if ignored != 0 {
			rawAction(ignored, &raw.deflt)
		}
		rawClose(2)
		rawClose(readyFD)
		rawSleep(rawLifetime)
		rawExit(0)
	}
	return pid
}

// many is `victim many N FILE [ignore=SIG]`: N children sleep. Their PIDs are written to FILE, one on each line.
func many(args []string) {
	forkers = number(args, 0)
	var err error
	pidFile, err = unix.Open(args[1], unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC, 0o644)
	must(args[1], err)
	ignored = ignoredSignal(args)
	single(rawMany)
}

//go:nosplit
//go:norace
func rawMany() {
	rawIgnore(ignored)
	for range forkers {
		pid := rawFork()
		if pid < 0 {
			rawExit(rawFailed)
		}
		if pid == 0 {
			rawClose(readyFD)
			rawSleep(rawLifetime)
			rawExit(0)
		}
		rawSayNumber(pid)
		rawFlush(pidFile)
	}
	rawAction(sigchld, &raw.ignore)
	rawReady()
	rawSleep(rawLifetime)
}

// vforked is `victim vfork [catch]`: root has a child named parent, which sleeps uninterruptibly in vfork(2) until
// its own child, named child, exits. With "catch", parent catches TERM: otherwise TERM would end even this sleep.
func vforked(args []string) {
	if len(args) > 0 {
		catchTerm()
	}
	single(rawVforked)
}

//go:nosplit
//go:norace
func rawVforked() {
	root := rawPID()
	if rawFork() > 0 {
		rawTermDefault()
		rawClose(readyFD)
		rawSleep(rawLifetime)
		return
	}
	parent := rawPID()
	rawBlock(noSignals)
	if rawClone(unix.CLONE_VFORK) == 0 {
		rawTermDefault()
		rawSay("root=")
		rawSayNumber(root)
		rawSay(" parent=")
		rawSayNumber(parent)
		rawSay(" child=")
		rawSayNumber(rawPID())
		rawFlush(readyFD)
		rawClose(readyFD)
	}
	rawSleep(rawLifetime)
}

// ignoredSignal returns the signal of a word ignore=SIG, or 0 if there is none.
func ignoredSignal(args []string) uintptr {
	for _, word := range args {
		if name, ok := strings.CutPrefix(word, "ignore="); ok {
			return uintptr(unix.SignalNum("SIG" + name))
		}
	}
	return 0
}

// rawIgnore ignores a signal. 0 means none.
//
//go:nosplit
//go:norace
func rawIgnore(sig uintptr) {
	if sig != 0 {
		rawAction(sig, &raw.ignore)
	}
}

// number returns argument i, which is a number.
func number(args []string, i int) int {
	if i >= len(args) {
		die(2, "%s: argument %d is missing", os.Args[:2], i+1)
	}
	n, err := strconv.Atoi(args[i])
	must("argument", err)
	return n
}
