package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"killbox/test/victims"

	"golang.org/x/sys/unix"
)

// fault is what happens to a call.
type fault struct {
	kind   string
	detail string        // the resource, system call, signal or descriptor
	value  string        // the limit, or what a refused call returns
	delay  time.Duration // after the start of the tool
	user   string        // "" for root; "same" if the family has the user of the tool as well, "other" if to root
	twin   *call         // the second tool
	number uint64        // the seed of a swap
	hangup bool          // the signal is sent by a terminal that hangs up
}

var (
	// Signals (two of three are KILL), limits, refused calls and swaps have most of the weight, because they can leave a
	// call half done.
	faultKinds = weighted(map[string]int{
		"signal": 12, "limit": 6, "refuse": 6, "swap": 6, "proc": 2, "stdio": 2,
		"stop": 1, "hog": 1, "twin": 1, "user": 1, "no pidfd": 1, "none": 1,
	})
	toolSignals = weighted(map[string]int{
		"KILL": 16, "TERM": 2, "INT": 1, "HUP": 1, "hang-up": 1, "QUIT": 1, "TSTP": 1, "ALRM": 1, "USR1": 1, "SEGV": 1,
	})
	errnos = []string{"EPERM", "ENOSYS", "TRAP", "ENFILE", "ENOMEM", "EAGAIN"}
	// With these calls trapped, killbox promises to work or to refuse.
	trappable = []string{
		"pidfd_open", "pidfd_send_signal", "statx", "eventfd2", "epoll_create1", "epoll_ctl", "epoll_pwait", "subreaper", "setpriority",
		"sched_setattr",
	}
	refusable = append([]string{
		"wait4", "fork", "waitid", "clone3", "close_range", "prlimit64", "sched_getaffinity", "sched_setaffinity", "sched_getattr",
		"sched_setscheduler", "signalfd4", "timerfd_create", "socketpair", "setsid", "kill",
	}, trappable...)
)

// weighted returns a list with each kind as often as its weight, in the order of the names.
func weighted(weights map[string]int) (kinds []string) {
	for _, kind := range slices.Sorted(maps.Keys(weights)) {
		kinds = append(kinds, slices.Repeat([]string{kind}, weights[kind])...)
	}
	return kinds
}

func newFault(random *rand.Rand, c *call) fault {
	f := fault{kind: pick(random, faultKinds), delay: delay(random), number: random.Uint64()}
	switch f.kind {
	case "limit":
		f.detail = pick(random, []string{"nofile", "nofile", "nproc", "fsize", "as", "data", "cpu"})
		switch f.detail {
		case "nofile":
			f.value = fmt.Sprint(3 + random.IntN(20))
		case "nproc":
			f.value, f.user = fmt.Sprint(1+random.IntN(30)), "same"
		case "fsize":
			f.value = fmt.Sprint(pick(random, []int{0, 0, 1, 100}))
		case "as":
			f.value = fmt.Sprint(650_000_000 + random.IntN(300)*1_000_000)
		case "data":
			f.value = fmt.Sprint(34_000_000 + random.IntN(90)*250_000)
		case "cpu":
			f.value = "1"
		}
	case "refuse":
		f.value = pick(random, errnos)
		f.detail = pick(random, refusable)
		if f.value == "TRAP" {
			f.detail = pick(random, trappable)
		}
	case "signal":
		if f.detail = pick(random, toolSignals); f.detail == "hang-up" {
			f.detail = "HUP"
			f.hangup = c.scope != otherSessions && c.operands[0] != "--hold" // these depend on the session and on standard input
		}
	case "proc":
		f.detail = pick(random, []string{"hidepid=1", "hidepid=2", "subset=pid", "none", "foreign"})
		f.user = pick(random, []string{"", "same", "same", "other"})
	case "stdio":
		f.detail = pick(random, []string{"<&-", ">&-", "2>&-", ">/dev/full", "2>/dev/full", ">/dev/full 2>&1", "<&- >&- 2>&-"})
	case "user":
		f.user = pick(random, []string{"same", "other"})
	case "twin":
		if c.scope == command {
			f.kind = "stop" // a command has no members that the second tool could name
			break
		}
		twin := newCall(random)
		for twin.scope == command || twin.scope == otherSessions || twin.helper {
			twin = newCall(random)
		}
		f.twin = &twin
	case "swap":
		names := victims.SwapScenarios(c.tool)
		if len(names) == 0 {
			names = victims.SwapScenarios("tkill")
		}
		f.detail = pick(random, names)
		f.value = pick(random, []string{"^pidfd", "^NO_PIDFD", "^ENOSYS", "^EPERM", "^no send"})
	}
	return f
}

// delay returns a time within the run of a tool: most runs are short, some freeze several times.
func delay(random *rand.Rand) time.Duration {
	longest := pick(random, []time.Duration{3, 10, 30, 150, 500}) * time.Millisecond
	return time.Duration(random.Int64N(int64(longest)))
}

// adjust makes family and call fit to the fault: a user without privileges cannot start processes of other users.
func (f *fault) adjust(c *testCase) {
	if f.user == "" {
		return
	}
	if c.call.tool == "killall5" {
		f.user = "" // needs no other user, and would end nothing
		if f.kind == "user" {
			f.kind = "none"
		}
		return
	}
	c.family.elements = slices.DeleteFunc(c.family.elements, func(e element) bool { return e.trait.users })
	for i := range c.call.options {
		if c.call.options[i].words[0] == "--pidns" {
			c.call.options = slices.Delete(c.call.options, i, i+1) // needs root
			break
		}
	}
	if f.user == "same" && c.call.scope != command {
		c.family.user = victimID
	}
}

// signal returns the number of the signal that is sent to the tool.
func (f *fault) signal() unix.Signal { return unix.SignalNum("SIG" + f.detail) }

// mounts are the shell commands that change /proc for the tool alone.
var mounts = map[string]string{
	"hidepid=1":  "mount -t proc -o hidepid=1 proc /proc",
	"hidepid=2":  "mount -t proc -o hidepid=2 proc /proc",
	"subset=pid": "mount -t proc -o subset=pid proc /proc",
	"none":       "mount -t tmpfs none /proc",
	"foreign":    "umount -l /proc", // shows the /proc below, that of the PID namespace of the soak
}

// wrap returns the command line that runs cmd under the fault. Each program in it executes the next one, so the PID
// stays that of the tool.
func (f *fault) wrap(cmd []string) []string {
	var before []string
	if f.kind == "proc" {
		before = append(before, "unshare", "-m", "sh", "-c", mounts[f.detail]+` && exec "$@"`, "sh")
	}
	if f.kind == "hog" {
		before = append(before, "taskset", "-c", "0")
	}
	if f.user != "" {
		id := fmt.Sprint(victimID)
		before = append(before, "setpriv", "--reuid", id, "--regid", id, "--clear-groups", "--")
	}
	switch f.kind {
	case "refuse":
		before = append(before, "refuse", f.value, f.detail, "--")
	case "stdio":
		before = append(before, "sh", "-c", `exec "$@" `+f.detail, "sh")
	case "no pidfd":
		before = append(before, "env", "KILLBOX_NO_PIDFD=1")
	case "limit":
		before = append(before, "prlimit", "--"+f.detail+"="+f.value, "--")
	}
	return append(before, cmd...)
}

// name is the row of the table of faults.
func (f *fault) name() string {
	switch f.kind {
	case "limit", "signal", "proc":
		if f.hangup {
			return "terminal hangs up"
		}
		return f.kind + " " + f.detail
	case "refuse":
		return "seccomp " + f.value
	case "stdio":
		return "stdio " + strings.Join(strings.Fields(f.detail), " ")
	case "user":
		return "user " + f.user
	}
	return f.kind
}

func (f *fault) String() string {
	words := []string{f.name()}
	switch f.kind {
	case "limit":
		words = append(words, f.value)
	case "refuse":
		words = append(words, f.detail)
	case "signal", "stop", "hog", "twin":
		words = append(words, "after", f.delay.String())
	case "swap":
		words = append(words, fmt.Sprintf("%q on route %s", f.detail, f.value))
	}
	if f.twin != nil {
		words = append(words, f.twin.String())
	}
	if f.user != "" {
		words = append(words, "(user: "+f.user+")")
	}
	return strings.Join(words, " ")
}
