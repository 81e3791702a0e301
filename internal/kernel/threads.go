package kernel

import (
	"os"
	"runtime"
	"sync"
	"syscall"

	"killbox/internal/fmt"

	"golang.org/x/sys/unix"
)

// PrepareFreeze gets hold of all that it takes to resume stopped processes, before the first is
// stopped: descriptors, the set of events to wait on, threads, and the signals that would end us.
func (k *Kernel) PrepareFreeze() error {
	if err := k.watch(); err != nil {
		return err
	}
	if err := k.holdSpare(k.epoll); err != nil {
		return err
	}
	if err := k.reserveThreads(); err != nil {
		return err
	}
	return k.Hold()
}

// threads is how many threads the Go runtime has at the most for what this program does while processes
// are stopped: the calling one, the runtime's monitor, the one that starts others for a locked one, the
// ones in which os/signal waits and standard input is read (--hold), and one more for each of the
// processors in use, which are two (GOMAXPROCS).
const (
	processors = 2
	blocked    = 2
	threads    = 3 + blocked + processors
)

// reserveThreads has the runtime start them now. Where one cannot be had, the runtime ends the program
// with a trace, so whether there is room is tried with processes of our own first: they count against
// the same limits (RLIMIT_NPROC, pids.max, the PID namespace).
func (k *Kernel) reserveThreads() error {
	if k.reserved {
		return nil
	}
	if runtime.GOMAXPROCS(0) > processors {
		runtime.GOMAXPROCS(processors)
	}
	if missing := threads - k.countThreads(); missing > 0 {
		if err := tryForks(missing); err != nil {
			return fmt.Errorf("no threads to resume processes with: %w (process limit?)", err)
		}
		startThreads(blocked)
	}
	k.reserved = true
	return nil
}

// countThreads returns how many threads this process has, at least one.
func (k *Kernel) countThreads() int {
	if k.proc != nil {
		if st, err := k.proc.Stat(os.Getpid()); err == nil {
			return st.Threads
		}
	}
	return 1
}

// startThreads makes n goroutines hold a thread each at the same time, while others wait for something to
// run. The runtime keeps the threads.
func startThreads(n int) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var holding, done sync.WaitGroup
	release := make(chan struct{})
	for range n {
		holding.Add(1)
		done.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			holding.Done()
			<-release
		})
	}
	holding.Wait()
	close(release)
	done.Wait()
}

// tryForks reports whether n processes can be had at the same time. A zombie counts against the limits
// until it is reaped. The goroutine is not locked to its thread, for that would ask for another one.
func tryForks(n int) (err error) {
	var pids []int
	for range n {
		pid, errno := forkExit()
		if errno != 0 {
			err = os.NewSyscallError("clone", errno)
			break
		}
		pids = append(pids, int(pid))
	}
	for _, pid := range pids {
		for {
			// They tell of their end by no signal, which takes __WALL to wait for (wait(2)).
			if _, err := unix.Wait4(pid, nil, unix.WALL, nil); err != unix.EINTR {
				break
			}
		}
	}
	return err
}

// forkExit starts a process that exits at once. In it nothing but raw system calls may be made; a signal
// in between does no harm.
//
//go:noinline
//go:norace
//go:nocheckptr
func forkExit() (uintptr, syscall.Errno) {
	pid, _, errno := syscall.RawSyscall6(unix.SYS_CLONE, 0, 0, 0, 0, 0, 0)
	if errno != 0 || pid != 0 {
		return pid, errno
	}
	for {
		syscall.RawSyscall6(unix.SYS_EXIT_GROUP, 0, 0, 0, 0, 0, 0)
	}
}
