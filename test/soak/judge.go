package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"killbox/test/victims"

	"golang.org/x/sys/unix"
)

// violation is a promise of the manual that an outcome breaks.
type violation struct {
	kind string // a row of the table
	text string
}

// judge compares an outcome with what the manual promises for the call under its fault:
//
//   - always: the call returns within its budget, leaves no process of its own, prints no Go trace, ends, stops and
//     resumes no unrelated process, and leaves no member stopped. The exit status is 0 only if all targets are gone. An
//     error has a message.
//   - a fault that takes nothing from the call (a stop, a real-time process, no pidfds, standard output, the same user):
//     the call does its work all the same.
//   - a limit, a refused system call, a missing /proc: the call works, or refuses with its own status and a message.
//   - a signal to the tool: the tool dies of it, and its guardian resumes the targets. The processes of reapwait's
//     command end with it.
//
// Two exceptions are in killbox(7): the Go runtime prints a trace if it cannot start for want of memory or threads, and
// in the first millisecond on QUIT and SEGV. Nothing has been signalled then.
func judge(c *testCase, out *outcome) (list []violation) {
	add := func(kind, format string, args ...any) {
		list = append(list, violation{kind, fmt.Sprintf(format, args...)})
	}
	if out.Spoiled != "" {
		return nil
	}
	if out.Hung != "" {
		add("hang", "no return within %v: %s", budget, out.Hung)
		return list
	}
	if c.fault.kind == "swap" {
		if out.Status != 0 && !noSwap(out) {
			add("swap", "exit %d: %s%s", out.Status, out.Stdout, out.Stderr)
		}
		return list
	}
	if hasTrace(c, out) && !mayTrace(c, out) {
		add("trace", "exit %d: %.2000s", out.Status, out.Stderr)
	}
	if victims.GoTrace.MatchString(out.Twin) {
		add("trace", "the second tool: %.2000s", out.Twin)
	}
	for _, text := range out.Canaries {
		add("canary", "%s", text)
	}
	if len(out.Stopped) > 0 && !mayLeaveStopped(c) {
		add("left stopped", "%s", strings.Join(out.Stopped, "; "))
	}
	if len(out.Own) > 0 {
		add("own process", "%s", strings.Join(out.Own, "; "))
	}
	if c.call.harmless && len(out.Ended) > 0 && c.fault.kind != "twin" {
		add("ended", "a call that ends nothing has ended %v", out.Ended)
	}
	if len(out.Left) > 0 && mustBeGone(c, out) {
		add("survivors", "exit %d, and alive: %s", out.Status, strings.Join(out.Left, "; "))
	}
	if text := judgeStatus(c, out); text != "" {
		add("status", "exit %d: %s: %.500s", out.Status, text, out.Stderr)
	}
	if needsMessage(c, out) && out.Stderr == "" {
		add("silent", "exit %d without a message", out.Status)
	}
	return list
}

// noSwap reports whether the tool made no system call before which a swap was possible on this route.
func noSwap(out *outcome) bool {
	return regexp.MustCompile(`(?m)^total +\d+ +0 +0 +0 +0`).MatchString(out.Stdout) && out.Stderr == ""
}

// hasTrace reports whether the Go runtime of killbox has printed a trace. The command of a call that starts one is a Go
// program, under the same fault.
func hasTrace(c *testCase, out *outcome) bool {
	has := func(word string) bool { return strings.Contains(out.Stderr, word) }
	if c.call.scope == command {
		return slices.ContainsFunc([]string{"killbox/internal", "killbox/applets"}, has)
	}
	return victims.GoTrace.MatchString(out.Stderr)
}

// startSpan is how long the first millisecond of killbox can take on a busy machine. The start of the Go runtime before
// that was seen to take 100 ms.
const startSpan = 20 * time.Millisecond

// mayTrace reports whether the manual permits a trace.
func mayTrace(c *testCase, out *outcome) bool {
	if len(out.Ended) > 0 && !c.call.helper {
		return false
	}
	switch c.fault.kind {
	case "signal":
		early := c.fault.delay < startSpan || !strings.Contains(out.Stderr, "main.main(")
		return early && (c.fault.detail == "QUIT" || c.fault.detail == "SEGV")
	case "limit":
		return slices.Contains([]string{"as", "data", "nproc"}, c.fault.detail)
	}
	return false
}

// mayLeaveStopped reports whether members may stay stopped: without a guardian, if the tool is killed.
func mayLeaveStopped(c *testCase) bool {
	return c.call.has("--no-guard") && c.fault.kind == "signal" && c.fault.detail == "KILL"
}

// mustBeGone reports whether the processes of the scope must be gone.
func mustBeGone(c *testCase, out *outcome) bool {
	if c.call.scope == command {
		return endsCommand(c, out)
	}
	if c.call.has("-o") && c.call.tool == "pkill" || c.call.scope == nothing {
		return false
	}
	if out.Status != 0 {
		return false
	}
	// killall5 signals once, and says so if it could not stop the processes before.
	if c.call.soon && (c.fault.twin != nil || strings.Contains(out.Stderr, "going on without freezing")) {
		return false
	}
	// tkill(1): without a freeze, a process that is orphaned before a scan has found it may be missed.
	unfrozen := c.call.has("--no-freeze") || c.call.tool == "tkill" && c.call.has("-m") || strings.Contains(out.Stderr, "going on without freezing")
	if unfrozen && (c.fault.twin != nil || c.family.has(func(t trait) bool { return t.forks })) {
		return false
	}
	if hidden(c) {
		return false
	}
	// pkill(1) signals what /proc shows. It hides root, which has changed its user since execve(2).
	if c.call.tool == "pkill" && c.fault.kind == "proc" && c.fault.user != "" {
		return false
	}
	return true
}

// hidden reports whether /proc hides all targets from a call that succeeds without matches.
func hidden(c *testCase) bool {
	hides := c.fault.kind == "proc" && c.fault.detail == "hidepid=2" && c.fault.user == "other"
	return hides && c.call.scope == named && c.call.has("-e")
}

// endsCommand reports whether all processes of the command must be gone.
func endsCommand(c *testCase, out *outcome) bool {
	died := out.Signal != 0
	if c.fault.kind == "proc" && (c.fault.detail == "none" || c.fault.detail == "foreign") && !c.call.pidns() {
		// Without /proc there is no second process, and no freeze.
		if died && c.fault.detail == "none" || c.family.has(func(t trait) bool { return t.forks }) {
			return false
		}
	}
	switch c.call.tool {
	case "reapwait":
		return !died || !c.call.has("--no-pair") || c.call.pidns()
	case "tini":
		return !died
	default: // timeout, of which a sandbox or a missing /proc takes the processes outside of the group
		return out.Status == 124 && c.fault.kind != "proc" && c.fault.kind != "refuse"
	}
}

// takesNothing reports whether the call can do its work under the fault.
func takesNothing(c *testCase) bool {
	switch c.fault.kind {
	case "none", "stop", "hog", "no pidfd", "stdio":
		return true
	case "signal":
		return c.fault.detail == "TSTP"
	case "user":
		return c.fault.user == "same" && c.call.scope != everything // a cgroup belongs to root
	}
	return false
}

// judgeStatus returns why the exit status is not one that the manual allows.
func judgeStatus(c *testCase, out *outcome) string {
	if out.Signal != 0 {
		if c.fault.kind == "signal" && (out.Signal == int(c.fault.signal()) || c.call.scope == command) {
			return ""
		}
		if c.call.scope == command && c.call.tool == "timeout" {
			return "" // dies of the signal that ended its command
		}
		if c.fault.kind == "limit" && slices.Contains(limitSignals[c.fault.detail], unix.Signal(out.Signal)) {
			return ""
		}
		return "ended by " + unix.SignalName(unix.Signal(out.Signal))
	}
	if c.call.scope == command {
		if takesNothing(c) && slices.Contains([]int{2, 125, 126, 127}, out.Status) && !expectedExit(c, out.Status) {
			return "not a status of the command"
		}
		return ""
	}
	if !slices.Contains(statuses[c.call.tool], out.Status) && !(out.Status == 2 && hasTrace(c, out) && mayTrace(c, out)) {
		return "not a status of " + c.call.tool
	}
	if c.fault.user == "other" && !hidden(c) && c.call.scope != nothing && !c.call.helper && out.Status == 0 {
		return "success, although the processes belong to another user"
	}
	if c.call.tool == "kill" && out.Status == 64 && strings.Contains(out.Stderr, "No such process") {
		return "" // some processes ended with their parent, before they were signalled
	}
	if !takesNothing(c) || slices.Contains(successes(c), out.Status) {
		return ""
	}
	return fmt.Sprintf("none of %v", successes(c))
}

// limitSignals are the signals by which the kernel, or a Go runtime without memory, ends any program at a limit.
var limitSignals = map[string][]unix.Signal{
	"as": {unix.SIGSEGV, unix.SIGABRT}, "data": {unix.SIGSEGV, unix.SIGABRT}, "cpu": {unix.SIGXCPU, unix.SIGKILL}, "fsize": {unix.SIGXFSZ},
}

// statuses are those of each tool, without 2, which stands for a usage error.
var statuses = map[string][]int{
	"tkill": {0, 1, 3, 4, 5, 124}, "pgkill": {0, 1, 3, 4, 5, 124}, "killwait": {0, 1, 3, 5, 124}, "freezekill": {0, 1, 3, 4, 5, 124},
	"kill": {0, 1, 64}, "pkill": {0, 1, 3}, "killall": {0, 1}, "killall5": {0, 1, 2}, "waitpid": {0, 1, 3}, "pidwait": {0, 1, 3, 124},
}

// successes are the statuses of a call that could do its work.
func successes(c *testCase) []int {
	list := []int{0}
	switch c.call.tool {
	case "tkill", "pgkill", "freezekill":
		list = append(list, 4) // a process that cannot be attributed
	}
	if c.call.has("--strict") {
		list = append(list, 5)
	}
	if c.call.operands[0] == "--hold" {
		list = append(list, 124)
	}
	if c.call.helper {
		list = append(list, 1) // the process ended before the call found it
	}
	if c.fault.kind == "stdio" {
		list = append(list, 1, 3) // output that could not be written
	}
	return list
}

// expectedExit reports whether the command exits with this status.
func expectedExit(c *testCase, status int) bool {
	return c.family.has(func(t trait) bool { return t.exits }) && status < 125
}

// needsMessage reports whether the exit status is an error that standard error must explain.
func needsMessage(c *testCase, out *outcome) bool {
	if out.Status == 0 || out.Status == 5 || out.Signal != 0 || c.call.quiet() || c.call.scope == command {
		return false
	}
	if c.fault.kind == "stdio" && strings.Contains(c.fault.detail, "2>") || c.fault.kind == "limit" && c.fault.detail == "fsize" {
		return false
	}
	if c.call.operands[0] == "--hold" && out.Status == 124 {
		return false
	}
	switch c.call.tool {
	case "pkill", "pidwait":
		return out.Status > 1 && out.Status != 124
	case "waitpid":
		return out.Status != 3
	}
	return true
}
