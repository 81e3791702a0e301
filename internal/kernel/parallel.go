package kernel

import (
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"killbox/procfs"

	"golang.org/x/sys/unix"
)

// Spread calls do for each number below n, in any order, with all processors where that many are worth it. Each thread has
// an FS of its own.
func (k *Kernel) RunParallel(n int, do func(proc *procfs.FS, i int)) {
	const (
		share = 512 // fewer are not worth a thread
		block = 64
	)
	var next atomic.Int64
	some := func(proc *procfs.FS) {
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
	for _, cpu := range others(min(runtime.GOMAXPROCS(0), n/share) - 1) {
		proc, err := k.proc.Reopen()
		if err != nil {
			break
		}
		wg.Go(func() {
			defer proc.Close()
			defer bind(cpu)()
			some(proc)
		})
	}
	some(k.proc)
	wg.Wait()
}

// bind has the calling goroutine run on that processor until the returned call. Left to itself the scheduler has both
// threads share a processor about every second time, and they are through before it looks again.
func bind(cpu int) func() {
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

// others returns n processors that we may run on and do not at the moment, or as many as there are.
func others(n int) (cpus []int) {
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
