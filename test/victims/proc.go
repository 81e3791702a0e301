package victims

import (
	"bytes"
	"os"
	"regexp"
	"strings"
)

// StatFields returns the fields of a stat file of /proc from the third (the state) on, and nil if the process is gone.
// The name, the second field, may contain blanks and parentheses: count from the last parenthesis.
func StatFields(path string) []string {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	return strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
}

// Cgroup2 returns the mount point of the version 2 hierarchy, "" if it is not mounted.
func Cgroup2() string {
	data, _ := os.ReadFile("/proc/self/mounts")
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) > 2 && f[2] == "cgroup2" {
			return f[1]
		}
	}
	return ""
}

// GoTrace matches what the Go runtime prints when it ends a program.
var GoTrace = regexp.MustCompile(`(?m)^(goroutine \d+ |panic: |fatal error: |runtime: |SIG[A-Z]+: .*\n?PC=|\[signal SIG|unexpected fault)|SIGSYS: bad system call`)
