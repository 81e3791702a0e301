package commandlines

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"killbox/test/victims"

	"golang.org/x/sys/unix"
)

const (
	victimUser = "65531" // the user of one victim
	canaryUser = 65530
	lifetime   = "900"              // seconds, after which victims and canaries end by themselves
	ownSignal  = syscall.Signal(57) // of this process to itself; no word of a command line is RTMIN+23
	longest    = 10 * time.Second   // the limit for what takes an instant, on a busy machine as well
)

// process is a victim, or a canary.
type process struct {
	name    string // that of a link in the folder bin
	pid     int
	start   uint64 // field 22 of /proc/PID/stat
	canary  bool
	blocks  bool // all signals are blocked, so that each one that is sent is pending
	ignores bool // TERM, HUP and INT are ignored
	user    uint32
	script  string // the process is a shell that runs this
	tree    int    // the number of its children
	zombie  bool   // a child that may be a zombie

	children []*process
}

// scene is the processes of a namespace.
type scene struct {
	dir     string // the working folder
	applets []string
	names   []string // operands that name victims, or no process
	victims []*process
	// canaries are processes that no narrow command line names: of another user, name, and session. They block all
	// signals, so that each one that is sent is pending.
	canaries []*process
	wild     bool           // the line that is being made may have hostile words
	self     chan os.Signal // signals to PID 1, this process
}

// newScene starts the processes.
func newScene(dir string, applets []string) (*scene, error) {
	s := &scene{dir: dir, applets: applets, self: make(chan os.Signal, 100)}
	signal.Notify(s.self)
	s.names = []string{
		"vict", "vict", "vusr", "vtree", "vleaf", "vdeaf", "vblk", "vzomb", "vic", "none", "-vict", "Vict",
		filepath.Join(dir, "bin", "vict"), filepath.Join(dir, "bin", "vsleep"), "[v]ict", "vict|vusr",
	}
	s.victims = []*process{
		{name: "vict"}, {name: "vusr", user: 65531}, {name: "vblk", blocks: true}, {name: "vdeaf", ignores: true},
		{name: "vtree", script: "vleaf " + lifetime + " & vleaf " + lifetime + " & wait", tree: 2},
		{name: "vpar", script: "true & exec vzomb " + lifetime, tree: 1},
	}
	s.canaries = []*process{
		{name: "canary", blocks: true, canary: true}, {name: "kanarie", blocks: true, canary: true, user: canaryUser},
		{name: "c) Z 1 1 (", blocks: true, canary: true},
	}
	for _, p := range slices.Concat(s.victims, s.canaries) {
		if err := s.begin(p); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// begin starts the process, in a session of its own, and waits until it runs its program.
func (s *scene) begin(p *process) error {
	path, args := filepath.Join(s.dir, "bin", p.name), []string{p.name, lifetime}
	if p.script != "" {
		args = []string{p.name, "-c", p.script}
	}
	if p.ignores {
		signal.Ignore(syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT)
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	defer null.Close()
	p.pid, err = forkExec(p.blocks, path, args, &syscall.ProcAttr{
		Dir: filepath.Join(s.dir, "vdir"), Env: []string{
			"KILLBOX_V=1", "PATH=" + filepath.Join(s.dir, "bin") + ":/usr/bin:/bin",
		},
		Files: []uintptr{null.Fd(), null.Fd(), null.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true, Credential: &syscall.Credential{Uid: p.user, Gid: p.user}},
	})
	if p.ignores {
		signal.Notify(s.self)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	// ForkExec returns after execve(2). A shell has to start its children.
	for end := time.Now().Add(longest); p.tree > 0 && len(childrenOf(p.pid)) < p.tree; {
		if time.Now().After(end) {
			return fmt.Errorf("%s has not started its children", p.name)
		}
		time.Sleep(200 * time.Microsecond)
	}
	_, p.start = p.stat()
	p.children = nil
	for _, child := range childrenOf(p.pid) {
		c := &process{name: p.name + "'s child", zombie: p.name == "vpar"}
		c.pid, _ = strconv.Atoi(child)
		_, c.start = c.stat()
		p.children = append(p.children, c)
	}
	return nil
}

// forkExec is syscall.ForkExec, with all signals blocked or none.
func forkExec(blocks bool, path string, args []string, attr *syscall.ProcAttr) (pid int, err error) {
	var set, old unix.Sigset_t
	if blocks {
		set = allSignals()
	}
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &set, &old); err != nil {
		return 0, err
	}
	pid, err = syscall.ForkExec(path, args, attr)
	return pid, errors.Join(err, unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil))
}

// allSignals returns the set of all signals.
func allSignals() (set unix.Sigset_t) {
	for i := range set.Val {
		set.Val[i]--
	}
	return set
}

func childrenOf(pid int) []string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	return strings.Fields(string(text))
}

// stat returns the state of the process, 'X' if there is none, and its start time.
func (p *process) stat() (state byte, start uint64) {
	fields := victims.StatFields(fmt.Sprintf("/proc/%d/stat", p.pid))
	if len(fields) < 20 {
		return 'X', 0
	}
	start, _ = strconv.ParseUint(fields[19], 10, 64)
	return fields[0][0], start
}

// inode returns the inode number of a pidfd of the process, and 0 if it has none.
func (p *process) inode() uint64 {
	fd, err := unix.PidfdOpen(p.pid, 0)
	if err != nil {
		return 0
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil {
		return 0
	}
	return st.Ino
}

// signalled returns what shows that the process was sent a signal or has been stopped, or "".
//
// kill(2) returns before the process has ended, but makes it runnable: signalled waits until it sleeps again. A zombie
// child counts as unchanged.
func (p *process) signalled() string {
	state, start := p.stat()
	for end := time.Now().Add(longest); (state == 'R' || state == 'D') && time.Now().Before(end); state, start = p.stat() {
		time.Sleep(50 * time.Microsecond)
	}
	switch {
	case state == 'Z' && start == p.start && p.zombie:
		return ""
	case state == 'X' || state == 'Z' || start != p.start:
		return "has ended"
	case state == 'T' || state == 't':
		return "is stopped"
	}
	for _, c := range p.children {
		if sign := c.signalled(); sign != "" {
			return "has a child that " + sign
		}
	}
	if !p.blocks {
		return ""
	}
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
	for line := range strings.Lines(string(status)) {
		name, mask, _ := strings.Cut(strings.TrimSpace(line), ":")
		if mask = strings.TrimSpace(mask); (name == "ShdPnd" || name == "SigPnd") && strings.Trim(mask, "0") != "" {
			return "has pending signals " + mask
		}
	}
	return ""
}

// received returns the signals that PID 1, this process, was sent since the last call. It has been started with all
// signals blocked. So only one thread handles those of Notify, in the order of their numbers, and received waits for
// one that it sends itself: twice, because a command line might have sent the same one.
func (s *scene) received() (list []os.Signal) {
	for range 2 {
		_ = unix.Kill(1, ownSignal)
		for own := false; !own || len(s.self) > 0; {
			switch sig := <-s.self; sig {
			case ownSignal:
				own = true
			case syscall.SIGCHLD, syscall.SIGURG: // of children, and of the runtime
			default:
				list = append(list, sig)
			}
		}
	}
	return list
}

// restore ends all processes that are not of the scene, and starts those again that were signalled.
func (s *scene) restore() error {
	for _, p := range slices.Concat(s.victims, s.canaries) {
		if p.signalled() == "" {
			continue
		}
		if state, start := p.stat(); state != 'X' && start == p.start {
			_ = unix.Kill(p.pid, unix.SIGKILL)
			_, _ = unix.Wait4(p.pid, nil, 0, nil)
		}
		if err := s.begin(p); err != nil {
			return err
		}
	}
	own := make(map[int]bool)
	for _, p := range slices.Concat(s.victims, s.canaries) {
		own[p.pid] = true
		for _, c := range p.children {
			own[c.pid] = true
		}
	}
	for end := time.Now().Add(longest); ; time.Sleep(100 * time.Microsecond) {
		others := false
		for _, pid := range allProcesses() {
			if pid != 1 && !own[pid] {
				others = true
				_ = unix.Kill(pid, unix.SIGKILL)
			}
		}
		reap()
		if !others {
			break
		}
		if time.Now().After(end) {
			return fmt.Errorf("processes remain after KILL")
		}
	}
	_ = s.received()
	return nil
}

func allProcesses() (pids []int) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// reap collects all children that have ended.
func reap() {
	for {
		pid, err := unix.Wait4(-1, nil, unix.WNOHANG|unix.WALL, nil)
		if err != unix.EINTR && pid <= 0 {
			return
		}
	}
}

// bringUp prepares the namespace: a /proc of its own, no /sys and so no cgroups, and nothing that can be written
// but the working folder, which is a tmpfs.
func bringUp(dir, shell, sleep string) error {
	const flags = unix.MS_NOSUID | unix.MS_NODEV
	for _, step := range []func() error{
		func() error { return unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "") },
		func() error { return unix.Mount("proc", "/proc", "proc", flags|unix.MS_NOEXEC, "") },
		func() error { return unix.Mount("none", "/sys", "tmpfs", flags, "") },
		func() error {
			return unix.MountSetattr(unix.AT_FDCWD, "/", unix.AT_RECURSIVE, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY})
		},
		func() error { return unix.Mount("none", dir, "tmpfs", flags, "size=4m,mode=755") },
		func() error { return os.Chdir(dir) },
		func() error { return os.Mkdir("bin", 0o755) },
		func() error { return os.Mkdir("vdir", 0o755) },
		func() error { return os.Symlink("loop", "loop") },
		func() error { return copyFile(sleep, "bin/vsleep") },
		func() error { return copyFile(shell, "bin/vshell") },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	for link, to := range map[string]string{
		"vict": "vsleep", "vusr": "vsleep", "vblk": "vsleep", "vdeaf": "vsleep", "vleaf": "vsleep", "vzomb": "vsleep",
		"vtree": "vshell", "vpar": "vshell",
		"canary": sleep, "kanarie": sleep, "c) Z 1 1 (": sleep,
	} {
		if err := os.Symlink(to, filepath.Join("bin", link)); err != nil {
			return err
		}
	}
	return nil
}

// copyFile makes an executable that is not that of the canaries.
func copyFile(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o755)
}

// writeFiles writes the files that options name, with the PIDs of victims.
func (s *scene) writeFiles() error {
	pid := strconv.Itoa(s.victims[0].pid)
	for name, text := range map[string]string{
		"pidfile": pid + "\n", "empty": "", "garbage": "\x00\xff\n1\n-1\n" + pid,
		"handles": fmt.Sprintf("%s@%d\n", pid, s.victims[0].start), "unreadable": pid,
	} {
		_ = os.Remove(name)
		mode := os.FileMode(0o644)
		if name == "unreadable" {
			mode = 0
		}
		if err := os.WriteFile(name, []byte(text), mode); err != nil {
			return err
		}
	}
	return nil
}
