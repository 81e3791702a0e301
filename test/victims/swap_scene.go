package victims

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// relation says whose child the victim is.
type relation int

const (
	alone        relation = iota // a child of the swapper
	child                        // a child of the root (see rawRoot)
	stray                        // an orphan in the session of a child of the root
	orphan                       // an orphan with the image of the root (see orphanRoot)
	zombieParent                 // a child of the swapper, with a zombie as its own child
)

// scene contains the processes of one run.
type scene struct {
	scenario *scenario
	tracer   *tracer
	cgroup   string // of the victim, if the scenario uses one
	file     string // contains the input of the tool
	victim   int
	start    int64 // start time of the victim, in ticks
	root     int
	leader   int
	command  *os.File // a pipe to the process that forks the victim
	answers  *bufio.Reader
	close    []*os.File
}

// zombieParentScript forks a child, which exits. The shell then becomes the victim, and does not reap the child.
const zombieParentScript = `: & exec prey 60`

// prepare makes the processes that must exist before the victim.
func (s *scene) prepare() {
	root := forkSpec{session: true}
	switch s.scenario.relation {
	case child:
		root.rawRun = rawRoot
	case stray:
		root.rawRun = rawStrayRoot
	case orphan:
		root.argv, root.env = []string{"victim", "orphan-root"}, os.Environ()
	default:
		return
	}
	preparePrey()
	in, out, err := os.Pipe()
	must("pipe", err)
	answers, replies, err := os.Pipe()
	must("pipe", err)
	s.command, s.answers, s.close = out, bufio.NewReader(answers), []*os.File{in, out, answers, replies}
	root.stdio = [3]int{int(in.Fd()), int(replies.Fd()), null}
	s.root, err = fork(&root)
	must("fork", err)
	if first := s.answer(); s.scenario.relation == stray {
		s.leader = first
	}
}

func (s *scene) answer() int {
	line, err := s.answers.ReadString('\n')
	must("answer of the root", err)
	n, err := strconv.Atoi(strings.TrimSpace(line))
	must("answer of the root", err)
	return n
}

// startVictim starts the victim, and returns when the tool can find it.
func (s *scene) startVictim() {
	sc := s.scenario
	switch sc.relation {
	case child, stray, orphan:
		_, err := s.command.WriteString("\n")
		must("write", err)
		s.victim = s.answer()
		s.until("victim", func() bool { return comm(s.victim) == "prey" })
	default:
		b := &forkSpec{
			pid: s.victim, argv: []string{"prey", "60"}, env: os.Environ(), uid: sc.uid, ignores: sc.ignores, session: sc.session, group: true,
			stdio: [3]int{null, null, null},
		}
		switch {
		case sc.relation == zombieParent:
			b.argv = []string{"sh", "-c", zombieParentScript}
		case sc.inDir:
			b.argv = []string{"sh", "-c", `cd "${0%/*}" && exec prey 60`, prey}
		case sc.script:
			b.argv = []string{"sh", prey + ".sh"}
		}
		if sc.env != "" {
			b.env = append(b.env, s.words([]string{sc.env}, 0)...)
		}
		if s.cgroup != "" {
			dir, err := os.Open(s.cgroup)
			must("cgroup", err)
			defer dir.Close()
			b.cgroup = int(dir.Fd())
		}
		_, err := fork(b)
		must("fork", err)
		switch {
		case sc.relation == zombieParent:
			s.until("zombie", func() bool { return comm(s.victim) == "prey" && s.hasZombie() })
		case sc.inDir:
			s.until("victim", func() bool { return comm(s.victim) == "prey" })
		}
	}
	if sc.ended {
		s.tracer.killAndWait(s.root)
	}
	if sc.halted {
		must("stop", unix.Kill(s.victim, unix.SIGSTOP))
		s.until("stop", func() bool { return state(s.victim) == "T" })
	}
	s.start = startTick(s.victim)
}

// number returns the PID that a newcomer gets.
func (s *scene) number() int {
	if s.scenario.leader {
		return s.root
	}
	return s.victim
}

// swap replaces the victim, and reports whether the newcomer has started in the same tick.
func (s *scene) swap() bool {
	start := startTick(s.number())
	s.tracer.killAndWait(s.victim)
	if s.scenario.leader && !s.scenario.ended {
		s.tracer.killAndWait(s.root)
	}
	newcomer(s.number())
	return startTick(s.number()) == start
}

func (s *scene) until(what string, done func() bool) {
	for limit := now() + patience; !done(); {
		if now() > limit {
			die(125, "swap: %s: the %s does not come", s.scenario.name, what)
		}
	}
}

func (s *scene) hasZombie() bool {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", s.victim, s.victim))
	list := strings.Fields(string(data))
	if len(list) == 0 {
		return false
	}
	pid, _ := strconv.Atoi(list[0])
	return state(pid) == "Z"
}

func comm(pid int) string {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return strings.TrimSpace(string(data))
}

func state(pid int) string {
	if fields := statFields(pid); len(fields) > 0 {
		return fields[0]
	}
	return ""
}

// killAll kills all processes of the scene.
func (s *scene) killAll() {
	for _, pid := range []int{s.leader, s.root, s.victim} {
		if pid != 0 {
			s.tracer.killAndWait(pid)
		}
	}
	for _, f := range s.close {
		_ = f.Close()
	}
}

// words replaces the words in braces in the arguments of a scenario.
func (s *scene) words(list []string, start int64) []string {
	replace := strings.NewReplacer(
		"{pid}", strconv.Itoa(s.victim),
		"{handle}", fmt.Sprintf("%d@%d", s.victim, start),
		"{inode}", strconv.FormatUint(pidInode(s.victim), 10),
		"{root}", strconv.Itoa(s.root),
		"{leader}", strconv.Itoa(s.leader),
		"{cgroup}", s.cgroup,
		"{file}", s.file,
		"{prey}", prey,
		"{dir}", filepath.Dir(prey),
		"{here}", markEnd())
	var out []string
	for _, word := range list {
		out = append(out, replace.Replace(word))
	}
	return out
}

// markEnd returns the end of the owner marks of this PID namespace: the namespace and the boot.
func markEnd() string {
	name, err := os.Readlink("/proc/self/ns/pid")
	must("namespace", err)
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	must("boot ID", err)
	return strings.Trim(name, "pid:[]") + "/" + string(boot[:8])
}

// pidInode returns the inode number of a pidfd of the process, or 0 if the process does not exist.
func pidInode(pid int) uint64 {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return 0
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	must("fstat", unix.Fstat(fd, &st))
	return st.Ino
}
