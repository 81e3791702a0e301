package kernel

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// heapNeeded is more memory than an applet needs beyond what the Go runtime has at its start. heapArena is how much
// address space the runtime reserves for its heap at a time. Both are in bytes.
const (
	heapNeeded = 8 << 20
	heapArena  = 64 << 20
)

// checkMemory returns an error unless heapNeeded bytes of memory and one heapArena of address space can be allocated.
// If the runtime gets no memory later (RLIMIT_DATA, RLIMIT_AS, vm.overcommit_memory), it ends this process with a
// trace, even while other processes are stopped.
func checkMemory() error {
	// Like the runtime's reservation of an arena, a PROT_NONE mapping counts only against RLIMIT_AS.
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
