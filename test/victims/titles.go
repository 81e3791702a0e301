package victims

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// argv0 is `victim argv0 NAME PATH [ARG...]`: it becomes the program PATH, whose argument 0 is NAME.
func argv0(args []string) {
	if len(args) < 2 {
		die(2, "usage: victim argv0 NAME PATH [ARG...]")
	}
	must(args[1], syscall.Exec(args[1], append(args[:1:1], args[2:]...), os.Environ()))
}

// titled is how long a titled process lives, as the sleep(1) of the tables.
const titled = 300 * time.Second

// title is `victim title TITLE`: a process that has written TITLE over its command line, and has it for its name. It does not use
// descriptor 3: it is ready when its command line is TITLE.
func title(args []string) {
	if len(args) != 1 {
		die(2, "usage: victim title TITLE")
	}
	start, end := argumentArea()
	// The last byte is not NUL: for the kernel the command line then ends with the title (get_mm_title in fs/proc/base.c).
	area := []byte(args[0] + "\x00")
	area = append(area, strings.Repeat(" ", end-start-len(area))...)
	memory, err := os.OpenFile("/proc/self/mem", os.O_WRONLY, 0)
	must("memory", err)
	// The name first, so that a process whose command line is TITLE has the name as well.
	must("comm", os.WriteFile("/proc/self/comm", []byte(args[0]), 0))
	_, err = memory.WriteAt(area, int64(start))
	must("memory", err)
	// A system call that blocks needs no other thread, which could have the PID that a table wants for its next process.
	for end := time.Now().Add(titled); time.Now().Before(end); {
		_, _ = unix.Ppoll(nil, &unix.Timespec{Sec: int64(titled / time.Second)}, nil)
	}
}

// argumentArea returns where the arguments begin in the memory of this process, and where they end (arg_start and arg_end, the
// fields 48 and 49 of /proc/PID/stat).
func argumentArea() (start, end int) {
	const first = 48
	stat, err := os.ReadFile("/proc/self/stat")
	must("stat", err)
	_, after, _ := strings.Cut(string(stat), ") ") // field 3 follows
	fields := strings.Fields(after)
	start, err = strconv.Atoi(fields[first-3])
	must("stat", err)
	end, err = strconv.Atoi(fields[first+1-3])
	must("stat", err)
	return start, end
}
