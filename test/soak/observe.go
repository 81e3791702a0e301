package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"killbox/test/victims"

	"golang.org/x/sys/unix"
)

// Indexes of statFields.
const (
	ppid  = 1
	pgrp  = 2
	sid   = 3
	start = 19
)

func statFields(pid int) []string { return victims.StatFields(fmt.Sprintf("/proc/%d/stat", pid)) }

func startTime(pid int) string {
	if fields := statFields(pid); len(fields) > start {
		return fields[start]
	}
	return ""
}

func zombie(pid int) bool {
	fields := statFields(pid)
	return len(fields) == 0 || (fields[0] == "Z" || fields[0] == "X") && !threadAlive(pid)
}

// threadAlive reports whether a thread of a process lives whose first thread has exited.
func threadAlive(pid int) bool {
	stats, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	return slices.ContainsFunc(stats, func(path string) bool {
		fields := victims.StatFields(path)
		return len(fields) > 0 && fields[0] != "Z" && fields[0] != "X"
	})
}

// alive reports whether the process exists and is no zombie.
func (p process) alive() bool { return p.start != "" && startTime(p.pid) == p.start && !zombie(p.pid) }

// processes returns the PIDs in a cgroup of the case. The kernel leaves zombies out.
func (s *stage) processes(cgroup string) (pids []int) {
	data, _ := os.ReadFile(filepath.Join(s.cgroup, cgroup, "cgroup.procs"))
	for _, word := range strings.Fields(string(data)) {
		// The kernel shows processes of other namespaces as 0.
		if pid, err := strconv.Atoi(word); err == nil && pid > 0 {
			pids = append(pids, pid)
		}
	}
	return pids
}

// describe returns the line of a process for a report.
func describe(pid int) string {
	fields := append(statFields(pid), "gone", "")
	comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	wchan, _ := os.ReadFile(fmt.Sprintf("/proc/%d/wchan", pid))
	args, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return fmt.Sprintf("%d %q state %s parent %s in %s: %.80q", pid, strings.TrimSpace(string(comm)), fields[0], fields[1], wchan,
		strings.ReplaceAll(string(args), "\x00", " "))
}

// chooseScope chooses the members that the call must end.
func (s *stage) chooseScope() {
	root := strconv.Itoa(s.members["root"].pid)
	for _, p := range s.members {
		fields := statFields(p.pid)
		if len(fields) <= sid {
			continue
		}
		switch s.c.call.scope {
		case listed:
		case group:
			if fields[pgrp] != root {
				continue
			}
		case session:
			if fields[sid] != root {
				continue
			}
		case named:
			if p.name != "prey" {
				continue
			}
		default:
			continue
		}
		s.scope = append(s.scope, p)
	}
}

// remaining returns the processes that the call should have ended.
func (s *stage) remaining() (left []string) {
	for _, p := range s.scope {
		if p.alive() {
			left = append(left, p.name+": "+describe(p.pid))
		}
	}
	switch s.c.call.scope {
	case tree, everything, otherSessions, command:
	default:
		return left
	}
	if !populated(filepath.Join(s.cgroup, "family")) {
		return nil
	}
	for _, pid := range s.processes("family") {
		if !(s.c.call.scope == tree && s.isOutside(pid)) && !zombie(pid) {
			left = append(left, describe(pid))
		}
	}
	return left
}

// findOutsiders records the processes that have left the tree before the call and that nothing attributes to it:
// orphans that are in another session than root, or all orphans if root leads no session.
func (s *stage) findOutsiders() {
	root := strconv.Itoa(s.members["root"].pid)
	s.outside, s.outsideSessions = map[int]bool{}, map[string]bool{}
	for _, pid := range s.processes("family") {
		fields := statFields(pid)
		if len(fields) <= sid || fields[ppid] != "1" || fields[sid] == root {
			continue
		}
		s.outside[pid] = true
		if fields[sid] == strconv.Itoa(pid) {
			s.outsideSessions[fields[sid]] = true
		}
	}
}

// isOutside reports whether a process is an outsider, a descendant of one, or in the session of one.
func (s *stage) isOutside(pid int) bool {
	for range 100 {
		fields := statFields(pid)
		if s.outside[pid] || len(fields) > sid && s.outsideSessions[fields[sid]] {
			return true
		}
		if len(fields) == 0 {
			return false
		}
		pid, _ = strconv.Atoi(fields[ppid])
	}
	return false
}

// populated reads cgroup.events.
func populated(dir string) bool {
	data, err := os.ReadFile(filepath.Join(dir, "cgroup.events"))
	return err == nil && strings.Contains(string(data), "populated 1")
}

// awaitHelpers waits until the guardian of the tool, and the second process of a pair, have ended.
func (s *stage) awaitHelpers() {
	home := "tool"
	if s.c.call.scope == command {
		home = "family"
	}
	for began := time.Now(); populated(filepath.Join(s.cgroup, home)); time.Sleep(time.Millisecond) {
		if time.Since(began) < patience && !(home == "family" && s.mayRemain()) {
			continue
		}
		for _, pid := range s.processes(home) {
			if home == "tool" || isOwn(pid) {
				s.out.Own = append(s.out.Own, describe(pid))
			}
		}
		break
	}
	if home == "family" && len(s.out.Left) > 0 && s.out.Signal != 0 {
		s.out.Left = s.remaining() // the other half of the pair needs a moment
	}
}

// mayRemain reports whether the call may leave processes of its command behind.
func (s *stage) mayRemain() bool { return !endsCommand(s.c, &s.out) }

// isOwn reports whether a process runs killbox.
func isOwn(pid int) bool {
	exe, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	return filepath.Base(exe) == "killbox"
}

// observeStopped lists members in state T or t, unless the family stops processes itself. A signal that resumes needs a
// moment.
func (s *stage) observeStopped() {
	if s.c.family.has(func(t trait) bool { return t.stops }) {
		return
	}
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		s.out.Stopped = nil
		for _, pid := range s.processes("family") {
			if fields := statFields(pid); len(fields) > 0 && (fields[0] == "T" || fields[0] == "t") {
				s.out.Stopped = append(s.out.Stopped, describe(pid))
			}
		}
		if len(s.out.Stopped) == 0 || time.Since(began) > patience/2 {
			return
		}
	}
}

// canary is a process that no call may end, stop or resume.
type canary struct {
	process
	kind  string
	state string // that it must keep: S or T
}

// canaryName returns the name of the canaries: that of the prey, unless the call selects by name.
func (s *stage) canaryName() string {
	if s.c.call.scope == named || s.c.fault.twin != nil && s.c.fault.twin.scope == named {
		return namesake
	}
	return prey
}

func (s *stage) startCanaries() []canary {
	name := s.canaryName()
	list := []canary{s.startCanary("child of the caller", name, false)}
	if s.c.call.scope == otherSessions {
		return list
	}
	stopped := s.startCanary("stopped before", name, true)
	check("stop", unix.Kill(stopped.pid, unix.SIGSTOP))
	stopped.state = "T"
	return append(list, s.startCanary("leader of a session", name, true), stopped)
}

// startCanary starts a sleep(1) with this name.
func (s *stage) startCanary(kind, name string, leads bool) canary {
	path, err := exec.LookPath(name)
	check(name, err)
	cmd := exec.Command(path, "150")
	var dir *os.File
	cmd.SysProcAttr, dir = s.into("canaries")
	defer dir.Close()
	cmd.SysProcAttr.Setsid = leads
	check(name, cmd.Start())
	return canary{process: process{name: name, pid: cmd.Process.Pid, start: startTime(cmd.Process.Pid)}, kind: kind, state: "S"}
}

// check returns what is wrong with the canary.
func (c *canary) check() string {
	if !c.alive() {
		var ws syscall.WaitStatus
		_, _ = syscall.Wait4(c.pid, &ws, syscall.WNOHANG, nil)
		return fmt.Sprintf("%s: ended by signal %d", c.kind, ws.Signal())
	}
	state := ""
	for began := time.Now(); time.Since(began) < patience/2; time.Sleep(time.Millisecond) {
		if state = statFields(c.pid)[0]; state == c.state || state == "R" && c.state == "S" || state == "D" && c.state == "S" {
			return ""
		}
	}
	return fmt.Sprintf("%s: state %s, not %s", c.kind, state, c.state)
}
