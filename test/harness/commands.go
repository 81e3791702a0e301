package harness

import (
	"os"
	"strconv"
	"strings"
	"time"

	"killbox/test/victims"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// patience limits how long a command waits for something that another process is about to do.
const patience = time.Minute

type command = func(ts *testscript.TestScript, neg bool, args []string)

// commands are the commands of the scripts in addition to those of testscript; test/README.md describes them.
func commands() map[string]command {
	return map[string]command{
		"needs":       Needs,
		"skip-unless": skipUnless,
		"both-paths":  readBefore,
		"variants":    readBefore,
		"limit":       readBefore,
		"alone":       readBefore,

		"actors":        actors,
		"sleeper":       sleeper,
		"start":         startReady,
		"start-on":      startOn,
		"hang-up":       hangUp,
		"spawn":         spawn,
		"reuse-pid":     reusePID,
		"ended":         ended,
		"signal":        sendSignal,
		"put-away":      putAway,
		"clean-up":      cleanUp,
		"cgroup":        cgroup,
		"no-huge-pages": noHugePages,

		"status":  status,
		"silent":  silent,
		"usage":   usage,
		"prints":  prints,
		"fails":   fails,
		"selects": selects,
		"escaped": escaped,
		"waits":   waits,
		"capture": capture,
		"each":    each,
		"rounds":  rounds,
		"until":   untilTrue,

		"stdout-is": stdoutIs,
		"stderr-is": stderrIs,
		"event":     event,
		"events":    events,
		"same":      same,
		"write":     write,
		"handle":    handle,

		"recipe":       recipe,
		"replacements": replacements,

		"gone":           gone,
		"alive":          alive,
		"none-left":      noneLeft,
		"wait-none-left": waitNoneLeft,
		"state":          state,
		"wait-state":     waitState,
		"wait-gone":      waitReaped,
		"wait-pinned":    waitPinned,
	}
}

// readBefore is the command of lines such as `both-paths`. It does nothing: the lines are parsed before the script
// starts.
func readBefore(*testscript.TestScript, bool, []string) {}

func refuseNeg(ts *testscript.TestScript, neg bool) {
	if neg {
		ts.Fatalf("! has no meaning here")
	}
}

func environ(ts *testscript.TestScript) []string {
	var env []string
	for _, name := range []string{"PATH", "BIN", "LIB", "LC_ALL", "HOME", "WORK", "TMPDIR", "KILLBOX_NO_PIDFD", "MARK"} {
		if v := ts.Getenv(name); v != "" {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// write is `write FILE LINE...`: it makes a file of these lines.
func write(ts *testscript.TestScript, neg bool, args []string) {
	refuseNeg(ts, neg)
	if len(args) == 0 {
		ts.Fatalf("usage: write FILE LINE...")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(lines(args[1:])), 0o644))
}

// capture is `capture VAR CMD...`: it sets VAR to the output of CMD without the final newline.
func capture(ts *testscript.TestScript, neg bool, args []string) {
	refuseNeg(ts, neg)
	ts.Check(execute(ts, args[1:]))
	ts.Setenv(args[0], strings.TrimSuffix(ts.ReadFile("stdout"), "\n"))
}

// handle is `handle VAR PID`: it sets VAR to the handle that killbox must print for the process. The handle includes
// the inode of the pidfd if the kernel has pidfs (Linux 6.9) and the script uses pidfds.
func handle(ts *testscript.TestScript, neg bool, args []string) {
	refuseNeg(ts, neg)
	if len(args) != 2 {
		ts.Fatalf("usage: handle VAR PID")
	}
	pid, err := strconv.Atoi(args[1])
	ts.Check(err)
	fields := victims.StatFields("/proc/" + args[1] + "/stat")
	if len(fields) == 0 {
		ts.Fatalf("there is no process %s", args[1])
	}
	const startTime = 22
	text := args[1] + "@" + fields[startTime-3]
	if ts.Getenv("KILLBOX_NO_PIDFD") != "1" {
		if inode, ok := pidfdInode(pid); ok {
			text += ":" + strconv.FormatUint(inode, 10)
		}
	}
	ts.Setenv(args[0], text)
}

// pidfdInode returns the inode number of the pidfd of a process (Linux 6.9).
func pidfdInode(pid int) (uint64, bool) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return 0, false
	}
	defer unix.Close(fd)
	var fsys unix.Statfs_t
	var st unix.Stat_t
	if unix.Fstatfs(fd, &fsys) != nil || fsys.Type != unix.PID_FS_MAGIC || unix.Fstat(fd, &st) != nil {
		return 0, false
	}
	return st.Ino, true
}

// same is `same GOT WANT`: the words are equal.
func same(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: same GOT WANT")
	}
	if (args[0] == args[1]) == neg {
		ts.Fatalf("got %q, want %q", args[0], args[1])
	}
}

func lines(args []string) string {
	text := ""
	for _, line := range args {
		text += line + "\n"
	}
	return text
}

// skipUnless is `skip-unless REASON CMD...`: it skips the script unless CMD succeeds.
func skipUnless(ts *testscript.TestScript, neg bool, args []string) {
	refuseNeg(ts, neg)
	if len(args) < 2 {
		ts.Fatalf("usage: skip-unless REASON CMD...")
	}
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		why := args[0] + ": " + strings.TrimSpace(ts.ReadFile("stderr"))
		ts.Value("T").(testscript.T).Skip(why)
	}
}
