package harness

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"killbox/test/victims"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// start starts a command with a pipe on descriptor 3, and returns the line that the command writes to the pipe. reap
// reaps the command as soon as it ends.
func start(ts *testscript.TestScript, name string, args ...string) (pid int, ready string) {
	cmd := exec.Command(name, args...)
	cmd.Env = environ(ts)
	return startCmd(ts, cmd)
}

func startCmd(ts *testscript.TestScript, cmd *exec.Cmd) (pid int, ready string) {
	r, w, err := os.Pipe()
	ts.Check(err)
	defer r.Close()
	cmd.Dir = ts.MkAbs(".")
	cmd.ExtraFiles = []*os.File{w}
	cmd.Stderr = os.Stderr
	ts.Check(cmd.Start())
	w.Close()
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		ts.Fatalf("%q ended before it was ready", cmd.Args)
	}
	if cmd.Args[0] == "actor" {
		_, _ = io.Copy(io.Discard, r) // until the actor has become sleep(1), if it does
	}
	reap(cmd)
	return cmd.Process.Pid, strings.TrimSpace(line)
}

// actors is `actors WORD...`: it starts the processes that the words describe (see test/victims/actor), and sets the
// variable of each name to the PID, and root to that of the first. A word @FILE stands for the words in the file.
func actors(ts *testscript.TestScript, neg bool, args []string) {
	refuseNeg(ts, neg)
	var words []string
	for _, word := range args {
		if file, ok := strings.CutPrefix(word, "@"); ok {
			words = append(words, strings.Fields(ts.ReadFile(file))...)
		} else {
			words = append(words, word)
		}
	}
	_, ready := start(ts, "actor", words...)
	setVars(ts, ready)
}

// setVars sets the variables for the words NAME=VALUE of a line.
func setVars(ts *testscript.TestScript, line string) {
	for _, word := range strings.Fields(line) {
		if name, value, ok := strings.Cut(word, "="); ok {
			ts.Setenv(name, value)
		}
	}
}

// sleeper is `sleeper VAR [NAME=VALUE...] [PROGRAM [ARGV0]]`: it starts sleep(1), or PROGRAM, a copy of it, and sets
// VAR to the PID. The values are added to its environment, and ARGV0 is its argument 0.
func sleeper(ts *testscript.TestScript, neg bool, args []string) {
	refuseNeg(ts, neg)
	if len(args) == 0 {
		ts.Fatalf("usage: sleeper VAR [NAME=VALUE...] [PROGRAM [ARGV0]]")
	}
	name, words, env := args[0], args[1:], environ(ts)
	for len(words) > 0 && strings.Contains(words[0], "=") {
		env, words = append(env, words[0]), words[1:]
	}
	program := "sleep"
	if len(words) > 0 {
		program = words[0]
	}
	cmd := exec.Command(program, "150")
	if strings.Contains(program, "/") {
		cmd.Path = ts.MkAbs(program)
	}
	if len(words) > 1 {
		cmd.Args[0] = words[1]
	}
	cmd.Dir, cmd.Env = ts.MkAbs("."), env
	ts.Check(cmd.Start()) // returns after execve(2) in the child
	reap(cmd)
	ts.Setenv(name, strconv.Itoa(cmd.Process.Pid))
}

// startReady is `start VAR [-a ARGV0] [NAME=VALUE...] CMD...`: it starts CMD, waits until CMD writes a line to
// descriptor 3, and sets VAR to the PID. Words NAME=VALUE of that line become variables. ARGV0 is argument 0 of CMD,
// and the values are added to its environment.
func startReady(ts *testscript.TestScript, neg bool, args []string) {
	refuseNeg(ts, neg)
	words, argv0, env := args, "", environ(ts)
	if len(words) > 2 && words[1] == "-a" {
		argv0, words = words[2], words[2:]
	}
	for len(words) > 1 && strings.Contains(words[1], "=") {
		env, words = append(env, words[1]), words[1:]
	}
	if len(words) < 2 {
		ts.Fatalf("usage: start VAR [-a ARGV0] [NAME=VALUE...] CMD...")
	}
	cmd := exec.Command(words[1], words[2:]...)
	if strings.Contains(words[1], "/") {
		cmd.Path = ts.MkAbs(words[1])
	}
	if argv0 != "" {
		cmd.Args[0] = argv0
	}
	cmd.Env = env
	pid, ready := startCmd(ts, cmd)
	setVars(ts, ready)
	ts.Setenv(args[0], strconv.Itoa(pid))
}

// spawn is `spawn VAR CMD...`: it starts CMD, and sets VAR to the PID.
func spawn(ts *testscript.TestScript, neg bool, args []string) {
	refuseNeg(ts, neg)
	if len(args) < 2 {
		ts.Fatalf("usage: spawn VAR CMD...")
	}
	cmd := exec.Command(args[1], args[2:]...)
	cmd.Dir, cmd.Env = ts.MkAbs("."), environ(ts)
	cmd.Stderr = os.Stderr
	ts.Check(cmd.Start())
	reap(cmd)
	ts.Setenv(args[0], strconv.Itoa(cmd.Process.Pid))
}

// reusePID is `reuse-pid PID CMD...`: it starts CMD in the background with this PID, which must be free.
//
// For each process that reap waits for, the Go runtime may start a thread, which can take the PID for a long time.
// The runtime starts no thread while it has idle ones: hence spareThreads.
func reusePID(ts *testscript.TestScript, neg bool, args []string) {
	refuseNeg(ts, neg)
	if len(args) < 2 {
		ts.Fatalf("usage: reuse-pid PID CMD...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	ts.Check(spareThreads())
	for range 1000 {
		ts.Check(os.WriteFile("/proc/sys/kernel/ns_last_pid", strconv.AppendInt(nil, int64(want)-1, 10), 0))
		cmd := exec.Command(args[1], args[2:]...)
		cmd.Dir, cmd.Env = ts.MkAbs("."), environ(ts)
		ts.Check(cmd.Start())
		if cmd.Process.Pid == want {
			reap(cmd)
			return
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if _, err := os.Stat("/proc/self/task/" + args[0]); err == nil {
			break
		}
	}
	ts.Fatalf("no process got PID %d", want)
}

// spareThreads makes the Go runtime keep 32 idle threads, by blocking as many goroutines in a system call at once.
var spareThreads = sync.OnceValue(func() error {
	const spare = 32
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return err
	}
	var blocked, done sync.WaitGroup
	for range spare {
		blocked.Add(1)
		done.Go(func() {
			blocked.Done()
			_, _ = unix.Read(fds[0], make([]byte, 1)) // blocks until the other end is closed
		})
	}
	blocked.Wait()
	_ = unix.Close(fds[1])
	done.Wait()
	return unix.Close(fds[0])
})

// ends maps each child of reap to a channel, which receives the exit status.
var ends = map[string]chan int{}

// reap reaps a child as soon as it ends, and records its exit status for `ended`.
func reap(cmd *exec.Cmd) {
	end := make(chan int, 1)
	ends[strconv.Itoa(cmd.Process.Pid)] = end
	go func() {
		_ = cmd.Wait()
		ws := cmd.ProcessState.Sys().(syscall.WaitStatus)
		if ws.Signaled() {
			end <- 128 + int(ws.Signal())
		} else {
			end <- ws.ExitStatus()
		}
	}()
}

// ended is `ended N PID...`: these processes, started by commands of the script, exit with N within a minute. N is
// 128 plus the number of the signal if a signal ends them.
func ended(ts *testscript.TestScript, neg bool, args []string) {
	refuseNeg(ts, neg)
	if len(args) < 2 {
		ts.Fatalf("usage: ended N PID...")
	}
	for _, pid := range args[1:] {
		if ends[pid] == nil {
			ts.Fatalf("%s was not started by a command of this script", pid)
		}
		select {
		case code := <-ends[pid]:
			ends[pid] <- code
			if strconv.Itoa(code) != args[0] {
				ts.Fatalf("exit status %d of %s, want %s", code, pid, args[0])
			}
		case <-time.After(patience):
			ts.Fatalf("%s has not ended after %v", describe(pid), patience)
		}
	}
}

// sendSignal is `signal SIG PID...`: it sends a signal without killbox. A negative PID is a process group.
func sendSignal(ts *testscript.TestScript, neg bool, args []string) {
	refuseNeg(ts, neg)
	if len(args) < 2 {
		ts.Fatalf("usage: signal SIG PID...")
	}
	sig := unix.SignalNum("SIG" + args[0])
	if sig == 0 {
		ts.Fatalf("no such signal: %s", args[0])
	}
	for _, word := range args[1:] {
		pid, err := strconv.Atoi(word)
		ts.Check(err)
		ts.Check(syscall.Kill(pid, sig))
	}
}

// threadCount is the index of the number of threads among statFields.
const threadCount = 17

// putAway is `put-away PID...`: it ends these processes without killbox.
func putAway(ts *testscript.TestScript, neg bool, args []string) {
	refuseNeg(ts, neg)
	needPID(ts, args)
	for _, word := range args {
		pid, err := strconv.Atoi(word)
		ts.Check(err)
		_ = syscall.Kill(pid, syscall.SIGKILL)
		_ = syscall.Kill(pid, syscall.SIGCONT)
		until(ts, word+" is dead", func() bool {
			// While threads exit, living can miss one that is still alive: so check the number of threads as well.
			f := victims.StatFields("/proc/" + word + "/stat")
			return !living(ts, word) && (len(f) <= threadCount || f[threadCount] == "1" || f[threadCount] == "0")
		})
	}
}

// cleanUp is `clean-up`: it ends all processes of the namespace but PID 1 and this one.
func cleanUp(ts *testscript.TestScript, neg bool, _ []string) {
	refuseNeg(ts, neg)
	until(ts, "nothing survives", func() bool {
		_ = syscall.Kill(-1, syscall.SIGKILL) // does not signal PID 1 and the caller
		return len(others(ts, nil)) == 0
	})
}

// AsUser is the program `as-user UID CMD...`: CMD runs as user UID, in group UID and no other.
func AsUser() {
	id, err := strconv.Atoi(os.Args[1])
	if err == nil {
		err = errors.Join(syscall.Setgroups(nil), syscall.Setgid(id), syscall.Setuid(id))
	}
	path := ""
	if err == nil {
		path, err = exec.LookPath(os.Args[2])
	}
	if err == nil {
		err = syscall.Exec(path, os.Args[2:], os.Environ())
	}
	fmt.Fprintln(os.Stderr, "as-user:", err)
	os.Exit(125)
}
