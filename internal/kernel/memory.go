package kernel

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// heapNeeded is more memory than a call takes beyond what the Go runtime has when it starts. heapArena is the
// address space that the runtime reserves at a time for its heap. Both are in bytes.
const (
	heapNeeded = 8 << 20
	heapArena  = 64 << 20
)

// checkMemory returns an error unless that much memory can be had. If the runtime gets none later (RLIMIT_DATA,
// RLIMIT_AS, vm.overcommit_memory) it ends the program with a trace, whatever has been signalled or stopped by then.
func checkMemory() error {
	// The reservation of an arena counts against RLIMIT_AS alone.
	b, err := unix.Mmap(-1, 0, heapArena+heapNeeded, unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err == nil {
		defer unix.Munmap(b)
		err = unix.Mprotect(b[:heapNeeded], unix.PROT_READ|unix.PROT_WRITE)
	}
	if err != nil {
		return fmt.Errorf("too little memory: %w (ulimit -d, ulimit -v)", err)
	}
	return nil
}
