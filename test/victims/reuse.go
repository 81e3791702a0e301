package victims

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// The arguments of the processes of regroup.
var (
	joinedGroup int
	staged      [2]int // a pipe that a process closes when it has joined its group
)

// reuse is `victim reuse LOG`: it starts a process, target, that dies of TERM. When target ends, it is reaped and
// its PID is reused for a new process at once. LOG then has a line "reused START", with the start time of the new
// process, and, if that ends, "newcomer ended by SIG".
func reuse(args []string) {
	out := appendTo(args[0])
	target := forkRaw(rawIdle)
	ready("target=", target)
	waitFor(target)
	newcomer := takePID(target, rawIdle)
	fmt.Fprintln(out, "reused", startTick(newcomer))
	fmt.Fprintln(out, "newcomer ended by", int(waitFor(newcomer).Signal()))
	time.Sleep(lifetime)
}

// regroup is `victim regroup LOG KIND`: it starts a group that dies of TERM. When all members have been reaped, the
// PGID is reused for another group at once. LOG then has a line "reused=PID" with a member of the new group, and, if
// that member ends, "ended by SIG". KIND is one of: leader; leaderless, where the leader of the first group is reaped
// before the line of readiness; orphans, the same, but the leader of the new group is reaped as well.
func regroup(args []string) {
	out, kind := appendTo(args[0]), args[1]
	lead := stage(0)
	member := lead
	if kind != "leader" {
		member = stage(lead)
		killAndReap(lead)
	}
	ready("group=", lead)
	waitFor(member)
	newcomer := takePID(lead, rawIdleLeader)
	for group, _ := unix.Getpgid(newcomer); group != newcomer; group, _ = unix.Getpgid(newcomer) {
		time.Sleep(time.Millisecond)
	}
	if kind == "orphans" {
		orphan := stage(newcomer)
		killAndReap(newcomer)
		newcomer = orphan
	}
	fmt.Fprintf(out, "reused=%d\n", newcomer)
	fmt.Fprintln(out, "ended by", int(waitFor(newcomer).Signal()))
	time.Sleep(lifetime)
}

// stage starts a process that joins the group, or leads a new one for 0, and returns its PID.
func stage(group int) int {
	joinedGroup = group
	must("pipe", unix.Pipe(staged[:]))
	pid := forkRaw(rawStaged)
	_ = unix.Close(staged[1])
	_, _ = unix.Read(staged[0], make([]byte, 1))
	_ = unix.Close(staged[0])
	return pid
}

//go:nosplit
//go:norace
func rawStaged() {
	rawJoin(joinedGroup)
	rawClose(staged[1])
	rawIdle()
}

//go:nosplit
//go:norace
func rawIdle() {
	rawClose(readyFD)
	rawSleep(rawLifetime)
}

//go:nosplit
//go:norace
func rawIdleLeader() {
	rawGroup()
	rawIdle()
}

// takePID starts a raw process with this PID, which is free. Between its two system calls, another process or a new
// thread of the runtime may take the PID: takePID tries again until it succeeds.
func takePID(pid int, rawRun func()) int {
	last, err := os.OpenFile("/proc/sys/kernel/ns_last_pid", os.O_WRONLY, 0)
	must("ns_last_pid", err)
	defer last.Close()
	number := fmt.Append(nil, pid-1)
	for range 10000 {
		_, err = last.WriteAt(number, 0)
		must("ns_last_pid", err)
		got := forkRaw(rawRun)
		if got == pid {
			return got
		}
		killAndReap(got)
	}
	die(125, "victim: PID %d is not free", pid)
	return 0
}
