package kernel

import (
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"killbox/procfs"

	"golang.org/x/sys/unix"
)

// RunParallel calls do(proc, i) for each i below n, in any order. If n is large enough, several threads make the calls,
// each on a processor of its own and with an FS of its own.
func (k *Kernel) RunParallel(n int, do func(proc *procfs.FS, i int)) {
	const (
		share = 512 // calls for each thread; fewer take less time than starting a thread
		block = 64  // calls that a thread takes at a time
	)
	var next atomic.Int64
	doBlocks := func(proc *procfs.FS) {
		for {
			end := int(next.Add(block))
			for i := end - block; i < min(end, n); i++ {
				do(proc, i)
			}
			if end >= n {
				return
			}
		}
	}
	var wg sync.WaitGroup
	for _, cpu := range otherCPUs(min(runtime.GOMAXPROCS(0), n/share) - 1) {
		proc, err := k.proc.Reopen()
		if err != nil {
			break
		}
		wg.Go(func() {
			defer proc.Close()
			defer pinToCPU(cpu)()
			doBlocks(proc)
		})
	}
	doBlocks(k.proc)
	wg.Wait()
}

// pinToCPU binds the calling goroutine to the processor until the returned function is called. Otherwise the kernel
// puts two threads on the same processor in about half of the calls of RunParallel, and both finish before the kernel
// moves one.
func pinToCPU(cpu int) func() {
	runtime.LockOSThread()
	var set, old unix.CPUSet
	set.Set(cpu)
	if unix.SchedGetaffinity(0, &old) != nil || unix.SchedSetaffinity(0, &set) != nil {
		return runtime.UnlockOSThread
	}
	return func() {
		if unix.SchedSetaffinity(0, &old) == nil {
			runtime.UnlockOSThread() // a thread that stays locked ends with its goroutine
		}
	}
}

// otherCPUs returns up to n processors on which this process may run, without the current one.
func otherCPUs(n int) (cpus []int) {
	var set unix.CPUSet
	if n <= 0 || unix.SchedGetaffinity(0, &set) != nil {
		return nil
	}
	var current uint32
	if _, _, errno := unix.RawSyscall(unix.SYS_GETCPU, uintptr(unsafe.Pointer(&current)), 0, 0); errno == 0 {
		set.Clear(int(current))
	}
	for cpu := 0; cpu < 8*int(unsafe.Sizeof(set)) && len(cpus) < n; cpu++ {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	return cpus
}
