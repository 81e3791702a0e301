package victims

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// inherit is `victim inherit N CMD...`: CMD with N open descriptors besides those that are open.
func inherit(args []string) {
	for range number(args, 0) {
		if _, err := unix.Open("/dev/null", unix.O_RDONLY, 0); err != nil {
			break
		}
	}
	execve(args[1:])
}

// fillPipe is `victim fill-pipe`: the pipe at standard output is full afterwards.
func fillPipe([]string) {
	must("fcntl", unix.SetNonblock(1, true))
	for {
		if _, err := unix.Write(1, make([]byte, 4096)); err != nil {
			break
		}
	}
	must("fcntl", unix.SetNonblock(1, false))
}

// memfd is `victim memfd PATH`: it becomes a copy of PATH, a sleep(1), in a memfd called x. The name of the process is a number,
// that of the descriptor.
func memfd(args []string) {
	fd, err := unix.MemfdCreate("x", 0)
	must("memfd", err)
	program, err := os.ReadFile(args[0])
	must(args[0], err)
	path := fmt.Sprintf("/proc/self/fd/%d", fd)
	must("copy", os.WriteFile(path, program, 0))
	ready("ready")
	must("exec", syscall.Exec(path, []string{"as", "150"}, os.Environ()))
}

// subreaper is `victim subreaper CMD...`: CMD is a subreaper, as its caller may be.
func subreaper(args []string) {
	must("prctl", unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
	execve(args)
}
