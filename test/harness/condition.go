package harness

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"unsafe"

	"killbox/test/victims"

	"golang.org/x/sys/unix"
)

// Condition evaluates the conditions of the scripts, such as [root].
func Condition(name string) (bool, error) {
	switch name {
	case "root":
		// Without root, ns runs the script in a user namespace that maps one user only, to UID 0.
		users, _ := os.ReadFile("/proc/self/uid_map")
		f := strings.Fields(string(users))
		return os.Geteuid() == 0 && (len(f) != 3 || f[2] != "1"), nil
	case "pty":
		pty, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
		return err == nil && pty.Close() == nil, nil
	case "pidfds":
		return os.Getenv("KILLBOX_NO_PIDFD") != "1", nil
	case "userns":
		return exec.Command("unshare", "--user", "--map-root-user", "true").Run() == nil, nil
	case "remount":
		// Remount only the /proc that ns has mounted for the script. That /proc then has hidepid=0.
		comm, _ := os.ReadFile("/proc/1/comm")
		return string(comm) == "ns\n" && exec.Command("mount", "-o", "remount,hidepid=0", "/proc").Run() == nil, nil
	case "pidfd-exit":
		return pidfdExit(), nil
	case "pidfd-inode":
		var st unix.Statfs_t
		fd, err := unix.PidfdOpen(os.Getpid(), 0)
		if err != nil {
			return false, nil
		}
		defer unix.Close(fd)
		return unix.Fstatfs(fd, &st) == nil && st.Type == unix.PID_FS_MAGIC, nil
	case "cgroup2":
		dir := victims.Cgroup2()
		return dir != "" && unix.Access(dir, unix.W_OK) == nil, nil
	case "freezer1":
		dir := freezer1()
		return dir != "" && unix.Access(dir, unix.W_OK) == nil, nil
	}
	return false, fmt.Errorf("unknown condition %q", name)
}

// pidfdExit reports whether a process other than the parent can read the exit status from a pidfd (Linux 6.15).
var pidfdExit = sync.OnceValue(func() bool {
	fd := -1
	cmd := exec.Command("true")
	cmd.SysProcAttr = &syscall.SysProcAttr{PidFD: &fd}
	if cmd.Run() != nil || fd < 0 {
		return false
	}
	defer unix.Close(fd)
	const (
		infoExit = 1 << 3
		size     = 64 // bytes of the first version of struct pidfd_info
		getInfo  = 3<<30 | size<<16 | 0xFF<<8 | 11
	)
	info := [size / 8]uint64{infoExit}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), getInfo, uintptr(unsafe.Pointer(&info)))
	return errno == 0 && info[0]&infoExit != 0
})
