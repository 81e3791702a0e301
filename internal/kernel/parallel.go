package kernel

import (
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"killbox/procfs"

	"golang.org/x/sys/unix"
)

// RunParallel calls do for each number below n, in any order, on several processors if n is large enough. Each thread
// has an FS of its own.
func (k *Kernel) RunParallel(n int, do func(proc *procfs.FS, i int)) {
	const (
		share = 512 // to start a thread costs more than to handle fewer
		block = 64
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

// pinToCPU binds the calling goroutine to that processor until the returned function is called. Otherwise the scheduler
// puts both threads on one processor about every second time, and they finish before it rebalances.
func pinToCPU(cpu int) func() {
	runtime.LockOSThread()
	var set, old unix.CPUSet
	set.Set(cpu)
	if unix.SchedGetaffinity(0, &old) != nil || unix.SchedSetaffinity(0, &set) != nil {
		return runtime.UnlockOSThread
	}
	return func() {
		if unix.SchedSetaffinity(0, &old) == nil {
			runtime.UnlockOSThread() // else the thread ends with its goroutine
		}
	}
}

// otherCPUs returns up to n processors that this process may run on, other than the current one.
func otherCPUs(n int) (cpus []int) {
	var set unix.CPUSet
	if n <= 0 || unix.SchedGetaffinity(0, &set) != nil {
		return nil
	}
	var here uint32
	if _, _, errno := unix.RawSyscall(unix.SYS_GETCPU, uintptr(unsafe.Pointer(&here)), 0, 0); errno == 0 {
		set.Clear(int(here))
	}
	for cpu := 0; cpu < 8*int(unsafe.Sizeof(set)) && len(cpus) < n; cpu++ {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	return cpus
}
