package kernel

import (
	"errors"
	"os"
	"runtime"
	"syscall"
	"time"

	"killbox/internal/fmt"
	"killbox/internal/signals"

	"golang.org/x/sys/unix"
)

// Hook runs command by sh -c with env added to our environment, for at most
// limit; then its whole group is killed. What it prints goes to standard
// error, for standard output may be read by a program.
func (k *Kernel) Hook(command string, env []string, limit time.Duration) error {
	// PDEATHSIG is bound to the thread that forked.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	files := []uintptr{^uintptr(0), 2, 2}
	if null, err := os.Open(os.DevNull); err == nil {
		defer null.Close()
		files[0] = null.Fd()
	}
	pid, err := syscall.ForkExec("/bin/sh", []string{"sh", "-c", command}, &syscall.ProcAttr{
		Env:   append(os.Environ(), env...),
		Files: files,
		Sys:   &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL},
	})
	if err != nil {
		return fmt.Errorf("hook: /bin/sh: %w", err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		// Left a zombie until the group has been dealt with, so that its
		// number stays its own.
		for unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
		}
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	var late error
	select {
	case <-ended:
	case <-timer.C:
		late = errors.New("hook: still running after " + limit.String() + ", killed")
		unix.Kill(-pid, unix.SIGKILL)
	}
	<-ended
	var ws unix.WaitStatus
	if _, err := unix.Wait4(pid, &ws, 0, nil); err != nil {
		return fmt.Errorf("hook: wait4: %w", err)
	}
	if late != nil {
		return late
	}
	if status := signals.FromWait(uint32(ws)); status.Shell() != 0 {
		return fmt.Errorf("hook: %v", status)
	}
	return nil
}
