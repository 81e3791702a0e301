package kernel

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"syscall"
	"time"

	"killbox/internal/signals"

	"golang.org/x/sys/unix"
)

// maxHooks bounds the number of shells that run at the same time.
const maxHooks = 16

// hook is a running shell.
type hook struct {
	pid   int
	began time.Time
	err   *error
}

// Hooks runs command by sh -c once for each of envs, which is added to our environment, at most
// maxHooks at a time and each for at most limit; then it kills the process group of the shell. What a hook
// prints goes to standard error, because standard output may be read by a program. The errors are in the
// order of envs. A caught signal ends all hooks at once.
//
// One thread does everything, by polling: goroutines and timers make the runtime ask for threads and
// descriptors, and if it cannot get them it ends the program.
func (k *Kernel) Hooks(command string, envs [][]string, limit time.Duration) []error {
	const firstPause, lastPause = 200 * time.Microsecond, 10 * time.Millisecond
	errs := make([]error, len(envs))
	if err := k.reserveThreads(); err != nil { // to lock this thread takes another
		for i := range errs {
			errs[i] = fmt.Errorf("hook: %w", err)
		}
		return errs
	}
	// PDEATHSIG is bound to the thread that forked.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var running []hook
	pause := firstPause
	for next := 0; next < len(envs) || len(running) > 0; {
		if k.Interrupted() != nil {
			limit, next = 0, len(envs)
		}
		for ; next < len(envs) && len(running) < maxHooks; next++ {
			pid, err := k.startHook(command, envs[next])
			if errs[next] = err; err == nil {
				running = append(running, hook{pid: pid, began: time.Now(), err: &errs[next]})
			}
		}
		before := len(running)
		running = slices.DeleteFunc(running, func(h hook) bool { return h.reapOrKill(limit) })
		if len(running) < before {
			pause = firstPause
			continue
		}
		sleep(pause)
		pause = min(2*pause, lastPause)
	}
	if k.Interrupted() != nil {
		clear(errs) // no hook has taken too long
	}
	return errs
}

// startHook starts a shell with the signal mask that this program inherited: some signals the runtime has
// unblocked since.
func (k *Kernel) startHook(command string, env []string) (pid int, err error) {
	files := []uintptr{^uintptr(0), 2, 2}
	if null, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0); err == nil {
		defer unix.Close(null)
		files[0] = uintptr(null)
	}
	var old sigset
	sigmask(unix.SIG_SETMASK, &k.inherited.mask, &old)
	defer sigmask(unix.SIG_SETMASK, &old, nil)
	pid, err = syscall.ForkExec("/bin/sh", []string{"sh", "-c", command}, &syscall.ProcAttr{
		Env:   append(os.Environ(), env...),
		Files: files,
		Sys:   &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL},
	})
	if err != nil {
		return 0, fmt.Errorf("hook: /bin/sh: %w", err)
	}
	return pid, nil
}

// reapOrKill reaps the hook if it has exited, and kills its process group and reaps it if limit has passed.
// It reports whether the hook has been reaped.
func (h *hook) reapOrKill(limit time.Duration) bool {
	var info unix.Siginfo
	// The shell stays a zombie until its group has been dealt with, so its PID is not reused.
	err := unix.Waitid(unix.P_PID, h.pid, &info, unix.WEXITED|unix.WNOWAIT|unix.WNOHANG, nil)
	ended := info.Signo != 0
	switch {
	case err == unix.EINTR, err == nil && !ended && time.Since(h.began) < limit:
		return false
	case err != nil: // reaped by another part of this program: the PID may be another process's
		*h.err = fmt.Errorf("hook: waitid: %w", err)
		return true
	case !ended:
		unix.Kill(-h.pid, unix.SIGKILL)
	}
	var ws unix.WaitStatus
	for err = unix.EINTR; err == unix.EINTR; {
		_, err = unix.Wait4(h.pid, &ws, 0, nil)
	}
	switch status := signals.FromWait(uint32(ws)); {
	case err != nil:
		*h.err = fmt.Errorf("hook: wait4: %w", err)
	case !ended:
		*h.err = errors.New("hook: still running after " + limit.String() + ", killed")
	case status.Shell() != 0:
		*h.err = fmt.Errorf("hook: %v", status)
	}
	return true
}
