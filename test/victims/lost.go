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

// The pipes of lost: the root writes the PID of its child to lostTold, and exits when lostGo is closed.
var lostGo, lostTold [2]int

var childName = [16]byte{'c', 'h', 'i', 'l', 'd'}

// lost is `victim lost ROUNDS`: in each round the target of tkill, which has a child, exits by itself at a random
// moment. If tkill exits with 0, the child must be gone. Many other processes make each scan slow.
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
	// If the target is a zombie when tkill opens it, its child is already an orphan and not part of the tree.
	late := regexp.MustCompile(`\(victim\): zombie, `).Match(said)
	switch status := tkill.ProcessState.ExitCode(); {
	case status == 0 && !late && !hasEnded(child):
		die(1, "exit 0, and the child lives: %s", said)
	case status != 0 && status != 1 && status != 4:
		die(1, "exit %d: %s", status, said)
	}
	_ = unix.Kill(child, unix.SIGKILL)
}

// rawCrowd closes standard output and error, because the script waits until all processes have closed them. It then
// sleeps.
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
