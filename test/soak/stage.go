package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"killbox/test/victims"

	"golang.org/x/sys/unix"
)

const (
	budget   = 45 * time.Second // a call that takes longer hangs
	patience = 10 * time.Second // for what a call leaves to other processes, such as its guardian
	deadline = 100              // seconds that the namespace of a case may live
)

// outcome is what the kernel shows of a case.
type outcome struct {
	Spoiled  string // why the case shows nothing: the family did not become ready
	Hung     string // the state of a tool that did not return
	Status   int    // as a shell has it
	Signal   int    // that ended the tool
	Stdout   string // the first bytes
	Stderr   string
	Millis   int64
	Injected bool     // the tool was alive when the fault came
	Left     []string // processes that the call should have ended, when it returned
	Ended    []string // named members that were gone at the end
	Own      []string // processes of the tool that remained
	Canaries []string // canaries that were ended, stopped or resumed
	Stopped  []string // members that remained stopped
	Twin     string   // standard error of the second tool
}

// stage is the scene of a case, inside its namespace.
type stage struct {
	c        *testCase
	cgroup   string // of the case; the folders family, tool and canaries are below it
	work     string
	members  map[string]process // of the line of readiness
	scope    []process          // those of members that the call must end
	started  time.Time          // of the tool
	terminal *os.File           // the other end of that of the tool, for a fault that hangs it up

	outside         map[int]bool    // see findOutsiders
	outsideSessions map[string]bool // led by outsiders

	out outcome
}

// process is a PID with its start time.
type process struct {
	name  string
	pid   int
	start string
}

// playStage is `soakstage SEED CASE`: it plays a case and prints the outcome as JSON.
func playStage() {
	seed, err := strconv.ParseUint(os.Args[1], 10, 64)
	check("seed", err)
	number, dropped, err := parseName(os.Args[2])
	check("case", err)
	s := &stage{c: newCase(seed, number, dropped), cgroup: os.Getenv("SOAK_CGROUP"), work: os.Getenv("SOAK_WORK")}
	if s.c.fault.kind == "swap" {
		s.swap()
	} else {
		s.play()
	}
	check("outcome", json.NewEncoder(os.Stdout).Encode(&s.out))
}

func (s *stage) play() {
	canaries := s.startCanaries()
	if s.c.call.scope != command {
		s.startFamily()
		if s.out.Spoiled != "" {
			return
		}
	}
	tool := s.startTool(s.c.call.words(), "tool", &s.c.fault)
	canaries = append(canaries, s.startCanary("newcomer", s.canaryName(), s.c.call.scope != otherSessions))
	var twin *runningCall
	if s.c.fault.twin != nil {
		time.Sleep(s.c.fault.delay)
		twin = s.startTool(s.c.fault.twin.words(), "twin", &fault{user: s.c.fault.user})
		s.out.Injected = true
	}
	s.inject(tool)
	s.await(tool)
	s.out.Left = s.remaining()
	if twin != nil {
		if !twin.within(budget) {
			s.out.Hung = "the second tool: " + describe(twin.Process.Pid)
		}
		s.out.Twin = s.read("twin.err")
	}
	s.awaitHelpers()
	for began := time.Now(); s.c.call.soon && len(s.out.Left) > 0 && time.Since(began) < patience; time.Sleep(time.Millisecond) {
		s.out.Left = s.remaining()
	}
	s.observeStopped()
	for _, canary := range canaries {
		if complaint := canary.check(); complaint != "" {
			s.out.Canaries = append(s.out.Canaries, complaint)
		}
	}
	for _, p := range s.members {
		if !p.alive() {
			s.out.Ended = append(s.out.Ended, p.name)
		}
	}
	s.out.Stdout, s.out.Stderr = s.read("tool.out"), s.read("tool.err")
}

// swap runs a scenario of test/victims/swap.go, which judges by itself.
func (s *stage) swap() {
	f := &s.c.fault
	words := []string{"swap", "-n", "1", "-seed", fmt.Sprint(f.number), "-routes", f.value, "^" + regexp.QuoteMeta(f.detail) + "$"}
	tool := s.startTool(words, "tool", &fault{})
	s.await(tool)
	s.out.Injected = true
	s.out.Stdout, s.out.Stderr = s.read("tool.out"), s.read("tool.err")
}

func (s *stage) read(name string) string {
	const most = 4000
	data, _ := os.ReadFile(filepath.Join(s.work, name))
	return string(data[:min(len(data), most)])
}

// into returns the attributes by which a process starts in a cgroup of the case.
func (s *stage) into(cgroup string) (*syscall.SysProcAttr, *os.File) {
	dir, err := os.Open(filepath.Join(s.cgroup, cgroup))
	check("cgroup", err)
	return &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(dir.Fd())}, dir
}

// startFamily starts the family and waits until it is ready.
func (s *stage) startFamily() {
	reader, writer, err := os.Pipe()
	check("pipe", err)
	cmd := exec.Command("actor", s.c.family.words()...)
	var dir *os.File
	cmd.SysProcAttr, dir = s.into("family")
	defer dir.Close()
	cmd.ExtraFiles = []*os.File{writer}
	errors, err := os.Create(filepath.Join(s.work, "family.err"))
	check("family", err)
	cmd.Stderr = errors
	check("family", cmd.Start())
	writer.Close()
	_ = reader.SetReadDeadline(time.Now().Add(2 * patience))
	line, err := bufio.NewReader(reader).ReadString('\n')
	if err != nil {
		s.out.Spoiled = fmt.Sprintf("no line of readiness: %v: %s", err, s.read("family.err"))
		return
	}
	s.members = map[string]process{}
	for _, word := range strings.Fields(line) {
		name, number, _ := strings.Cut(word, "=")
		pid, _ := strconv.Atoi(number)
		if p := (process{name: name, pid: pid, start: startTime(pid)}); p.start != "" {
			s.members[name] = p
		}
	}
	if s.members["root"].start == "" || s.members["prey"].start == "" {
		s.out.Spoiled = "root or prey ended before the call: " + line
		return
	}
	s.chooseScope()
	s.findOutsiders()
}

// startTool starts a call under a fault. Its output goes to files NAME.out and NAME.err.
func (s *stage) startTool(words []string, name string, f *fault) *runningCall {
	args := f.wrap(s.expand(words))
	cmd := exec.Command(args[0], args[1:]...)
	home := "tool"
	if s.c.call.scope == command {
		home = "family"
	}
	var dir *os.File
	cmd.SysProcAttr, dir = s.into(home)
	defer dir.Close()
	var err error
	cmd.Stdout, err = os.Create(filepath.Join(s.work, name+".out"))
	check("output", err)
	cmd.Stderr, err = os.Create(filepath.Join(s.work, name+".err"))
	check("output", err)
	if s.c.call.operands[0] == "--hold" {
		_, err = cmd.StdinPipe() // without end of file
		check("input", err)
	}
	if s.c.call.scope == command {
		null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0) // for the line of readiness
		check("null", err)
		cmd.ExtraFiles = []*os.File{null}
	}
	if f.hangup {
		var tty *os.File
		s.terminal, tty, err = victims.OpenTerminal()
		check("terminal", err)
		defer tty.Close()
		cmd.Stdin, cmd.SysProcAttr.Setsid, cmd.SysProcAttr.Setctty = tty, true, true
	}
	if f.kind == "hog" {
		hog := exec.Command("member", "hog", "0", "200ms")
		check("hog", hog.Start())
		go func() { _ = hog.Wait() }()
		s.out.Injected = true
	}
	check(args[0], cmd.Start())
	if name == "tool" {
		s.started = time.Now()
	}
	t := &runningCall{Cmd: cmd, done: make(chan struct{})}
	go func() { _ = cmd.Wait(); close(t.done) }()
	return t
}

// runningCall is a call that was started; done is closed when it has been reaped.
type runningCall struct {
	*exec.Cmd
	done chan struct{}
}

// expand replaces the words in braces.
func (s *stage) expand(words []string) (list []string) {
	operand := func(name string) string {
		p, ok := s.members[name]
		if !ok {
			fail("soak: %q in a call without members", name) // PID 0 would be this group
		}
		return strconv.Itoa(p.pid)
	}
	for _, word := range words {
		switch word {
		case "{actor}":
			list = append(append(list, "actor"), s.c.family.words()...)
		case "{pids}":
			for _, name := range slices.Sorted(maps.Keys(s.members)) {
				list = append(list, strconv.Itoa(s.members[name].pid))
			}
		case "{root}", "{prey}":
			list = append(list, operand(strings.Trim(word, "{}")))
		case "{handle}":
			list = append(list, operand("root")+"@"+s.members["root"].start)
		case "{cgroup}":
			list = append(list, filepath.Join(s.cgroup, "family"))
		default:
			list = append(list, word)
		}
	}
	return list
}

// inject sends the signals of the fault, and ends the target of a call that waits.
func (s *stage) inject(tool *runningCall) {
	f := &s.c.fault
	go func() {
		if s.c.call.helper {
			time.Sleep(f.delay)
			_ = unix.Kill(s.members["prey"].pid, unix.SIGKILL)
		}
	}()
	sig := unix.SIGSTOP
	switch f.kind {
	case "signal":
		sig = f.signal()
	case "stop":
	case "none", "twin", "hog":
		return
	default:
		s.out.Injected = true
		return
	}
	time.Sleep(time.Until(s.started.Add(f.delay)))
	// The tool has not been reaped: its PID is its own.
	s.out.Injected = !zombie(tool.Process.Pid)
	if f.hangup {
		check("hang up", s.terminal.Close())
		return
	}
	_ = unix.Kill(tool.Process.Pid, sig)
	if sig == unix.SIGSTOP || sig == unix.SIGTSTP {
		time.Sleep(30 * time.Millisecond)
		_ = unix.Kill(tool.Process.Pid, unix.SIGCONT)
	}
}

// await waits for the tool.
func (s *stage) await(tool *runningCall) {
	if s.c.call.tool == "tini" && s.c.fault.kind != "swap" {
		go s.endCommand(tool)
	}
	if !tool.within(budget) {
		s.out.Hung = describe(tool.Process.Pid)
		_ = tool.Process.Kill()
		_ = tool.within(patience)
	}
	s.out.Millis = time.Since(s.started).Milliseconds()
	s.out.Status = tool.code()
	if tool.ProcessState != nil {
		if ws := tool.ProcessState.Sys().(syscall.WaitStatus); ws.Signaled() {
			s.out.Signal = int(ws.Signal())
		}
	}
}

// endCommand ends the command of tini, which has no limit, after 400 ms: it kills all children of tini in the cgroup of
// the family until tini has ended.
func (s *stage) endCommand(tini *runningCall) {
	for delay := 400 * time.Millisecond; !tini.within(delay); delay = 50 * time.Millisecond {
		for _, pid := range s.processes("family") {
			if fields := statFields(pid); len(fields) > ppid && fields[ppid] == strconv.Itoa(tini.Process.Pid) {
				_ = unix.Kill(pid, unix.SIGKILL)
			}
		}
	}
}

// within reports whether the tool ends in time.
func (t *runningCall) within(limit time.Duration) bool {
	select {
	case <-t.done:
		return true
	case <-time.After(limit):
		return false
	}
}

// code returns the exit status as a shell has it.
func (t *runningCall) code() int {
	if t.ProcessState == nil {
		return -1
	}
	ws := t.ProcessState.Sys().(syscall.WaitStatus)
	if ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return ws.ExitStatus()
}
