package victims

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const tick = 10 * time.Millisecond

// now returns CLOCK_BOOTTIME, by which the kernel measures start times.
func now() time.Duration {
	var ts unix.Timespec
	must("clock", unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts))
	return time.Duration(ts.Nano())
}

// tickBegins waits for the beginning of a clock tick, and returns the number of the tick.
func tickBegins() int64 {
	next := now()/tick + 1
	for now() < next*tick {
	}
	return int64(next)
}

// startTick returns field 22 of /proc/PID/stat, or 0 if the process does not exist.
func startTick(pid int) int64 {
	fields := statFields(pid)
	if len(fields) < 20 {
		return 0
	}
	n, _ := strconv.ParseInt(fields[19], 10, 64)
	return n
}

func statFields(pid int) []string { return StatFields(fmt.Sprintf("/proc/%d/stat", pid)) }

func statusField(status []byte, key string) string {
	for line := range strings.Lines(string(status)) {
		if name, value, _ := strings.Cut(line, ":"); name == key {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// killAndWait kills a process and waits until its PID is free. The process is reaped by this program or by its
// parent.
func (t *tracer) killAndWait(pid int) {
	_ = unix.Kill(pid, unix.SIGKILL)
	defer delete(t.others, pid)
	for limit := now() + patience; now() < limit; {
		var ws unix.WaitStatus
		if got, err := unix.Wait4(pid, &ws, unix.WNOHANG|unix.WALL, nil); err == nil && got == pid && !ws.Stopped() {
			return
		}
		if unix.Kill(pid, 0) == unix.ESRCH {
			return
		}
	}
	die(125, "swap: process %d does not go:\n%s", pid, table())
}

// newcomer makes the unrelated process with this PID: a child of the swapper that leads a session and a process
// group. It blocks every signal, so that all signals that it is sent stay pending.
func newcomer(pid int) {
	for limit := now() + patience; ; {
		_, err := fork(&forkSpec{pid: pid, session: true})
		if err == nil {
			return
		}
		if err != unix.EEXIST || now() > limit {
			die(125, "swap: clone3 for PID %d: %v", pid, err)
		}
	}
}

// sent returns the names of the signals that the newcomer has been sent, or "" if there are none.
func (t *tracer) sent(pid int) string {
	ws, changed := t.others[pid]
	if !changed {
		if got, err := unix.Wait4(pid, &ws, unix.WNOHANG|unix.WUNTRACED|unix.WALL, nil); err == nil && got == pid {
			changed = true
		}
	}
	if changed && ws.Signaled() {
		return unix.SignalName(ws.Signal())
	}
	var hits []string
	if changed && ws.Stopped() {
		hits = append(hits, "SIGSTOP")
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return "it is gone"
	}
	if state := statusField(status, "State"); len(hits) == 0 && strings.HasPrefix(state, "T") {
		hits = append(hits, "SIGSTOP")
	}
	for _, key := range []string{"SigPnd", "ShdPnd"} {
		pending, _ := strconv.ParseUint(statusField(status, key), 16, 64)
		for sig := 1; sig <= 64; sig++ {
			if pending&(1<<(sig-1)) != 0 {
				hits = append(hits, unix.SignalName(unix.Signal(sig)))
			}
		}
	}
	if slices.Contains(hits, "SIGKILL") {
		return "SIGKILL" // the newcomer blocks all other signals that end a process
	}
	slices.Sort(hits)
	return strings.Join(slices.Compact(hits), "+")
}
