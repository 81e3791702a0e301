package kernel

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"time"

	"killbox/internal/child"
	"killbox/internal/signals"

	"golang.org/x/sys/unix"
)

// maxHooks is the number of hooks that may run at the same time.
const maxHooks = 16

// hook is a running shell of --hook, started at began. err is where its error is stored.
type hook struct {
	pid   int
	began time.Time
	err   *error
}

// Hooks runs command by sh -c once for each element of envs. Each hook gets the environment of this process and the
// entries of that element. Up to maxHooks run at the same time. A hook that takes longer than limit is killed with its
// process group. Hooks directs the standard output of a hook to standard error, because a program may read the standard
// output of this process. The errors are in the order of envs. If a deferred signal is caught, Hooks kills the running
// hooks, which is no error, and starts no more.
//
// Hooks uses one thread and polls. Goroutines and timers would make the runtime start threads and open descriptors; if
// these are not available, the runtime ends this process, and frozen processes would stay frozen.
func (k *Kernel) Hooks(command string, envs [][]string, limit time.Duration) []error {
	const firstPause, lastPause = 200 * time.Microsecond, 10 * time.Millisecond
	errs := make([]error, len(envs))
	if err := k.reserveThreads(0); err != nil { // LockOSThread needs another thread
		for i := range errs {
			errs[i] = fmt.Errorf("hook: %w", err)
		}
		return errs
	}
	// The kernel sends PDEATHSIG when the thread that forked the hook ends (prctl(2)), so the goroutine keeps its
	// thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var running []hook
	pause := firstPause
	for next := 0; next < len(envs) || len(running) > 0; {
		interrupted := k.Interrupted() != nil
		if interrupted {
			next = len(envs)
		}
		for ; next < len(envs) && len(running) < maxHooks; next++ {
			pid, err := k.startHook(command, envs[next])
			if errs[next] = err; err == nil {
				running = append(running, hook{pid: pid, began: time.Now(), err: &errs[next]})
			}
		}
		before := len(running)
		running = slices.DeleteFunc(running, func(h hook) bool { return h.reapOrKill(limit, interrupted) })
		if len(running) < before {
			pause = firstPause
			continue
		}
		sleep(pause)
		pause = min(2*pause, lastPause)
	}
	return errs
}

// startHook starts a shell, with the dispositions, the signal mask and the limit of open files that this program
// inherited.
func (k *Kernel) startHook(command string, env []string) (pid int, err error) {
	l := child.NewSpec([]string{"sh", "-c", command}, append(os.Environ(), env...))
	if l.NullFD, err = openEmpty(); err != nil {
		return 0, fmt.Errorf("hook: standard input: %w", err)
	}
	defer unix.Close(l.NullFD)
	l.OutputFD, l.Group, l.DeathSignal = 2, true, signals.KILL
	if pid, _, err = k.launch(l, "/bin/sh", l.Argv); err != nil {
		return 0, fmt.Errorf("hook: /bin/sh: %w", err)
	}
	return pid, nil
}

// openEmpty returns a descriptor that reads as empty: that of /dev/null, or of a pipe without a writer where /dev/null
// cannot be opened, as in a chroot without /dev.
func openEmpty() (int, error) {
	if fd, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0); err == nil {
		return fd, nil
	}
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return -1, err
	}
	unix.Close(pipe[1])
	return pipe[0], nil
}

// reapOrKill reaps the shell of the hook if it has exited. If limit has passed or the call was interrupted, reapOrKill
// first kills the process group of the shell. It reports whether the shell has been reaped.
func (h *hook) reapOrKill(limit time.Duration, interrupted bool) bool {
	var info unix.Siginfo
	// WNOWAIT leaves the shell a zombie until its group has been killed, so that the PGID is not reused.
	err := unix.Waitid(unix.P_PID, h.pid, &info, unix.WEXITED|unix.WNOWAIT|unix.WNOHANG, nil)
	ended := info.Signo != 0
	switch {
	case err == unix.EINTR, err == nil && !ended && !interrupted && time.Since(h.began) < limit:
		return false
	case err != nil: // reaped elsewhere in this program: the PID may have been reused
		*h.err = fmt.Errorf("hook: waitid: %w", err)
		return true
	case !ended:
		unix.Kill(-h.pid, unix.SIGKILL)
	}
	ws, err := reap(h.pid)
	switch status := signals.FromWait(uint32(ws)); {
	case err != nil:
		*h.err = fmt.Errorf("hook: wait4: %w", err)
	case !ended && interrupted:
	case !ended:
		*h.err = errors.New("hook: still running after " + limit.String() + ", killed")
	case status.Shell() != 0:
		*h.err = fmt.Errorf("hook: %v", status)
	}
	return true
}
