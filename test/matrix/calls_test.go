package matrix

import "strconv"

// call is a row of the matrix: how an applet is called, and what its call does to the scene.
type call struct {
	name string
	// args are the arguments. The words root, deaf and leaf stand for the PIDs of the scene, group for the process
	// group of root. command stands for a member that the applet starts as root of the tree.
	args []string
	// status, prints and gone are the outcome of a call that works: the exit status, whether it prints the PIDs of the
	// tree, and whether it ends the tree.
	status int
	prints bool
	gone   bool
	// ends is set for a call that waits: the cell ends the tree when the applet waits for it.
	ends bool
	// alarm is set for a call that is sent ALRM when the tree is ready.
	alarm bool
	// late is the exit status if COMMAND did not end before KILL. A busy machine decides that.
	late int
	// refused is the exit status of a call that did nothing.
	refused int
	// withoutProc is what the call does without /proc if that is less than with /proc, as its manual page says.
	withoutProc *partial
}

// partial is an outcome that is less than that of the plain call, and that the manual page describes. There is no message.
type partial struct {
	alive []string // the words of the tree that remain
	note  string   // what the tables say instead of a message
}

// groupOnly is what timeout does without /proc. KILL is not sent, because COMMAND is gone by then.
var groupOnly = &partial{
	alive: []string{"deaf"},
	note:  "no message: only the process group is signalled, and no KILL is sent when COMMAND is gone, as by GNU timeout",
}

// exits is the exit status of COMMAND for the applets that return it.
const exits = 7

// calls has one call for each applet.
var calls = []call{
	{name: "tkill", args: []string{"-k", ".1", "root"}, gone: true, refused: 3},
	{name: "pgkill", args: []string{"-k", ".1", "group"}, gone: true, refused: 3},
	{name: "killwait", args: []string{"-k", ".1", "root", "deaf", "leaf"}, gone: true, refused: 3},
	{name: "reapwait", args: []string{"-k", ".1", "--", "command", strconv.Itoa(exits)},
		status: exits, gone: true, refused: 125},
	{name: "freezekill", args: []string{"-k", ".1", "root", "deaf", "leaf"}, gone: true, refused: 3},
	{name: "kill", args: []string{"--timeout", "100", "KILL", "root", "deaf", "leaf"}, gone: true, refused: 1},
	{name: "pkill", args: []string{"-KILL", "-x", "member"}, gone: true, refused: 3},
	{name: "pgrep", args: []string{"-x", "member"}, prints: true, refused: 3},
	{name: "pidwait", args: []string{"-x", "member"}, gone: true, ends: true, refused: 3},
	{name: "killall", args: []string{"-s", "KILL", "-w", "member"}, gone: true, refused: 1},
	{name: "pidof", args: []string{"member"}, prints: true, refused: 1},
	{name: "killall5", args: []string{"-9"}, gone: true, refused: 1},
	{name: "timeout", args: []string{"-k", ".1", "1000", "command"}, status: 124, gone: true,
		late: 137, alarm: true, refused: 125, withoutProc: groupOnly},
	{name: "waitpid", args: []string{"root", "deaf", "leaf"}, gone: true, ends: true, refused: 1},
	// mild: tini waits 5 s for a process that ignores TERM.
	{name: "tini", args: []string{"-s", "--", "command", strconv.Itoa(exits), "mild"},
		status: exits, gone: true, refused: 1},
}

// environments are the columns of the matrix.
var environments = []struct{ name, title string }{
	{"root", "root"},
	{"user", "user"},
	{"hidepid", "hidepid=2, user"},
	{"subset", "subset=pid"},
	{"noproc", "no /proc"},
	{"userns", "user namespace"},
	{"chroot", "chroot"},
}

// modes are the ways in which pidfds fail, each a table.
var modes = []struct{ name, title string }{
	{"pidfds", "pidfds"},
	{"ENOSYS", "pidfd calls refused by ENOSYS"},
	{"EPERM", "pidfd calls refused by EPERM"},
	{"TRAP", "pidfd calls refused by TRAP"},
	{"EMFILE", "few descriptors"},
}

// fewDescriptors are the limits of open files (RLIMIT_NOFILE) of the mode EMFILE. A call needs at least the descriptors
// 0 to 2; with the higher limits it gets some of the descriptors that it needs for three targets.
var fewDescriptors = []uint64{4, 6, 7, 8, 10, 14}
