package victims

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// FUSE requests that fuseServer knows (include/uapi/linux/fuse.h).
const (
	fuseLookup = 1
	fuseOpen   = 14
	fuseInit   = 26
	fuseAccess = 34
	fuseCreate = 35
)

// fuseServer is `victim fuse DIR [file] [user=UID]`: it mounts a FUSE file system on DIR and never answers a request
// that the kernel sends for it. With the word file, each name in DIR is a file that can be opened, but not read,
// written or closed. Only the user UID, and not even root, may use the file system.
func fuseServer(args []string) {
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	must("/dev/fuse", err)
	user := "0"
	if uid, ok := strings.CutPrefix(args[len(args)-1], "user="); ok {
		user = uid
	}
	must("mount", unix.Mount("unanswered", args[0], "fuse", unix.MS_NOSUID|unix.MS_NODEV, fmt.Sprintf("fd=%d,rootmode=40000,user_id=%s,group_id=0", fd, user)))
	file := slices.Contains(args[1:], "file")
	buf := make([]byte, 1<<16)
	for first := true; ; {
		n, err := unix.Read(fd, buf)
		if err == unix.EINTR || err == unix.ENOENT {
			continue
		}
		if err == unix.ENODEV {
			return // the file system was unmounted
		}
		must("read", err)
		switch op := binary.NativeEndian.Uint32(buf[4:]); {
		case op == fuseInit:
			// struct fuse_init_out of protocol 7.31: versions, readahead, flags, limits on background requests,
			// max_write.
			answerFuse(fd, buf[:n], 0, []uint32{7, 31, 0, 0, 10 | 10<<16, 4096, 1}, 64)
		case op == fuseAccess:
			answerFuse(fd, buf[:n], unix.ENOSYS, nil, 0)
		case file && (op == fuseLookup || op == fuseOpen):
			// struct fuse_entry_out or fuse_open_out. The inode is 2, all times are valid for an hour.
			out := make([]uint32, 32)
			size := 16
			if op == fuseLookup {
				size = 128
				out[0], out[4], out[6] = 2, 3600, 3600
				attr := out[10:]
				attr[0], attr[15], attr[16] = 2, unix.S_IFREG|0o666, 1 // ino, mode, nlink
			}
			answerFuse(fd, buf[:n], 0, out, size)
		}
		if first {
			first = false
			ready()
		}
	}
}

// answerFuse answers a FUSE request. out is the beginning of the answer, which has size bytes.
func answerFuse(fd int, request []byte, errno unix.Errno, out []uint32, size int) {
	var b bytes.Buffer
	must("answer", binary.Write(&b, binary.NativeEndian, uint32(16+size)))
	must("answer", binary.Write(&b, binary.NativeEndian, -int32(errno)))
	b.Write(request[8:16]) // the number of the request
	must("answer", binary.Write(&b, binary.NativeEndian, out))
	b.Write(make([]byte, 256))
	_, err := unix.Write(fd, b.Bytes()[:16+size])
	must("answer", err)
}

// closesFile is `victim closes FILE`: it opens FILE and exits, which closes it.
func closesFile(args []string) {
	_, err := unix.Open(args[0], unix.O_RDONLY, 0)
	must("open", err)
	defaults()
	ready()
	os.Exit(0)
}

// dumpsCore is `victim dumps-core DIR`: it writes a core dump in DIR.
func dumpsCore(args []string) {
	must("chdir", unix.Chdir(args[0]))
	must("setrlimit", unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}))
	defaults()
	ready()
	must("kill", unix.Kill(os.Getpid(), unix.SIGABRT))
	time.Sleep(lifetime)
}

// background is `victim background CMD...`: it starts CMD in a background process group of a terminal of its own. The
// terminal is that of a shell, whose PID is in the line of readiness.
func background(args []string) {
	master, tty, err := OpenTerminal()
	must("terminal", err)
	r, w, err := os.Pipe()
	must("pipe", err)
	script := strings.Join(args, " ") + ` 3>&- & echo $! >&3; exec 3>&-; sleep 60; :`
	cmd := exec.Command("bash", "-mc", script)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = tty, tty, tty, []*os.File{w}
	defaults() // a process that ignores TTIN is not stopped
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true, Setctty: true}
	must("start", cmd.Start())
	w.Close()
	var pid int
	_, err = fmt.Fscan(r, &pid)
	must("read", err)
	ready("shell=", cmd.Process.Pid, " job=", pid)
	_ = cmd.Wait()
	runtime.KeepAlive(master) // to close it hangs the terminal up
}

// OpenTerminal opens a new pseudoterminal. To close master hangs it up.
func OpenTerminal() (master, tty *os.File, err error) {
	master, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, err
	}
	number := 0
	if err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err == nil {
		number, err = unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	}
	if err == nil {
		tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		master.Close()
		return nil, nil, err
	}
	return master, tty, nil
}

// threadBlocks blocks TERM in its first thread only.
func threadBlocks([]string) {
	defaults()
	var set unix.Sigset_t
	set.Val[0] = 1 << (unix.SIGTERM - 1)
	must("sigprocmask", unix.PthreadSigmask(unix.SIG_BLOCK, &set, nil)) // main is bound to the first thread
	ready()
	_ = unix.Pause()
	time.Sleep(lifetime)
}

// ignoresChild has a zombie, and ignores CHLD from then on. A child that ends while its parent ignores CHLD becomes no
// zombie.
func ignoresChild([]string) {
	cmd := exec.Command("true")
	must("start", cmd.Start())
	must("wait", unix.Waitid(unix.P_PID, cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil))
	signal.Ignore(unix.SIGCHLD)
	ready("zombie=", cmd.Process.Pid)
	time.Sleep(lifetime)
}
