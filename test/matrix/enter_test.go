package matrix

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"

	"killbox/test/victims"

	"golang.org/x/sys/unix"
)

// user is the user ID of the ordinary user.
const user = 4330

// attributes returns the namespaces of an environment. What needs calls inside them is done by enter.
func attributes(environment string) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true}
	switch environment {
	case "hidepid", "subset", "noproc":
		attr.Cloneflags = syscall.CLONE_NEWNS
	case "userns":
		attr.Cloneflags = syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{Size: 1}}
	}
	return attr
}

// ordinary reports whether the environment has an ordinary user.
func ordinary(environment string) bool { return environment == "user" || environment == "hidepid" }

// folder returns the folder of the binary, as the environment sees it.
func folder(environment, bin string) string {
	if environment == "chroot" {
		return "/"
	}
	return bin
}

// enter is `enter ENVIRONMENT MODE LIMIT BIN APPLET ARG...`: it becomes the applet of the folder BIN in the environment
// and the mode. LIMIT is the limit of open files, or 0.
func enter() {
	runtime.LockOSThread() // the filter is that of the thread
	environment, mode, limit, bin, args := os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5:]
	steps := map[string]func() error{
		"hidepid": func() error { return unix.Mount("proc", "/proc", "proc", 0, "hidepid=2") },
		"subset":  func() error { return unix.Mount("proc", "/proc", "proc", 0, "subset=pid") },
		"noproc":  unmountProc,
		"chroot":  func() error { return unix.Chroot(bin) },
	}
	if step := steps[environment]; step != nil {
		must(step())
	}
	must(os.Chdir("/"))
	if n, err := strconv.ParseUint(limit, 10, 64); must(err) && n > 0 {
		// The function of syscall: otherwise Exec would restore the previous limit.
		must(syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: n, Max: n}))
	}
	if ordinary(environment) {
		must(syscall.Setgroups(nil))
		must(syscall.Setgid(user))
		must(syscall.Setuid(user))
	}
	if mode == "ENOSYS" || mode == "EPERM" || mode == "TRAP" {
		must(victims.RefuseCalls(mode, "pidfd_open", "pidfd_send_signal"))
	}
	path := filepath.Join(folder(environment, bin), args[0])
	must(syscall.Exec(path, append([]string{path}, args[1:]...), []string{"PATH=/usr/bin:/bin"}))
}

// unmountProc unmounts every file system on /proc.
func unmountProc() error {
	for {
		switch err := unix.Unmount("/proc", unix.MNT_DETACH); err {
		case nil:
		case unix.EINVAL:
			return nil
		default:
			return err
		}
	}
}

// must ends a helper program if err is not nil.
func must(err error) bool {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", os.Args, err)
		os.Exit(helperFailed)
	}
	return true
}

// helperFailed is the exit status of a cell or of enter if the test itself fails.
const helperFailed = 99
