package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// reportReady waits until all other actors are ready, and writes the line of readiness for the script.
func (a *actor) reportReady() {
	a.toRoot.Close()
	line := fmt.Sprintf("root=%d", os.Getpid())
	if a.name != "root" {
		line += fmt.Sprintf(" %s=%d", a.name, os.Getpid())
	}
	for s := bufio.NewScanner(a.fromRoot); s.Scan(); {
		f := append(strings.Fields(s.Text()), "")
		if f[2] != "" {
			await(f[1], f[2])
		}
		if f[0] != "-" {
			line += " " + f[0] + "=" + f[1]
		}
	}
	if a.missed {
		for <-a.caught != syscall.SIGCHLD { // stat shows Z before CHLD arrives
		}
	}
	fmt.Fprintln(a.ready, line)
}

// await waits until a process is in the state want, or, if want is "sleep", until it has become sleep(1) and sleeps.
// It needs the /proc of this PID namespace.
func await(pid, want string) {
	if self, _ := os.Readlink("/proc/self"); self != strconv.Itoa(os.Getpid()) {
		return
	}
	for range 10000 {
		stat, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil {
			return // the process has been reaped
		}
		if threads, _ := os.ReadDir("/proc/" + pid + "/task"); want == "Z" && len(threads) > 1 {
			time.Sleep(time.Millisecond)
			continue // stat shows Z as soon as the first thread has exited
		}
		state := string(stat[bytes.LastIndexByte(stat, ')')+1:])[1:2]
		line, _ := os.ReadFile("/proc/" + pid + "/cmdline")
		if state == want || want == "sleep" && state == "S" && strings.HasPrefix(string(line), "sleep\x00") {
			return
		}
		time.Sleep(time.Millisecond)
	}
	fail(pid + " does not become " + want)
}
