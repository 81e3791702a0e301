package victims

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// argv0 is `victim argv0 NAME PATH [ARG...]`: it becomes the program PATH, with NAME as argument 0.
func argv0(args []string) {
	if len(args) < 2 {
		die(2, "usage: victim argv0 NAME PATH [ARG...]")
	}
	must(args[1], syscall.Exec(args[1], append(args[:1:1], args[2:]...), os.Environ()))
}

// titled is the lifetime of a titled process, like that of the sleep(1) of the differential tables.
const titled = 300 * time.Second

// title is `victim title TITLE`: it writes TITLE over its command line and to its comm. It does not use descriptor
// 3: it is ready when its command line is TITLE.
func title(args []string) {
	if len(args) != 1 {
		die(2, "usage: victim title TITLE")
	}
	start, end := memoryArea(argumentArea)
	// The area does not end in a NUL: the kernel then takes the text up to the first NUL for the command line
	// (get_mm_title in fs/proc/base.c).
	area := []byte(args[0] + "\x00")
	area = append(area, strings.Repeat(" ", int(end-start)-len(area))...)
	memory, err := os.OpenFile("/proc/self/mem", os.O_WRONLY, 0)
	must("memory", err)
	// Set comm first, so that a process whose command line is TITLE certainly has the name.
	must("comm", os.WriteFile("/proc/self/comm", []byte(args[0]), 0))
	_, err = memory.WriteAt(area, start)
	must("memory", err)
	// Sleep in a system call. For time.Sleep the runtime may start a thread, which could take the PID that a table
	// needs for its next process.
	for end := time.Now().Add(titled); time.Now().Before(end); {
		left := unix.NsecToTimespec(int64(titled))
		_, _ = unix.Ppoll(nil, &left, nil)
	}
}

// clearEnv is `victim clear-env`: it overwrites its environment with NULs, as programs do that write a long
// title over their arguments.
func clearEnv([]string) {
	start, end := memoryArea(environmentArea)
	memory, err := os.OpenFile("/proc/self/mem", os.O_WRONLY, 0)
	must("memory", err)
	_, err = memory.WriteAt(make([]byte, end-start), start)
	must("memory", err)
	ready()
	time.Sleep(lifetime)
}

// The first of the two fields of /proc/PID/stat that tell where an area begins and ends in memory: arg_start and
// arg_end, env_start and env_end.
const (
	argumentArea    = 48
	environmentArea = 50
)

// memoryArea returns where an area of this process begins and ends in memory.
func memoryArea(first int) (start, end int64) {
	stat, err := os.ReadFile("/proc/self/stat")
	must("stat", err)
	_, after, _ := strings.Cut(string(stat), ") ") // field 3 follows
	fields := strings.Fields(after)
	start, err = strconv.ParseInt(fields[first-3], 10, 64)
	must("stat", err)
	end, err = strconv.ParseInt(fields[first+1-3], 10, 64)
	must("stat", err)
	return start, end
}
