package victims

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// inherit is `victim inherit N CMD...`: CMD inherits N open descriptors in addition to those of this process.
func inherit(args []string) {
	for range number(args, 0) {
		if _, err := unix.Open("/dev/null", unix.O_RDONLY, 0); err != nil {
			break
		}
	}
	execve(args[1:])
}

// fillPipe is `victim fill-pipe`: it fills the pipe at standard output.
func fillPipe([]string) {
	must("fcntl", unix.SetNonblock(1, true))
	for {
		if _, err := unix.Write(1, make([]byte, 4096)); err != nil {
			break
		}
	}
	must("fcntl", unix.SetNonblock(1, false))
}

// memfd is `victim memfd PATH`: it copies PATH, a sleep(1), to a memfd named x, and executes that. Its name in comm
// is the number of the descriptor.
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

// subreaper is `victim subreaper CMD...`: it becomes a subreaper and then CMD. A process remains a subreaper over
// execve(2).
func subreaper(args []string) {
	must("prctl", unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
	execve(args)
}
