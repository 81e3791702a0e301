package harness

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"killbox/test/victims"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// rounds is `rounds N CMD...`: CMD must succeed N times, or N times KILLBOX_TEST_FACTOR.
func rounds(ts *testscript.TestScript, neg bool, args []string) {
	refuseNeg(ts, neg)
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	if factor, err := strconv.Atoi(ts.Getenv("KILLBOX_TEST_FACTOR")); err == nil {
		n *= factor
	}
	for i := range n {
		if err := ts.Exec(args[1], args[2:]...); err != nil {
			ts.Fatalf("round %d of %d: %v", i+1, n, err)
		}
	}
}

// each is `each WORD... -- CMD...`: it runs a command of this package once for each WORD, which replaces {} in CMD.
// An argument {*} is replaced by the parts of WORD that blanks separate, each an argument of its own.
func each(ts *testscript.TestScript, neg bool, args []string) {
	refuseNeg(ts, neg)
	end := slices.Index(args, "--")
	if end < 1 || end == len(args)-1 {
		ts.Fatalf("usage: each WORD... -- CMD...")
	}
	do := commands()[args[end+1]]
	if do == nil {
		ts.Fatalf("each: no command of ours: %s", args[end+1])
	}
	for _, word := range args[:end] {
		var cmd []string
		for _, arg := range args[end+2:] {
			if arg == "{*}" {
				cmd = append(cmd, strings.Fields(word)...)
			} else {
				cmd = append(cmd, strings.ReplaceAll(arg, "{}", word))
			}
		}
		ts.Logf("# %q", cmd)
		do(ts, false, cmd)
	}
}

// untilTrue is `until CMD...`: CMD succeeds within a minute.
func untilTrue(ts *testscript.TestScript, neg bool, args []string) {
	refuseNeg(ts, neg)
	until(ts, strings.Join(args, " "), func() bool {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir, cmd.Env = ts.MkAbs("."), environ(ts)
		return cmd.Run() == nil
	})
}

// until polls done, for at most patience, and fails the script with the text of what if done stays false.
func until(ts *testscript.TestScript, what string, done func() bool) {
	for began := time.Now(); !done(); time.Sleep(time.Millisecond) {
		if time.Since(began) > patience {
			ts.Fatalf("still not after %v: %s", patience, what)
		}
	}
}

// waits is `waits N SIG PID CMD...`: like status, but sends SIG to PID as soon as CMD has pinned PID and sleeps. If
// the process ended earlier, CMD would report that there is no such process.
func waits(ts *testscript.TestScript, neg bool, args []string) {
	refuseNeg(ts, neg)
	if len(args) < 4 {
		ts.Fatalf("usage: waits N SIG PID CMD...")
	}
	sig, pid := unix.SignalNum("SIG"+args[1]), args[2]
	number, err := strconv.Atoi(pid)
	ts.Check(err)
	over, sent := make(chan struct{}), make(chan bool, 1)
	go func() {
		for !pinned(pid) {
			select {
			case <-over:
				sent <- false
				return
			case <-time.After(time.Millisecond):
			}
		}
		sent <- syscall.Kill(number, sig) == nil
	}()
	func() {
		defer close(over)
		status(ts, false, append([]string{args[0]}, args[3:]...))
	}()
	if !<-sent {
		ts.Fatalf("%s has ended before it waited for %s", args[3], pid)
	}
}

// pinned reports whether a process keeps pid open, by a pidfd or by its folder in /proc, and sleeps. It ignores this
// process and actors, because actors keep their children open.
func pinned(pid string) bool {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		comm, _ := os.ReadFile(dir + "/comm")
		if string(comm) == "actor\n" || dir == fmt.Sprint("/proc/", os.Getpid()) {
			continue
		}
		if holds(dir, pid) && asleep(dir) {
			return true
		}
	}
	return false
}

func holds(dir, pid string) bool {
	infos, _ := filepath.Glob(dir + "/fdinfo/*")
	for _, info := range infos {
		if data, _ := os.ReadFile(info); strings.Contains(string(data), "\nPid:\t"+pid+"\n") {
			return true
		}
	}
	fds, _ := filepath.Glob(dir + "/fd/*")
	for _, fd := range fds {
		if to, _ := os.Readlink(fd); to == "/proc/"+pid {
			return true
		}
	}
	return false
}

// asleep reports whether every thread of the process sleeps.
func asleep(dir string) bool {
	tasks, _ := filepath.Glob(dir + "/task/*/stat")
	for _, task := range tasks {
		if f := victims.StatFields(task); len(f) > 0 && f[0] != "S" {
			return false
		}
	}
	return len(tasks) > 0
}

// waitPinned is `wait-pinned PID...`: within a minute, a process has pinned each of these and sleeps.
func waitPinned(ts *testscript.TestScript, neg bool, args []string) {
	refuseNeg(ts, neg)
	for _, pid := range args {
		until(ts, pid+" is pinned", func() bool { return pinned(pid) })
	}
}
