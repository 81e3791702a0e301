package kernel

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// PrepareFreeze acquires what resuming stopped processes takes, before the first process is stopped: the epoll set, the
// reserved descriptors, and threads. It also defers the signals that would end this process.
func (k *Kernel) PrepareFreeze() error {
	if err := k.addToEpoll(); err != nil {
		return err
	}
	if err := k.fillReserve(k.epoll); err != nil {
		return err
	}
	if err := k.reserveThreads(0); err != nil {
		return err
	}
	return k.DeferSignals()
}

// maxThreads is the largest number of threads that the runtime needs while processes are stopped: the calling thread,
// the runtime's monitor (sysmon), the template thread, which starts threads on behalf of locked ones, one for each of
// maxProcessors processors (GOMAXPROCS), and blockedThreads for the goroutines that block or are locked to a thread
// (two in os/signal, one that reads standard input for --hold).
const (
	maxProcessors  = 2
	blockedThreads = 3
	maxThreads     = 3 + maxProcessors + blockedThreads
	// spareThreads is how many more threads startThreads may start: for each goroutine that blocks, the runtime may
	// start a thread that looks for work. Two were seen.
	spareThreads = 3
)

// reserveThreads makes the runtime start maxThreads threads now. If the runtime cannot start a thread later, it ends
// this process with a trace. So tryForks first forks processes, to test whether there is room for that many threads and
// for spareThreads: processes and threads count against the same limits (RLIMIT_NPROC, pids.max, the PIDs of the
// namespace). There must also be room for as many processes as more says.
func (k *Kernel) reserveThreads(more int) error {
	if k.threadsReserved {
		return nil
	}
	if missing := maxThreads + spareThreads + more - max(k.countThreads(), 1); missing > 0 {
		if err := tryForks(missing); err != nil {
			return fmt.Errorf("no threads to resume processes with: %w (process limit?)", err)
		}
	}
	k.startAllThreads()
	return nil
}

// ReserveThreads implements child.Launcher. It takes a millisecond, so it does nothing if the limits are high. Later,
// while the program runs, others may select this process by name, and pkill -n would find a process of tryForks.
func (k *Kernel) ReserveThreads() {
	const program = 2 // the program and one child
	if k.lowProcessLimit() {
		_ = k.reserveThreads(program) // without room, the threads are started when they are needed
	}
}

// lowProcessLimit reports whether RLIMIT_NPROC is low, or the room that pids.max leaves in a cgroup of this process.
func (k *Kernel) lowProcessLimit() bool {
	const low = 5000 // podman and systemd set 2048 and 4915 on common machines
	var limit unix.Rlimit
	return unix.Getrlimit(unix.RLIMIT_NPROC, &limit) == nil && limit.Cur <= low || k.cgroupRoom() <= low
}

// startAllThreads makes the runtime start maxThreads threads, without a test whether there is room. First it limits
// GOMAXPROCS for the rest of this process, because each processor may take a thread.
func (k *Kernel) startAllThreads() {
	if runtime.GOMAXPROCS(0) > maxProcessors {
		runtime.GOMAXPROCS(maxProcessors)
	}
	// Few at first: each thread that blocks makes the runtime start up to one more for its processor.
	for n := 3; k.awaitThreads() < maxThreads; n++ {
		startThreads(n)
	}
	k.threadsReserved = true
}

// countThreads returns the number of threads of this process, or 0 if /proc does not show it. A /proc of another PID
// namespace may show another process under the PID of this one, so the PID is that of /proc/self.
func (k *Kernel) countThreads() int {
	if k.proc == nil {
		return 0
	}
	self, err := k.proc.Self()
	if err != nil {
		return 0
	}
	st, err := k.proc.Stat(self)
	if err != nil {
		return 0
	}
	return st.Threads
}

// startThreads makes the runtime start n threads: n goroutines occupy one thread each at the same time. The runtime
// keeps the threads.
func startThreads(n int) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var started, done sync.WaitGroup
	finish := make(chan struct{})
	for range n {
		started.Add(1)
		done.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			started.Done()
			<-finish
		})
	}
	started.Wait()
	close(finish)
	done.Wait()
}

// awaitThreads waits until every thread that the runtime has decided to start exists, and returns the number of
// threads. The template thread may not have started the last one yet, and by the time it does, the limit may be
// reached. The wait is limited, because in a program that is linked with C code the runtime counts a thread that C code
// may bring.
func (k *Kernel) awaitThreads() (threads int) {
	for range 1000 {
		decided, _ := runtime.ThreadCreateProfile(nil)
		if threads = k.countThreads(); threads == 0 {
			return decided // there is no /proc
		}
		if threads >= decided {
			break
		}
		sleep(time.Millisecond / 10)
	}
	return threads
}

// tryForks returns an error unless n more processes can exist at the same time. It reaps these processes, because a
// zombie counts against the limits. It does not lock the goroutine to its thread, because LockOSThread makes the
// runtime start another thread.
func tryForks(n int) (err error) {
	var pids []int
	size := sigsetSize()
	for range n {
		pid, errno := forkExit(size)
		if errno != 0 {
			err = os.NewSyscallError("clone", errno)
			break
		}
		pids = append(pids, int(pid))
	}
	for _, pid := range pids {
		_, _ = reap(pid)
	}
	return err
}
