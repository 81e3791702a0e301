package harness

import (
	"io"
	"os"
	"os/exec"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// peers maps the PID of a process that start-on has started to the other end of its standard input.
var peers = map[string]*os.File{}

// startOn is `start-on pipe|socket VAR CMD...`: like start, but standard input of CMD is one end of a pipe or stream
// socket that contains two lines, hello and world.
func startOn(ts *testscript.TestScript, neg bool, args []string) {
	refuseNeg(ts, neg)
	if len(args) < 3 {
		ts.Fatalf("usage: start-on pipe|socket VAR CMD...")
	}
	var ours, theirs *os.File
	switch args[0] {
	case "pipe":
		r, w, err := os.Pipe()
		ts.Check(err)
		ours, theirs = w, r
	case "socket":
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		ts.Check(err)
		ours, theirs = os.NewFile(uintptr(fds[0]), "ours"), os.NewFile(uintptr(fds[1]), "theirs")
	default:
		ts.Fatalf("neither pipe nor socket: %s", args[0])
	}
	_, err := io.WriteString(ours, "hello\nworld\n")
	ts.Check(err)
	cmd := exec.Command(args[2], args[3:]...)
	cmd.Env, cmd.Stdin = environ(ts), theirs
	pid, ready := startCmd(ts, cmd)
	theirs.Close()
	setVars(ts, ready)
	number := strconv.Itoa(pid)
	peers[number] = ours
	ts.Setenv(args[1], number)
}

// hangUp is `hang-up PID`: it closes the other end of the standard input of a process that start-on has started.
func hangUp(ts *testscript.TestScript, neg bool, args []string) {
	refuseNeg(ts, neg)
	if len(args) != 1 || peers[args[0]] == nil {
		ts.Fatalf("usage: hang-up PID, of a process of start-on")
	}
	ts.Check(peers[args[0]].Close())
}

// noHugePages is `no-huge-pages`: processes that the script starts from here on use no transparent huge pages. A
// huge page counts as resident as a whole, even if little of it is used.
func noHugePages(ts *testscript.TestScript, neg bool, _ []string) {
	refuseNeg(ts, neg)
	ts.Check(unix.Prctl(unix.PR_SET_THP_DISABLE, 1, 0, 0, 0))
}
