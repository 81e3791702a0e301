package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const stages = 200

// pipeline is a pipeline of bash whose processes all sleep.
type pipeline struct {
	shell  *child
	pids   []int // ascending, which is the order of the stages; in a script, the shell comes first
	group  int
	before int64 // context switches until the pipeline was at rest
}

func stagesText() string { return "sleep 60" + strings.Repeat(" | cat", stages-1) }

// startPipeline starts a pipeline: in a script that waits for it, or as a job of an interactive shell that has
// exited. In the second case each stage is a child of this process, and its switches are counted separately.
func (b *bench) startPipeline(job bool) (*pipeline, error) {
	// A further command keeps bash from executing the last stage itself.
	text := stagesText() + "\ntrue\n"
	argv, want := []string{"bash", "-c", text}, stages+1
	if job {
		argv, want = []string{"bash", "-m", "-c", stagesText() + " &"}, stages
	}
	shell, err := b.start(command{argv: argv, setsid: true})
	if err != nil {
		return nil, err
	}
	if job {
		if _, err := shell.wait(0); err != nil {
			return nil, err
		}
	}
	p := &pipeline{shell: shell}
	for end := time.Now().Add(limit); ; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			return nil, errors.New("the pipeline does not come to rest")
		}
		pids, asleep := session(shell.pid)
		sum := int64(0)
		for _, pid := range pids {
			sum += switchesOf(pid)
		}
		// The pipeline is at rest if no process has run between two scans.
		if asleep && len(pids) == want && sum == p.before {
			p.pids = pids
			p.group, err = groupOf(pids[0])
			return p, err
		}
		p.before = sum
	}
}

func groupOf(pid int) (int, error) {
	pgid, err := syscall.Getpgid(pid)
	if err != nil {
		return 0, fmt.Errorf("group of %d: %w", pid, err)
	}
	return pgid, nil
}

// session returns the processes of a session, and whether each of them has called execve(2) and sleeps.
func session(sid int) (pids []int, asleep bool) {
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	asleep = true
	for _, file := range files {
		text := oneLine(file)
		_, rest, ok := strings.Cut(text, ") ")
		f := strings.Fields(rest)
		if !ok || len(f) < 4 || f[3] != strconv.Itoa(sid) {
			continue
		}
		pid, _ := strconv.Atoi(strings.Fields(text)[0])
		pids = append(pids, pid)
		asleep = asleep && f[0] == "S" && (pid == sid || !strings.Contains(text, "(bash)"))
	}
	slices.Sort(pids)
	return pids, asleep
}

// switchesOf returns the context switches of all threads of a process until now.
func switchesOf(pid int) int64 {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/[0-9]*/status", pid))
	sum := int64(0)
	for _, file := range files {
		sum += statusField(file, "voluntary_ctxt_switches") + statusField(file, "nonvoluntary_ctxt_switches")
	}
	return sum
}

// statusField returns a number in a status file, without its unit.
func statusField(file, name string) int64 {
	text, _ := os.ReadFile(file)
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			n, _ := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			return n
		}
	}
	return 0
}

// countSwitches starts a pipeline, ends it with the command that kill returns, and returns the context switches of the
// processes of the pipeline after the start of that command. The kernel counts them: the rusage that wait4(2) returns
// contains those of the process and of all children that it had reaped.
func (b *bench) countSwitches(job bool, kill func(p *pipeline) []string) (float64, error) {
	// Processes that remain after an arm that failed must not count for the next.
	if err := b.killAll(); err != nil {
		return 0, err
	}
	p, err := b.startPipeline(job)
	if err != nil {
		return 0, err
	}
	killer, err := b.start(command{argv: kill(p)})
	if err != nil {
		return 0, err
	}
	// kill exits with 1 or 64 if a process has already ended, because the end of another process ended its input.
	if _, err := killer.wait(0, 1, 64); err != nil {
		return 0, err
	}
	orphans, err := b.waitIdle()
	if err != nil {
		return 0, err
	}
	sum := -p.before
	for _, pid := range p.pids {
		sum += orphans[pid].switches
	}
	if !job {
		sum += (<-p.shell.done).switches
	}
	return float64(sum), nil
}

func (b *bench) switchesArm(job bool, name string, kill func(p *pipeline) []string) *arm {
	a := &arm{name: name, measure: func() (float64, error) { return b.countSwitches(job, kill) }}
	if _, err := lookPath("bash"); err != nil {
		a.absent = "bash is not installed"
	}
	return a
}

// oneByOne is the usual way without killbox: one call of kill, with the PIDs in the order of the stages.
func oneByOne(p *pipeline) []string {
	return append([]string{"kill", "-TERM", "--"}, pidStrings(p.pids)...)
}

// callForEach is a loop of the shell that calls kill for each PID.
func callForEach(p *pipeline) []string {
	return append([]string{"sh", "-c", `for p; do /usr/bin/kill -TERM "$p"; done; :`, "sh"}, pidStrings(p.pids)...)
}

func pidStrings(pids []int) []string {
	list := make([]string, len(pids))
	for i, pid := range pids {
		list[i] = strconv.Itoa(pid)
	}
	return list
}

func (b *bench) switchesScript() error {
	root := func(p *pipeline) string { return strconv.Itoa(p.shell.pid) }
	b.compare("context switches of a pipeline of 200 stages, by a script", "", []*arm{
		b.switchesArm(false, "pgkill", func(p *pipeline) []string { return []string{b.tool("pgkill"), root(p)} }),
		b.switchesArm(false, "freezekill -T", func(p *pipeline) []string { return []string{b.tool("freezekill"), "-T", root(p)} }),
		b.switchesArm(false, "tkill", func(p *pipeline) []string { return []string{b.tool("tkill"), root(p)} }),
	}, []*arm{
		b.switchesArm(false, "kill for each", callForEach),
		b.switchesArm(false, "kill PID...", oneByOne),
		b.switchesArm(false, "kill -PGID", func(p *pipeline) []string { return []string{"kill", "-TERM", "--", "-" + root(p)} }),
	})
	return nil
}

func (b *bench) switchesJob() error {
	group := func(p *pipeline) string { return strconv.Itoa(p.group) }
	b.compare("context switches of a pipeline of 200 stages, as a job", "", []*arm{
		b.switchesArm(true, "pgkill", func(p *pipeline) []string { return []string{b.tool("pgkill"), group(p)} }),
		b.switchesArm(true, "freezekill", func(p *pipeline) []string { return []string{b.tool("freezekill"), "--group", group(p)} }),
		b.switchesArm(true, "tkill", func(p *pipeline) []string { return []string{b.tool("tkill"), "--group", group(p)} }),
	}, []*arm{
		b.switchesArm(true, "kill for each", callForEach),
		b.switchesArm(true, "kill PID...", oneByOne),
		b.switchesArm(true, "kill -PGID", func(p *pipeline) []string { return []string{"kill", "-TERM", "--", "-" + group(p)} }),
	})
	return nil
}
