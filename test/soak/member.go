package main

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// lifetime limits the life of a member, as it does that of test/victims/actor.
const lifetime = 150 * time.Second

// member is `member MODE...`, a process of a family. It closes descriptor 3 when it is ready.
func member() {
	runtime.LockOSThread() // a tracer is a thread
	modes := map[string]func([]string){"becomes": becomes, "halts": halts, "traces": traces, "renames": renames, "forks": forks, "hog": hog}
	if len(os.Args) < 2 || modes[os.Args[1]] == nil {
		fail("member: no such mode: %q", os.Args[1:])
	}
	modes[os.Args[1]](os.Args[2:])
}

func ready() { _ = unix.Close(3) }

// becomes is `member becomes CMD...`: it executes CMD.
func becomes(args []string) {
	unix.CloseOnExec(3)
	path, err := exec.LookPath(args[0])
	if err == nil {
		err = unix.Exec(path, args, os.Environ())
	}
	fail("member: %s: %v", args[0], err)
}

// siblings returns the children of the parent of this process.
func siblings() (pids []int) {
	parent := strconv.Itoa(os.Getppid())
	data, _ := os.ReadFile("/proc/" + parent + "/task/" + parent + "/children")
	for _, word := range strings.Fields(string(data)) {
		if pid, err := strconv.Atoi(word); err == nil && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids
}

// meddle calls do for a random sibling every few milliseconds.
func meddle(do func(pid int)) {
	ready()
	for began := time.Now(); time.Since(began) < lifetime; time.Sleep(rand.N(5 * time.Millisecond)) {
		// Under init the siblings are all orphans of the namespace.
		if pids := siblings(); len(pids) > 0 && os.Getppid() != 1 {
			do(pids[rand.IntN(len(pids))])
		}
	}
}

// halts is `member halts`: it stops and resumes its siblings.
func halts([]string) {
	meddle(func(pid int) {
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			return
		}
		_ = unix.PidfdSendSignal(fd, unix.SIGSTOP, nil, 0)
		time.Sleep(rand.N(3 * time.Millisecond))
		_ = unix.PidfdSendSignal(fd, unix.SIGCONT, nil, 0)
		_ = unix.Close(fd)
	})
}

// traces is `member traces`: it attaches to its siblings and detaches again.
func traces([]string) {
	meddle(func(pid int) {
		// PTRACE_SEIZE, because PTRACE_ATTACH adds a SIGTRAP to an execve(2).
		if unix.PtraceSeize(pid) != nil {
			return
		}
		_ = unix.PtraceInterrupt(pid)
		var ws unix.WaitStatus
		if _, err := unix.Wait4(pid, &ws, unix.WALL, nil); err != nil || !ws.Stopped() {
			return
		}
		time.Sleep(rand.N(3 * time.Millisecond))
		sig := 0
		if uint32(ws)>>16 != unix.PTRACE_EVENT_STOP {
			sig = int(ws.StopSignal())
		}
		// PTRACE_DETACH passes on the signal that the tracee was to receive.
		_, _, _ = unix.RawSyscall6(unix.SYS_PTRACE, unix.PTRACE_DETACH, uintptr(pid), 0, uintptr(sig), 0, 0)
	})
}

// renames is `member renames`: it executes itself under other names.
func renames(args []string) {
	ready()
	time.Sleep(rand.N(20 * time.Millisecond))
	end := time.Now().Add(lifetime).Unix()
	if len(args) > 0 {
		end, _ = strconv.ParseInt(args[0], 10, 64)
	}
	if time.Now().Unix() > end {
		return
	}
	names := []string{"killbox-guardian", "(sd-pam)", "tkill", "-", "x\ny"}
	self, err := os.Executable()
	if err == nil {
		// Dispatch knows the word in argv[1], whatever argv[0] is.
		err = unix.Exec(self, []string{names[rand.IntN(len(names))], "renames", strconv.FormatInt(end, 10)}, os.Environ())
	}
	fail("member: %v", err)
}

// forks is `member forks`: it starts children, some in sessions of their own, up to a number.
func forks([]string) {
	path, err := exec.LookPath("sleep")
	if err != nil {
		fail("member: %v", err)
	}
	ready()
	for i := range 30 {
		attr := &syscall.SysProcAttr{Setsid: i%3 == 0}
		cmd := &exec.Cmd{Path: path, Args: []string{"sleep", "150"}, SysProcAttr: attr}
		if cmd.Start() != nil {
			break
		}
		time.Sleep(rand.N(8 * time.Millisecond))
	}
	time.Sleep(lifetime)
}

// hog is `member hog CPU DURATION`: it takes a processor with real-time priority, except for the time that the kernel
// reserves for others (sched_rt_runtime_us).
func hog(args []string) {
	var set unix.CPUSet
	cpu, _ := strconv.Atoi(args[0])
	set.Set(cpu)
	span, _ := time.ParseDuration(args[1])
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		fail("member: sched_setaffinity: %v", err)
	}
	if err := unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_RR, Priority: 10}, 0); err != nil {
		fail("member: sched_setattr: %v", err)
	}
	for began := time.Now(); time.Since(began) < span; {
	}
}
