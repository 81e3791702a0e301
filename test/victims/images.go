package victims

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"reflect"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// imageVictim is `victim image WORD...`: processes that share an image, because they are forked without execve(2). The
// first process has called execve, the processes that it forks are raw processes. Each carries out its words in their
// order:
//
//	name=NAME        its name in the line of readiness (the first process is "root")
//	child ... end    forks a child that carries out these words
//	orphan ... end   the same, but a process in between forks the child and exits
//	daemon ... end   the same, but the process in between leads a session of its own
//	sibling ... end  forks a process with CLONE_PARENT, which is a child of the parent
//	apart ... end    forks a child that is PID 1 of a PID namespace of its own
//	pid=N            as a word of a forked process: it has this PID
//	setsid           leads a session of its own
//	uid=N            becomes another user; uid=R:E:S: with these real, effective and saved user IDs
//	ignore=SIG       ignores the signal; processes that it forks from here on do the same
//	hidden           is not dumpable: without CAP_SYS_PTRACE no process can read its vector
//	forge=PID        takes the memory map and the auxiliary vector that PID has now, by PR_SET_MM_MAP
//	forge-map=PID    takes the memory map only
//	forge-vector=PID takes the vector only
//	hold=FIFO        keeps the FIFO open for writing, until it calls execve(2)
//	watch=FIFO       opens the FIFO for reading
//	hangup           waits until no process holds the FIFO that it watches
//	await=FIFO       waits until a process writes to the FIFO
//	term             waits for SIGTERM
//	orphaned         waits until its parent has ended (not as a word of the first process)
//	files=N          opens N files, which makes the end of the last process that has them take long: it has neither
//	                 memory nor image any more, but still its children
//	close            closes all files
//	exec             calls execve(2) on this program, which carries out the other words of the process
//	shell=FILE       becomes sh, which runs the commands in FILE, and is ready when they close descriptor 3
//	leaderless       its first thread exits, and another thread remains (the last word of a process)
//	tick             waits for the beginning of a clock tick
//	exit             exits
//
// A process that has carried out its words sleeps. A process is ready when it sleeps or waits. When all are ready, the
// first process writes root=PID NAME=PID... to descriptor 3. A process that is forked later has its PID in the file
// NAME in place of that.
func imageVictim(args []string) {
	m := &imageMain{stage: os.Getenv(imageStageVar), said: os.Getenv(imageSaidVar)}
	os.Unsetenv(imageStageVar)
	os.Unsetenv(imageSaidVar)
	image.report = -1
	if m.stage != imageLate {
		must("pipe", unix.Pipe(m.pipe[:]))
		image.report = m.pipe[1]
	}
	parser := &imageParser{words: args}
	parser.process("")
	image.steps = parser.steps
	m.prepare(parser)
	for {
		m.act(rawPlay())
	}
}

// The environment of `victim image` after execve.
const (
	imageStageVar = "IMAGE_STAGE"
	imageSaidVar  = "IMAGE_SAID" // processes that were ready before execve

	imageFirst  = ""       // writes the line of readiness
	imageMember = "member" // reports to the process that writes the line
	imageLate   = "late"   // started when the line has been written
)

// imageMain is the process of `victim image` that has a Go runtime.
type imageMain struct {
	stage string
	said  string
	pipe  [2]int // to which the processes report
	ready bool
	term  chan os.Signal
}

// prepare sets what raw processes read.
func (m *imageMain) prepare(parser *imageParser) {
	debug.SetGCPercent(-1)
	prepareRaw()
	if parser.catches {
		m.prepareTerm()
	}
	image.second = reflect.ValueOf(rawSecondThread).Pointer()
	image.memberEnv = pointers(append(os.Environ(), imageStageVar+"="+imageMember))
	image.lateEnv = pointers(append(os.Environ(), imageStageVar+"="+imageLate))
}

// prepareTerm makes SIGTERM a signal that processes can wait for.
func (m *imageMain) prepareTerm() {
	m.term = make(chan os.Signal, 1)
	signal.Notify(m.term, unix.SIGTERM)
	catchTerm()
	if image.steps[0].catches {
		return
	}
	// This process does not wait for TERM, so TERM must end it.
	go func() {
		<-m.term
		rawAction(sigterm, &raw.deflt)
		_ = unix.Kill(os.Getpid(), unix.SIGTERM)
	}()
}

// act carries out a word of the first thread for which rawPlay has returned.
func (m *imageMain) act(do imageWord) {
	step := &image.steps[image.at]
	image.at++
	switch do {
	case imageExec:
		m.exec(step)
	case imageUser:
		must("setgroups", syscall.Setgroups(nil))
		must("setgid", syscall.Setgid(step.uids[0]))
		must("setresuid", syscall.Setresuid(step.uids[0], step.uids[1], step.uids[2]))
	case imageTerm:
		m.reportReady()
		<-m.term
		rawAction(sigterm, &raw.deflt)
		rawIgnoreAgain()
	case imageAwait:
		m.reportReady()
		rawAwaitFIFO(step)
	case imageHangup:
		m.reportReady()
		rawAwaitHangup()
	case imageLeaderless:
		go func() {
			for threadState("/proc/self/stat") != "Z" {
				time.Sleep(time.Millisecond)
			}
			m.reportReady()
			time.Sleep(imageLifetime)
			os.Exit(0)
		}()
		_, _, _ = unix.Syscall(unix.SYS_EXIT, 0, 0, 0)
	default:
		m.reportReady()
		time.Sleep(imageLifetime)
		os.Exit(0)
	}
}

const imageLifetime = rawLifetime * time.Millisecond

// reportReady waits until all processes are ready, and reports them.
func (m *imageMain) reportReady() {
	if m.ready || m.stage == imageLate {
		return
	}
	m.ready = true
	line := m.said + m.collect()
	if m.stage == imageFirst {
		line = fmt.Sprintf("root=%d %s", os.Getpid(), line)
	}
	ready(line)
}

// collect returns the reports of the processes, on one line, when all of them are ready. Later processes write files.
func (m *imageMain) collect() string {
	_ = unix.Close(image.report)
	image.report = -1
	reports := os.NewFile(uintptr(m.pipe[0]), "reports")
	text, err := io.ReadAll(reports)
	must("reports", err)
	reports.Close()
	return string(bytes.ReplaceAll(text, []byte("\n"), []byte(" ")))
}

func (m *imageMain) exec(step *imageStep) {
	stage := m.stage
	if m.ready {
		stage = imageLate
	}
	env := append(os.Environ(), imageStageVar+"="+stage)
	if stage != imageLate {
		env = append(env, imageSaidVar+"="+m.said+m.collect())
	}
	must("exec", syscall.Exec(step.program, step.args, env))
}

// imageParser turns words into steps.
type imageParser struct {
	words   []string
	at      int
	steps   []imageStep
	catches bool // a process waits for TERM
}

// process parses the words of a process up to its end. Its first step is that for the fork, or a step without effect
// for the first process.
func (p *imageParser) process(fork string) {
	first := len(p.steps)
	p.steps = append(p.steps, imageStep{do: imageWords[fork]})
	for p.at < len(p.words) && p.words[p.at] != "end" {
		word := p.words[p.at]
		p.at++
		do, with, _ := strings.Cut(word, "=")
		switch do {
		case "child", "orphan", "daemon", "sibling", "apart":
			p.process(do)
		case "name":
			p.steps[first].name, p.steps[first].path = with, imagePath(with)
		case "pid":
			p.steps[first].tid[0] = int32(imageNumber(with))
		case "exec":
			p.exec()
		case "term":
			p.steps[first].catches, p.catches = true, true
			p.add(do, imageStep{})
		default:
			p.add(do, imageArgument(do, with))
		}
	}
	if (fork == "") != (p.at == len(p.words)) {
		die(2, "image: %s lacks end, or end is too much", fork)
	}
	p.at++
	p.steps = append(p.steps, imageStep{do: imageRest})
	p.steps[first].next = len(p.steps)
}

func (p *imageParser) add(do string, step imageStep) {
	step.do = imageWords[do]
	if step.do == imageNone {
		die(2, "image: what is %q?", do)
	}
	p.steps = append(p.steps, step)
}

// exec makes the other words of the process the arguments of the program.
func (p *imageParser) exec() {
	depth, last := 0, p.at
	for ; last < len(p.words); last++ {
		switch p.words[last] {
		case "child", "orphan", "daemon", "sibling", "apart":
			depth++
		case "end":
			depth--
		}
		if depth < 0 {
			break
		}
	}
	path, err := os.Executable()
	must("own path", err)
	p.add("exec", executes(path, slices.Concat([]string{"victim", "image"}, p.words[p.at:last])...))
	p.at = last
}

// executes returns a step that calls execve(2).
func executes(program string, args ...string) imageStep {
	return imageStep{program: program, args: args, path: imagePath(program), argv: pointers(args)}
}

func imageArgument(do, with string) (step imageStep) {
	switch do {
	case "uid":
		words := strings.Split(with, ":")
		if len(words) == 1 {
			words = []string{with, with, with}
		}
		for i := range step.uids {
			step.uids[i] = imageNumber(words[i])
		}
	case "ignore":
		step.signal = int(unix.SignalNum("SIG" + with))
	case "files":
		step.number = imageNumber(with)
	case "hold", "watch", "await":
		step.path = imagePath(with)
	case "shell":
		path, err := exec.LookPath("sh")
		must("shell", err)
		step = executes(path, "sh", with)
	case "forge", "forge-map", "forge-vector":
		step.memory = forged(do, imageNumber(with))
	}
	return step
}

func imageNumber(word string) int {
	n, err := strconv.Atoi(word)
	must("argument", err)
	return n
}

func imagePath(word string) *byte {
	path, err := unix.BytePtrFromString(word)
	must(word, err)
	return path
}

// memoryMap is struct prctl_mm_map of PR_SET_MM_MAP.
type memoryMap struct {
	startCode, endCode, startData, endData, startBreak, programBreak, startStack uint64
	argStart, argEnd, envStart, envEnd                                           uint64
	vector                                                                       *byte
	vectorSize, executable                                                       uint32
}

// forged returns the memory map and the vector that a process has now, or one of them, with the other of this process.
func forged(do string, pid int) *memoryMap {
	mapOf, vectorOf := pid, pid
	switch do {
	case "forge-map":
		vectorOf = os.Getpid()
	case "forge-vector":
		mapOf = os.Getpid()
	}
	f, vector := imageFields(mapOf), imageVector(vectorOf)
	const keepExecutable = 1<<32 - 1
	return &memoryMap{
		startCode: f(26), endCode: f(27), startStack: f(28), startData: f(45), endData: f(46),
		startBreak: f(47), programBreak: f(47), // proc(5) does not show the program break
		argStart: f(48), argEnd: f(49), envStart: f(50), envEnd: f(51),
		vector: &vector[0], vectorSize: uint32(len(vector)), executable: keepExecutable,
	}
}

// imageFields returns a function that returns the numbered fields of /proc/PID/stat, for a process whose name contains
// no parenthesis.
func imageFields(pid int) func(int) uint64 {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	must("stat", err)
	_, after, _ := strings.Cut(string(stat), ") ") // field 3 follows
	fields := strings.Fields(after)
	return func(i int) uint64 {
		n, err := strconv.ParseUint(fields[i-3], 10, 64)
		must("stat", err)
		return n
	}
}

// sameImage is `victim same-image PID1 PID...`: it exits with 0 if each PID has PF_FORKNOEXEC, and the addresses of
// code and stack, and the vector, of PID1. It exits with 1 if not, and prints the reasons.
func sameImage(args []string) { os.Exit(compareImages(args, 0)) }

// orphansOf is `victim orphans-of PID1 PID...`: the same, and the parent of each PID is PID 1.
func orphansOf(args []string) { os.Exit(compareImages(args, 1)) }

// pfForkNoExec is PF_FORKNOEXEC of include/linux/sched.h: fork(2) sets it, execve(2) clears it.
const pfForkNoExec = 0x40

// compareImages returns the exit status. parent is the PID of the parent, 0 for any.
func compareImages(args []string, parent uint64) (status int) {
	first := imageNumber(args[0])
	f, vector := imageFields(first), imageVector(first)
	for _, arg := range args[1:] {
		pid := imageNumber(arg)
		g := imageFields(pid)
		for _, fact := range []struct {
			what string
			true bool
		}{
			{"flags", g(9)&pfForkNoExec != 0},
			{"start of code", g(26) == f(26)},
			{"start of stack", g(28) == f(28)},
			{"vector", bytes.Equal(imageVector(pid), vector)},
			{"parent", parent == 0 || parent == g(4)},
		} {
			if !fact.true {
				fmt.Printf("%d: other %s\n", pid, fact.what)
				status = 1
			}
		}
	}
	return status
}

func imageVector(pid int) []byte {
	vector, err := os.ReadFile(fmt.Sprintf("/proc/%d/auxv", pid))
	must("auxv", err)
	return vector
}
