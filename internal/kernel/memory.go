package kernel

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// memory is more than a call takes beyond what the Go runtime has taken when it
// starts. arena is the address space that the runtime reserves at a time for its heap.
const (
	memory = 8 << 20
	arena  = 64 << 20
)

// enoughMemory asks for as much and gives it back. Where the runtime gets none
// later on (RLIMIT_DATA, RLIMIT_AS, vm.overcommit_memory), it ends the program
// with a trace, whatever has been signalled or stopped by then.
func enoughMemory() error {
	// The reservation of an arena counts against RLIMIT_AS alone.
	b, err := unix.Mmap(-1, 0, arena+memory, unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err == nil {
		defer unix.Munmap(b)
		err = unix.Mprotect(b[:memory], unix.PROT_READ|unix.PROT_WRITE)
	}
	if err != nil {
		return fmt.Errorf("too little memory: %w (ulimit -d, ulimit -v)", err)
	}
	return nil
}
