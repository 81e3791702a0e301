package victims

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The program of the victim, its arguments and its environment, for the raw processes that fork it.
var (
	preyPath          *byte
	preyArgs, preyEnv **byte
)

// preparePrey sets the variables that the raw processes of this file read.
func preparePrey() {
	prepareRaw()
	preyPath = &append([]byte(prey), 0)[0]
	preyArgs, preyEnv = pointers([]string{"prey", "60"}), pointers(os.Environ())
}

// rawRoot writes its PID, and, for each byte that it reads, the PID of a new child. It ignores SIGCHLD, so that the
// kernel reaps the children even while the root is stopped.
//
//go:nosplit
//go:norace
func rawRoot() {
	rawOnlyStandard()
	rawAction(sigchld, &raw.ignore)
	rawTell(rawPID())
	for rawAsked() {
		pid := rawFork()
		if pid == 0 {
			rawPrey()
		}
		rawTell(pid)
	}
}

// rawStrayRoot forks a child, which leads a session and runs rawStrayLeader.
//
//go:nosplit
//go:norace
func rawStrayRoot() {
	rawOnlyStandard()
	rawAction(sigchld, &raw.ignore)
	if rawFork() == 0 {
		rawSession()
		rawStrayLeader()
		return
	}
	rawSleep(rawLifetime)
}

// rawStrayLeader writes its PID, and, for each byte that it reads, the PID of a new orphan in its session.
//
//go:nosplit
//go:norace
func rawStrayLeader() {
	rawTell(rawPID())
	for rawAsked() {
		if rawFork() == 0 {
			if rawFork() == 0 {
				rawTell(rawPID())
				rawPrey()
			}
			rawExit(0)
		}
	}
}

// preyName is the name of a victim that has not called execve.
var preyName = [16]byte{'p', 'r', 'e', 'y'}

// orphanRoot is `victim orphan-root`, the root of victims with the relation orphan. It has called execve.
func orphanRoot([]string) { playRaw(rawOrphanRoot) }

// rawOrphanRoot writes its PID, and, for each byte that it reads, the PID of a new orphan, which leads a session of its
// own and has not called execve.
//
//go:nosplit
//go:norace
func rawOrphanRoot() {
	rawAction(sigchld, &raw.ignore)
	rawTell(rawPID())
	for rawAsked() {
		between := rawFork()
		if between == 0 {
			between = rawPID()
			if rawFork() > 0 {
				rawExit(0)
			}
			rawRename(&preyName)
			rawSession()
			for rawParent() == between {
				rawSleep(1)
			}
			rawTell(rawPID())
			rawSleep(rawLifetime)
			rawExit(0)
		}
	}
}

//go:nosplit
//go:norace
func rawPrey() {
	unix.RawSyscall(unix.SYS_EXECVE, uintptr(unsafe.Pointer(preyPath)), uintptr(unsafe.Pointer(preyArgs)), uintptr(unsafe.Pointer(preyEnv)))
	rawExit(rawFailed)
}

//go:nosplit
//go:norace
func rawOnlyStandard() { unix.RawSyscall(unix.SYS_CLOSE_RANGE, 3, everyFD, 0) }

//go:nosplit
//go:norace
func rawTell(pid int) {
	rawSayNumber(pid)
	rawFlush(1)
}

// rawAsked waits for a byte on standard input, and reports whether there was one.
//
//go:nosplit
//go:norace
func rawAsked() bool {
	var char byte
	n, _, errno := unix.RawSyscall(unix.SYS_READ, 0, uintptr(unsafe.Pointer(&char)), 1)
	return n == 1 && errno == 0
}
