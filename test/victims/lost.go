package victims

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// The pipes of lost: the root exits when go is closed, and tells the PID of its child.
var lostGo, lostTold [2]int

var childName = [16]byte{'c', 'h', 'i', 'l', 'd'}

// lost is `victim lost ROUNDS`: tkill is called, in each round, for a process that has a child, and which exits by itself at a
// random moment. The child must be gone when tkill exits with 0. Many other processes make a scan slow.
func lost(args []string) {
	for range 500 {
		forkRaw(rawCrowd)
	}
	for range number(args, 0) {
		lostRound()
	}
}

func lostRound() {
	must("pipe", unix.Pipe2(lostGo[:], unix.O_CLOEXEC))
	must("pipe", unix.Pipe2(lostTold[:], unix.O_CLOEXEC))
	root := forkRaw(rawLost)
	var line [20]byte
	n, err := unix.Read(lostTold[0], line[:])
	must("read", err)
	child, err := strconv.Atoi(string(line[:n-1]))
	must("PID", err)
	told, err := os.Create("told")
	must("told", err)
	tkill := exec.Command("tkill", "-v", strconv.Itoa(root))
	tkill.Stdout, tkill.Stderr = told, told
	must("tkill", tkill.Start())
	time.Sleep(time.Millisecond + rand.N(20*time.Millisecond))
	_ = unix.Close(lostGo[1])
	waitFor(root)
	_ = tkill.Wait()
	for _, fd := range []int{lostGo[0], lostTold[0], lostTold[1]} {
		_ = unix.Close(fd)
	}
	must("told", told.Close())
	said, err := os.ReadFile("told")
	must("told", err)
	// A target that is a zombie when tkill opens it has no tree any more.
	late := regexp.MustCompile(`\(victim\): zombie, `).Match(said)
	switch status := tkill.ProcessState.ExitCode(); {
	case status == 0 && !late && !hasEnded(child):
		die(1, "exit 0, and the child lives: %s", said)
	case status != 0 && status != 1 && status != 4:
		die(1, "exit %d: %s", status, said)
	}
	_ = unix.Kill(child, unix.SIGKILL)
}

// rawCrowd sleeps. The script waits for the end of its output.
//
//go:nosplit
//go:norace
func rawCrowd() {
	rawClose(1)
	rawClose(2)
	rawSleep(rawLifetime)
}

//go:nosplit
//go:norace
func rawLost() {
	rawClose(lostGo[1])
	child := rawFork()
	if child == 0 {
		rawRename(&childName)
		rawSleep(rawLifetime)
		return
	}
	rawSayNumber(child)
	rawFlush(lostTold[1])
	rawAwaitEOF(lostGo[0])
}
