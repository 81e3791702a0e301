// Actor is a process, possibly with descendants, that carries out its words in their order:
//
//	name=NAME          its name in the line of readiness (the first process is "root" as well)
//	ignore=SIG block=SIG catch=SIG default=SIG
//	exit-on=SIG:N      exits with N on SIG; late=SIG:S:N the same, S seconds later
//	log=SIG:FILE       appends SIG to FILE for each SIG (except CHLD)
//	reaped=FILE        appends the PID to FILE for each child that it reaps
//	setsid setpgrp     leads a new session, a new group
//	uid=N              becomes another user
//	comm=NAME          sets its name in /proc/PID/comm
//	keep               does not reap its children, which stay zombies (by default it reaps them)
//	missed             reaps on CHLD only, and misses the first: a child that exits before all are ready stays a zombie
//	                   until the next CHLD (a word of the root, which has one child)
//	child ... end      forks a child that carries out these words
//	orphan ... end     the same, but the child becomes an orphan: a process in between forks it and exits
//	chain=NAME:N       N generations below it: child name=NAME1 child name=NAME2 ... end end
//	run=CMD,ARG,...    forks a child that executes CMD, and waits until CMD writes a line to descriptor 3 or closes it
//	exit=N             exits at once (and stays a zombie under a parent with keep)
//	stop               sends itself STOP when all processes are ready
//
// A child inherits the dispositions and the mask that earlier words of its parent have set, as by fork(2). A process
// that has no handler and need not reap becomes sleep(1), which has one thread. Any other process has the threads of
// the Go runtime. When all processes are ready, the first one writes a line to descriptor 3: root=PID NAME=PID... It
// closes the descriptor when it is ready itself, and has become sleep(1) if it does. Each process ends by itself after
// 150 s.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	lifetime = 150 * time.Second
	noName   = "\x00" // makes /proc/PID/comm empty
)

// The environment of an actor that another actor has started. An actor that blocks signals executes itself again
// with the mask set, because the Go runtime copies the mask at its start to all of its threads.
const (
	childVar   = "ACTOR_CHILD"   // set for all actors but the first
	orphanVar  = "ACTOR_ORPHAN"  // set for the parent that exits, which makes its child an orphan
	blockedVar = "ACTOR_BLOCKED" // set once the signals of the words are blocked
)

func main() {
	words := chains(os.Args[1:])
	a := &actor{name: "-", root: os.Getenv(childVar) == ""}
	if a.root {
		a.name = "root"
	}
	if os.Getenv(orphanVar) != "" {
		os.Unsetenv(orphanVar)
		a.toRoot = os.NewFile(3, "root")
		a.start(words, false)
		return
	}
	if mask := blocked(words); mask != nil && os.Getenv(blockedVar) == "" {
		runtime.LockOSThread()
		must("sigprocmask", unix.PthreadSigmask(unix.SIG_BLOCK, mask, nil))
		must("exec", syscall.Exec(self(), os.Args, append(os.Environ(), blockedVar+"=1")))
	}
	os.Unsetenv(blockedVar)
	a.mask = blocked(words)
	a.play(words)
}

// actor is this process.
type actor struct {
	name     string
	root     bool
	toRoot   *os.File // to which actors report that they are ready
	fromRoot *os.File // the reading end, in the root
	ready    *os.File // from the root to the script

	inherited []string // the words of this process whose effects a child inherits
	keep      bool
	missed    bool
	stop      bool
	exits     bool
	code      int
	reaped    string
	comm      string
	handlers  bool
	children  bool
	mask      *unix.Sigset_t // the signals to block, or nil if there are none
	caught    chan os.Signal
	on        map[os.Signal]func()
}

func (a *actor) play(words []string) {
	a.caught, a.on = make(chan os.Signal, 64), make(map[os.Signal]func())
	if a.root {
		a.ready = os.NewFile(3, "ready")
		unix.CloseOnExec(3)
		var err error
		a.fromRoot, a.toRoot, err = os.Pipe()
		must("pipe", err)
	} else {
		a.toRoot = os.NewFile(3, "root")
		unix.CloseOnExec(3)
	}
	for i := 0; i < len(words); i++ {
		if !isChild(words[i]) {
			a.act(words[i])
			continue
		}
		last := end(words, i)
		inner := append(append([]string(nil), a.inherited...), words[i+1:last]...)
		a.start(inner, words[i] == "orphan")
		a.children = true
		i = last
	}
	// A process with an empty name cannot become sleep(1), because no executable has an empty name.
	sleeps := !a.handlers && !a.stop && !a.exits && (a.keep || !a.children) && a.comm != noName
	if a.comm != "" && !sleeps {
		must("comm", os.WriteFile("/proc/self/comm", []byte(a.comm), 0))
	}
	if a.mask != nil && !sleeps && !a.exits {
		a.checkMask()
	}
	a.restoreDefaults()
	want := ""
	switch {
	case a.exits:
		want = "Z"
	case a.stop:
		want = "T"
	case sleeps:
		want = "sleep"
	}
	if a.root {
		a.reportReady()
	} else {
		fmt.Fprintf(a.toRoot, "%s %d %s\n", a.name, os.Getpid(), want)
		a.toRoot.Close()
	}
	switch {
	case a.exits:
		os.Exit(a.code)
	case sleeps:
		a.sleep()
	}
	if a.root {
		a.ready.Close()
	}
	if !a.keep {
		signal.Notify(a.caught, syscall.SIGCHLD)
		a.on[syscall.SIGCHLD] = a.reap
		if !a.missed {
			a.reap()
		}
	}
	if a.stop {
		must("stop", syscall.Kill(os.Getpid(), syscall.SIGSTOP))
	}
	after := time.After(lifetime)
	for {
		select {
		case <-after:
			return
		case sig := <-a.caught:
			if do := a.on[sig]; do != nil {
				do()
			}
		}
	}
}

// act carries out one word, and records what children inherit.
func (a *actor) act(word string) {
	do, with, _ := strings.Cut(word, "=")
	name, rest, _ := strings.Cut(with, ":")
	switch do {
	case "name":
		a.name = with
	case "ignore":
		signal.Ignore(number(with))
	case "default":
		signal.Reset(number(with))
		setDefault(number(with))
	case "catch":
		a.handle(number(with), func() {})
	case "exit-on":
		code := integer(rest)
		a.handle(number(name), func() { os.Exit(code) })
	case "late":
		seconds, code, _ := strings.Cut(rest, ":")
		wait, err := time.ParseDuration(seconds + "s")
		must(word, err)
		a.handle(number(name), func() { time.Sleep(wait); os.Exit(integer(code)) })
	case "log":
		if name == "CHLD" {
			fail("CHLD is the actor's own")
		}
		a.handle(number(name), func() { appendLine(rest, name) })
	case "block": // done before the Go runtime started, see main
	case "reaped":
		a.reaped, a.handlers = with, true
	case "setsid":
		_, err := syscall.Setsid()
		must("setsid", err)
	case "setpgrp":
		must("setpgid", syscall.Setpgid(0, 0))
	case "uid":
		must("setgid", syscall.Setgid(integer(with)))
		must("setuid", syscall.Setuid(integer(with)))
	case "run":
		a.run(strings.Split(with, ","))
	case "comm":
		a.comm = with
		if with == "" {
			a.comm = noName
		}
	case "keep":
		a.keep = true
	case "missed":
		a.missed = true
		signal.Notify(a.caught, syscall.SIGCHLD)
	case "exit":
		a.exits, a.code = true, integer(with)
	case "stop":
		a.stop = true
	default:
		fail("what is " + strconv.Quote(word) + "?")
	}
	switch do {
	case "ignore", "default", "catch", "exit-on", "late", "log", "block":
		a.inherited = append(a.inherited, word)
	}
}

func (a *actor) handle(sig syscall.Signal, do func()) {
	a.handlers, a.on[sig] = true, do
	signal.Notify(a.caught, sig)
}

// start starts a child that carries out the words.
func (a *actor) start(words []string, orphan bool) {
	cmd := &exec.Cmd{
		Path: self(), Args: append([]string{os.Args[0]}, words...), Env: append(os.Environ(), childVar+"=1"),
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, ExtraFiles: []*os.File{a.toRoot},
	}
	if orphan {
		cmd.Env = append(cmd.Env, orphanVar+"=1")
	}
	must("start", cmd.Start())
	if orphan {
		must("the parent of the orphan", cmd.Wait())
	}
}

// run starts a program as a child, and waits until the program is ready.
func (a *actor) run(args []string) {
	path, err := exec.LookPath(args[0])
	must(args[0], err)
	reader, writer, err := os.Pipe()
	must("pipe", err)
	cmd := &exec.Cmd{Path: path, Args: args, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, ExtraFiles: []*os.File{writer}}
	must("run", cmd.Start())
	writer.Close()
	_, _ = bufio.NewReader(reader).ReadString('\n')
	reader.Close()
	a.children = true
}

// reap reaps the children that have exited.
func (a *actor) reap() {
	for {
		pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		if err != nil || pid <= 0 {
			return
		}
		if a.reaped != "" {
			appendLine(a.reaped, strconv.Itoa(pid))
		}
	}
}

// sleep becomes sleep(1).
func (a *actor) sleep() {
	path, err := exec.LookPath("sleep")
	must("sleep", err)
	if a.comm != "" {
		// The kernel sets comm to the last component of the path.
		dir, err := os.MkdirTemp("", "actor")
		must("mkdir", err)
		link := filepath.Join(dir, a.comm)
		must("symlink", os.Symlink(path, link))
		path = link
	}
	if a.mask != nil {
		runtime.LockOSThread()
		must("sigprocmask", unix.PthreadSigmask(unix.SIG_BLOCK, a.mask, nil))
	}
	must("exec", syscall.Exec(path, []string{"sleep", strconv.Itoa(int(lifetime / time.Second))}, os.Environ()))
}

func appendLine(file, text string) {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return
	}
	defer f.Close()
	fmt.Fprintln(f, text)
}

func must(what string, err error) {
	if err != nil {
		fail(fmt.Sprintf("%s: %v", what, errors.Unwrap(fmt.Errorf("%w", err))))
	}
}

func fail(text string) {
	fmt.Fprintln(os.Stderr, "actor: "+text)
	os.Exit(1)
}

// self returns the path of this program; without /proc the path is searched in PATH. Executing /proc/self/exe would
// set comm to "exe".
func self() string {
	path, err := os.Executable()
	if err != nil {
		path, err = exec.LookPath(os.Args[0])
	}
	must("own path", err)
	return path
}
