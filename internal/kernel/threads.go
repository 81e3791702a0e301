package kernel

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// PrepareFreeze acquires what resuming stopped processes takes, before the first is stopped: descriptors,
// among them the epoll set, and threads. It also defers the signals that would end this process.
func (k *Kernel) PrepareFreeze() error {
	if err := k.addToEpoll(); err != nil {
		return err
	}
	if err := k.fillReserve(k.epoll); err != nil {
		return err
	}
	if err := k.reserveThreads(); err != nil {
		return err
	}
	return k.DeferSignals()
}

// maxThreads is how many threads the Go runtime has at the most for what this program does while processes
// are stopped: the calling one, the runtime's monitor, the one that starts others for a locked one, the
// ones in which os/signal waits and standard input is read (--hold), and one more for each of the
// processors in use, which are two (GOMAXPROCS).
const (
	maxProcessors  = 2
	blockedThreads = 2
	maxThreads     = 3 + blockedThreads + maxProcessors
)

// reserveThreads makes the runtime start these threads now. If the runtime cannot start a thread it ends
// the program with a trace. So tryForks first tests whether there is room, with processes, which count
// against the same limits (RLIMIT_NPROC, pids.max, the PID namespace).
func (k *Kernel) reserveThreads() error {
	if k.threadsReserved {
		return nil
	}
	if runtime.GOMAXPROCS(0) > maxProcessors {
		runtime.GOMAXPROCS(maxProcessors)
	}
	if missing := maxThreads - k.countThreads(); missing > 0 {
		if err := tryForks(missing); err != nil {
			return fmt.Errorf("no threads to resume processes with: %w (process limit?)", err)
		}
		startThreads(blockedThreads)
	}
	k.threadsReserved = true
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

// startThreads makes n goroutines occupy a thread each at the same time, so that the runtime starts that
// many. It keeps the threads.
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

// tryForks returns an error unless n more processes can exist at the same time. It reaps them: a zombie
// counts against the limits. The goroutine is not locked to its thread, because that would take another
// thread.
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
			// Cloned without a termination signal, they are waited for with __WALL only (wait(2)).
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
