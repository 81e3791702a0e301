package kernel

import (
	"killbox/internal/fmt"

	"golang.org/x/sys/unix"
)

// memory is more than a call takes beyond what the Go runtime has taken when it
// starts.
const memory = 8 << 20

// enoughMemory asks for as much and gives it back. Where the runtime gets none
// later on (RLIMIT_DATA, RLIMIT_AS, vm.overcommit_memory), it ends the program
// with a trace, whatever has been signalled or stopped by then.
func enoughMemory() error {
	b, err := unix.Mmap(-1, 0, memory, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return fmt.Errorf("too little memory: %w (ulimit -d, ulimit -v)", err)
	}
	return unix.Munmap(b)
}
