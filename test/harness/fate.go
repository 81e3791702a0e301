package harness

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"killbox/test/victims"

	"github.com/rogpeppe/go-internal/testscript"
)

// needPID refuses an empty list of PIDs, as from an unset variable.
func needPID(ts *testscript.TestScript, args []string) {
	if len(args) == 0 {
		ts.Fatalf("no PID")
	}
}

// gone is `gone PID...`: no thread of these processes is alive.
func gone(ts *testscript.TestScript, neg bool, args []string) {
	refuseNeg(ts, neg)
	needPID(ts, args)
	for _, pid := range args {
		if living(ts, pid) {
			ts.Fatalf("%s is not gone", describe(pid))
		}
	}
}

// alive is `alive PID...`: a thread of each of these processes is alive.
func alive(ts *testscript.TestScript, neg bool, args []string) {
	refuseNeg(ts, neg)
	needPID(ts, args)
	for _, pid := range args {
		if !living(ts, pid) {
			ts.Fatalf("%s is not alive", pid)
		}
	}
}

// noneLeft is `none-left [PID...]`: no process of the namespace is alive except these, PID 1 and this process.
func noneLeft(ts *testscript.TestScript, neg bool, args []string) {
	refuseNeg(ts, neg)
	for _, pid := range others(ts, args) {
		ts.Fatalf("%s is left", describe(pid))
	}
}

// waitNoneLeft is `wait-none-left [PID...]`: none-left succeeds within a minute.
func waitNoneLeft(ts *testscript.TestScript, neg bool, args []string) {
	refuseNeg(ts, neg)
	until(ts, "no process is left", func() bool { return len(others(ts, args)) == 0 })
}

// waitState is `wait-state PID STATE`: the process is in the state within a minute.
func waitState(ts *testscript.TestScript, neg bool, args []string) {
	refuseNeg(ts, neg)
	if len(args) != 2 {
		ts.Fatalf("usage: wait-state PID STATE")
	}
	until(ts, strings.Join(args, " is in state "), func() bool {
		f := victims.StatFields("/proc/" + args[0] + "/stat")
		// stat shows Z as soon as the first thread has exited: wait for the other threads, too.
		return len(f) > 0 && f[0] == args[1] && (args[1] != "Z" || !living(ts, args[0]))
	})
}

// waitReaped is `wait-gone PID...`: it waits until these processes have been reaped.
func waitReaped(ts *testscript.TestScript, neg bool, args []string) {
	refuseNeg(ts, neg)
	needPID(ts, args)
	for _, pid := range args {
		until(ts, pid+" is reaped", func() bool {
			_, err := os.Stat("/proc/" + pid)
			return errors.Is(err, os.ErrNotExist)
		})
	}
}

// state is `state PID STATE`: the process is now in the state.
func state(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: state PID STATE")
	}
	f := append(victims.StatFields("/proc/"+args[0]+"/stat"), "none")
	if is := f[0] == args[1]; is == neg {
		ts.Fatalf("%s is in state %s", describe(args[0]), f[0])
	}
}

// others returns the living processes of the namespace except PID 1, this one, and those of the list.
func others(ts *testscript.TestScript, but []string) (list []string) {
	dirs, err := filepath.Glob("/proc/[0-9]*")
	ts.Check(err)
	for _, dir := range dirs {
		pid := filepath.Base(dir)
		if pid != "1" && pid != strconv.Itoa(os.Getpid()) && !slices.Contains(but, pid) && living(ts, pid) {
			list = append(list, pid)
		}
	}
	return list
}

// living reports whether a thread of the process is alive.
func living(ts *testscript.TestScript, word string) bool {
	pid, err := strconv.Atoi(word)
	if err != nil {
		ts.Fatalf("no PID: %q", word)
	}
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	for _, task := range tasks {
		if f := victims.StatFields(task); len(f) > 0 && !strings.Contains("ZX", f[0]) {
			return true
		}
	}
	return false
}

func describe(pid string) string {
	line, _ := os.ReadFile("/proc/" + pid + "/cmdline")
	return pid + " (" + strings.ReplaceAll(string(line), "\x00", " ") + ")"
}
