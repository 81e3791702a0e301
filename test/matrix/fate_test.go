package matrix

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// thread is what /proc/PID/task/TID tells of a thread.
type thread struct {
	state   string // the letter
	pending bool   // a signal is pending for the thread or its process
	exiting bool
}

// threads returns the threads of a process that have not exited.
func threads(pid int) []thread {
	var found []thread
	dirs, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/[0-9]*")
	for _, dir := range dirs {
		data, err := os.ReadFile(dir + "/status")
		if err != nil {
			continue
		}
		var t thread
		for line := range strings.Lines(string(data)) {
			name, value, _ := strings.Cut(line, ":")
			value = strings.TrimSpace(value)
			switch name {
			case "State":
				t.state = value[:1]
			case "SigPnd", "ShdPnd":
				t.pending = t.pending || strings.Trim(value, "0") != ""
			}
		}
		t.exiting = exiting(dir + "/stat")
		if t.state != "Z" && t.state != "X" {
			found = append(found, t)
		}
	}
	return found
}

// exiting reports whether the flags (field 9) contain PF_EXITING.
func exiting(stat string) bool {
	const flagsField, pfExiting = 9, 4
	data, _ := os.ReadFile(stat)
	_, rest, _ := strings.Cut(string(data), ") ")
	fields := strings.Fields(rest)
	if len(fields) < flagsField-2 {
		return true
	}
	flags, _ := strconv.ParseUint(fields[flagsField-3], 10, 64)
	return flags&pfExiting != 0
}

// fate returns the fate of a member: none, gone, alive or stopped; running if it neither sleeps nor stops within
// patience. A member that has been sent a signal is runnable
// until the signal has taken effect. So fate waits until all threads sleep or are stopped, with no signal pending.
func fate(pid int) string {
	if pid == 0 {
		return "none"
	}
	result := "running"
	until(func() bool {
		all := threads(pid)
		stopped := 0
		for _, t := range all {
			switch {
			case t.exiting || t.pending && t.state != "T":
				return false
			case t.state == "T":
				stopped++
			case t.state != "S":
				return false
			}
		}
		switch {
		case len(all) == 0:
			result = "gone"
		case stopped == len(all):
			result = "stopped"
		case stopped > 0:
			return false
		default:
			result = "alive"
		}
		return true
	}, patience)
	return result
}

// sleeps reports whether all threads of the process sleep.
func sleeps(pid int) bool {
	all := threads(pid)
	for _, t := range all {
		if t.state != "S" {
			return false
		}
	}
	return len(all) > 0
}

// pins reports whether the process has a pidfd of each PID, or a descriptor of its folder in /proc.
func pins(holder int, pids map[string]int) bool {
	fds, _ := filepath.Glob("/proc/" + strconv.Itoa(holder) + "/fd/[0-9]*")
	held := map[string]bool{}
	for _, fd := range fds {
		if link, err := os.Readlink(fd); err == nil {
			held[filepath.Base(link)] = true
		}
		info, _ := os.ReadFile(strings.Replace(fd, "/fd/", "/fdinfo/", 1))
		for line := range strings.Lines(string(info)) {
			if pid, ok := strings.CutPrefix(line, "Pid:"); ok {
				held[strings.TrimSpace(pid)] = true
			}
		}
	}
	for _, pid := range pids {
		if !held[strconv.Itoa(pid)] {
			return false
		}
	}
	return true
}
