// Package victims contains the helper programs of the scripts in testdata/scripts: the namespace in which a script
// runs, and victims that a shell script cannot play.
package victims

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// limitVar is the environment variable with the lifetime of a namespace in seconds.
	limitVar     = "KILLBOX_TEST_TIMEOUT"
	defaultLimit = 120 * time.Second
)

// NS is `ns [-t SECONDS] CMD...`: it runs CMD in a PID and mount namespace of its own and exits with its status.
// When ns ends, for any reason, all processes inside end.
func NS() {
	// PR_SET_PDEATHSIG takes effect when the thread that forked exits, not the process: keep this thread.
	runtime.LockOSThread()
	args := os.Args[1:]
	env := os.Environ()
	if len(args) > 1 && args[0] == "-t" {
		env = append(env, limitVar+"="+args[1])
		args = args[2:]
	}
	if len(args) == 0 {
		die(2, "usage: ns [-t SECONDS] CMD...")
	}
	self, err := os.Executable()
	if err != nil {
		die(125, "ns: %v", err)
	}
	attr := &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS,
		Pdeathsig:  syscall.SIGKILL,
		// Otherwise the processes inside would be in a session from outside, whose ID is 0 inside.
		Setsid: true,
	}
	if os.Geteuid() != 0 {
		attr.Cloneflags |= syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	cmd := &exec.Cmd{
		Path:  self,
		Args:  append([]string{"nsinit"}, args...),
		Env:   env,
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		SysProcAttr: attr,
	}
	if err := cmd.Start(); err != nil {
		die(125, "ns: %v", err)
	}
	// nsinit has the same limit and lists the processes. This limit is for a nsinit that cannot run.
	time.AfterFunc(limit(env)+5*time.Second, func() { _ = cmd.Process.Kill() })
	err = cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		die(125, "ns: %v", err)
	}
	os.Exit(code(cmd.ProcessState.Sys().(syscall.WaitStatus)))
}

// NSInit is PID 1 of the namespace: it mounts /proc, starts CMD, reaps every orphan and exits with the status of
// CMD.
func NSInit() {
	self, err := os.Executable() // before the root directory changes
	must("find myself", err)
	must("make / private", privateRoot())
	must("mount /proc", unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""))
	// Signals are caught, not ignored: none from inside ends PID 1, and execve(2) resets caught signals to their
	// default.
	signal.Notify(make(chan os.Signal, 1))
	pid, err := syscall.ForkExec(self, append([]string{"nsrun"}, os.Args[1:]...), &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: []uintptr{0, 1, 2},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	must("fork", err)
	time.AfterFunc(limit(os.Environ()), func() {
		fmt.Fprintf(os.Stderr, "ns: timed out after %v; what was there:\n%s", limit(os.Environ()), table())
		os.Exit(124)
	})
	for {
		var ws syscall.WaitStatus
		got, err := syscall.Wait4(-1, &ws, syscall.WALL, nil)
		if err != nil && err != syscall.EINTR {
			die(125, "nsinit: wait: %v", err)
		}
		if got == pid {
			os.Exit(code(ws))
		}
	}
}

// privateRoot keeps mounts made from now on inside the namespace. Only a mount point has a propagation type, and in
// a chroot "/" need not be one. Then "/" is bind-mounted on /proc, which is a mount point, and /proc becomes the root.
func privateRoot() error {
	private := func(path string) error { return unix.Mount("", path, "", unix.MS_REC|unix.MS_PRIVATE, "") }
	if err := private("/"); err != unix.EINVAL {
		return err
	}
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	for _, step := range []func() error{
		func() error { return private("/proc") },
		func() error { return unix.Mount("/", "/proc", "", unix.MS_BIND|unix.MS_REC, "") },
		func() error { return private("/proc") },
		func() error { return unix.Chroot("/proc") },
		func() error { return os.Chdir(dir) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// NSRun becomes CMD, with the default action for every signal and no signal blocked.
func NSRun() {
	runtime.LockOSThread()
	defaults()
	var none unix.Sigset_t
	must("unblock signals", unix.PthreadSigmask(unix.SIG_SETMASK, &none, nil))
	execve(os.Args[1:])
}

// defaults sets every signal to SIG_DFL, including 32 and 33, which os/signal does not know. A program that
// posix_spawn of glibc has started, such as a child of make, may find these two ignored. A struct sigaction of zeros is
// SIG_DFL in every layout.
func defaults() {
	var act [64]byte
	for sig := uintptr(1); sig <= 64; sig++ {
		// EINVAL for KILL and STOP.
		_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGACTION, sig, uintptr(unsafe.Pointer(&act)), 0, sigsetSize, 0, 0)
	}
}

// sigsetSize is the size of the kernel's sigset_t in bytes, except on MIPS, where the scripts do not run.
const sigsetSize = 8

func execve(args []string) {
	path, err := exec.LookPath(args[0])
	if err != nil {
		die(127, "%v", err)
	}
	must(path, syscall.Exec(path, args, os.Environ()))
}

// table lists the processes of the namespace, for the log of a test that hung.
func table() string {
	const enough = 40
	var b strings.Builder
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for i, dir := range dirs {
		if i == enough {
			fmt.Fprintf(&b, "and %d more\n", len(dirs)-enough)
			break
		}
		fields := map[string]string{}
		status, _ := os.ReadFile(dir + "/status")
		for line := range strings.Lines(string(status)) {
			name, value, _ := strings.Cut(line, ":")
			fields[name] = strings.TrimSpace(value)
		}
		cmdline, _ := os.ReadFile(dir + "/cmdline")
		fmt.Fprintf(&b, "%7s ppid %s, %s, %s: %q\n", filepath.Base(dir), fields["PPid"], fields["State"],
			fields["Name"], strings.ReplaceAll(strings.TrimRight(string(cmdline), "\x00"), "\x00", " "))
	}
	return b.String()
}

func limit(env []string) time.Duration {
	for i := len(env) - 1; i >= 0; i-- {
		if v, ok := strings.CutPrefix(env[i], limitVar+"="); ok {
			if n, err := strconv.Atoi(v); err == nil && n > 0 {
				return time.Duration(n) * time.Second
			}
		}
	}
	return defaultLimit
}

func code(ws syscall.WaitStatus) int {
	if ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return ws.ExitStatus()
}

func must(what string, err error) {
	if err != nil {
		die(125, "%s: %s: %v", os.Args[0], what, err)
	}
}

func die(status int, format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(status)
}
