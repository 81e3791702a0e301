package procfs_test

// Tests with the real /proc. They start this test binary as helper processes. A helper exits when its standard input is
// closed, or after a minute. No process is signalled.

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"killbox/procfs"
	"killbox/test/harness"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

const helperVariable = "KILLBOX_PROCFS_HELPER"

func TestMain(m *testing.M) {
	if role := os.Getenv(helperVariable); role != "" {
		runHelper(role)
	}
	os.Exit(m.Run())
}

// notPossible is the exit status of a helper that cannot make its leader exit, because the Go runtime has moved the
// calling goroutine to another thread, or that may not turn off the randomisation of addresses.
const notPossible = 77

// addrNoRandomize is ADDR_NO_RANDOMIZE of personality(2).
const addrNoRandomize = 0x0040000

// runHelper does what role says, and exits.
func runHelper(role string) {
	time.AfterFunc(time.Minute, func() { os.Exit(1) })
	wait := func() {
		fmt.Println("ready")
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}
	kind, argument, _ := strings.Cut(role, ":")
	switch kind {
	case "exit":
		code, _ := strconv.Atoi(argument)
		os.Exit(code)
	case "wait":
		wait()
	case "comm":
		if err := os.WriteFile("/proc/self/comm", []byte(argument), 0); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		wait()
	case "fixed":
		runtime.LockOSThread()
		if _, _, errno := unix.RawSyscall(unix.SYS_PERSONALITY, addrNoRandomize, 0, 0); errno != 0 {
			os.Exit(notPossible)
		}
		if err := os.Setenv(helperVariable, "wait"); err == nil {
			fmt.Println(unix.Exec("/proc/self/exe", os.Args, os.Environ()))
		}
	case "leader-exits":
		runtime.LockOSThread()
		if unix.Gettid() != unix.Getpid() {
			os.Exit(notPossible)
		}
		go wait()
		// The system call exit ends this thread only. It goes through Syscall, so that the Go scheduler gives the
		// processor (P) of this thread to the other threads.
		_, _, _ = unix.Syscall(unix.SYS_EXIT, 0, 0, 0)
	}
	os.Exit(2)
}

// start starts a helper, like startCommand, with another result done: it ends the helper. Unless the role is "exit",
// start returns after the helper has printed that it is ready. pid is 0 if the helper has exited with notPossible.
func start(t *testing.T, role string, attr *syscall.SysProcAttr, tty *os.File) (pid int, done func() *os.ProcessState) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	// Built with -race, a program would sleep for a second before it exits.
	cmd.Env = append(os.Environ(), helperVariable+"="+role, "GORACE=atexit_sleep_ms=0")
	cmd.SysProcAttr = attr
	if tty != nil {
		cmd.ExtraFiles = []*os.File{tty}
	}
	stdout, done := launch(t, cmd)
	if !strings.HasPrefix(role, "exit") {
		if err := awaitReady(stdout); err != nil {
			if done().ExitCode() == notPossible {
				return 0, nil
			}
			t.Fatalf("helper %s: %v", role, err)
		}
	}
	return cmd.Process.Pid, done
}

// startCommand starts a program that prints "ready" and exits when its standard input is closed, which the end of the
// test does.
func startCommand(t *testing.T, cmd *exec.Cmd) (pid int) {
	t.Helper()
	stdout, _ := launch(t, cmd)
	if err := awaitReady(stdout); err != nil {
		t.Fatalf("%s: %v", cmd, err)
	}
	return cmd.Process.Pid
}

// launch starts a program. The end of the test, or a call of done, closes its standard input and waits for its exit.
func launch(t *testing.T, cmd *exec.Cmd) (stdout io.Reader, done func() *os.ProcessState) {
	t.Helper()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err = cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var waited bool
	done = func() *os.ProcessState {
		if !waited {
			waited = true
			_ = stdin.Close()
			_ = cmd.Wait() // ProcessState has the exit status
		}
		return cmd.ProcessState
	}
	t.Cleanup(func() { done() })
	return stdout, done
}

func awaitReady(stdout io.Reader) error {
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || line != "ready\n" {
		return fmt.Errorf("printed %q, %w", line, err)
	}
	return nil
}

// startLeaderExits starts a helper whose leader exits. The Go runtime may start the goroutine of main on another
// thread: then a new helper is started.
func startLeaderExits(t *testing.T) (pid int, done func() *os.ProcessState) {
	t.Helper()
	for range 10 {
		if pid, done = start(t, "leader-exits", nil, nil); pid != 0 {
			return pid, done
		}
	}
	t.Fatal("the helper never ran on its leader")
	return 0, nil
}

// until polls stat of a process until ok is true, for at most a minute.
func until(t *testing.T, fs *procfs.FS, pid int, ok func(*procfs.Stat) bool) procfs.Stat {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		s, err := fs.Stat(pid)
		if err != nil {
			t.Fatal(err)
		}
		if ok(&s) {
			return s
		}
		if time.Now().After(deadline) {
			t.Fatalf("after a minute: %+v", s)
		}
	}
}

func realProc(t *testing.T) *procfs.FS {
	t.Helper()
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		harness.Skip(t, "needs /proc: ", err)
	}
	return open(t, "/proc")
}

func TestKernelZombie(t *testing.T) {
	fs := realProc(t)
	pid, done := start(t, "exit:3", nil, nil)
	// State Z is not enough: the leader of a Go program may exit before its other threads.
	s := until(t, fs, pid, (*procfs.Stat).Gone)
	if s.State != 'Z' || s.Threads != 1 {
		t.Errorf("a plain zombie is %c and has %d threads", s.State, s.Threads)
	}
	if s.ExitCode != 3<<8 || s.PPID != os.Getpid() {
		t.Errorf("exit code %#x, parent %d", s.ExitCode, s.PPID)
	}
	for what, read := range perProcess(fs) {
		if err := read(pid); err != nil && !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s of a zombie: %v", what, err)
		}
	}
	if env, err := fs.EnvironBytes(pid); len(env) != 0 || err != nil {
		t.Errorf("environment of a zombie: %q, %v", env, err)
	}
	if exe, err := fs.Exe(pid); exe != "" || err != nil {
		t.Errorf("executable of a zombie: %q, %v", exe, err)
	}
	done()
	// The PID may have been reused, but not with the same start time.
	if again, err := fs.Stat(pid); err == nil && again.ID == s.ID || err != nil && !errors.Is(err, procfs.ErrNoProcess) {
		t.Errorf("after it was reaped: %+v, %v", again, err)
	}
}

// TestKernelLeaderExits checks that the readers use a living thread after the leader has exited.
func TestKernelLeaderExits(t *testing.T) {
	fs := realProc(t)
	pid, done := startLeaderExits(t)
	s := until(t, fs, pid, func(s *procfs.Stat) bool { return s.Thread != 0 })
	if s.Gone() || s.Threads < 2 || s.State == 'Z' || s.Thread == pid {
		t.Errorf("with other threads running: %+v, gone %v", s, s.Gone())
	}
	dir, err := fs.OpenDir(pid)
	if err != nil {
		t.Fatal(err)
	}
	if at, err := fs.StatAt(dir); err != nil || at.ID != s.ID || at.Thread == 0 || at.State == 'Z' {
		t.Errorf("StatAt: %+v, %v", at, err)
	}
	_ = unix.Close(dir)
	if args, err := fs.Cmdline(pid); err != nil || !slices.Equal(args, os.Args[:1]) {
		t.Errorf("Cmdline: %q, %v", args, err)
	}
	if arg0, _, err := fs.Arg0(pid); err != nil || string(arg0) != os.Args[0] {
		t.Errorf("Arg0: %q, %v", arg0, err)
	}
	if env, err := fs.EnvironBytes(pid); err != nil || !procfs.HasEnv(env, helperVariable, "leader-exits", false) {
		t.Errorf("EnvironBytes: %q, %v", env, err)
	}
	own, err := os.Executable()
	if exe, e := fs.Exe(pid); err != nil || e != nil || exe != own {
		t.Errorf("Exe: %q, %v; want %q, %v", exe, e, own, err)
	}
	for path, read := range map[string]func(int) (os.FileInfo, error){own: fs.ExeInfo, "/": fs.RootInfo} {
		want, err := os.Stat(path)
		if info, e := read(pid); err != nil || e != nil || !os.SameFile(info, want) {
			t.Errorf("%s: %v, %v, %v", path, info, e, err)
		}
	}
	for _, kind := range []string{"mnt", "net", "pid"} {
		want, err := fs.Namespace(os.Getpid(), kind)
		if got, e := fs.Namespace(pid, kind); got != want || e != err && !errors.Is(e, err) {
			t.Errorf("Namespace %s: %q, %v; want %q, %v", kind, got, e, want, err)
		}
	}
	status, err := fs.Status(pid)
	if err != nil || status.State == 'Z' || status.VmHWM == 0 || status.NSPID[0] != pid || !status.Caught.Has(int(unix.SIGURG)) {
		t.Errorf("Status: %+v, %v", status, err)
	}
	self, err := fs.Stat(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	want, err := fs.Cgroups(&self)
	if got, e := fs.Cgroups(&s); !cmp.Equal(got, want) || e != nil && !errors.Is(e, err) {
		t.Errorf("Cgroups: %+v, %v; want %+v, %v", got, e, want, err)
	}
	if state := done(); state.ExitCode() != 0 {
		t.Errorf("the helper: %v", state)
	}
}

func TestKernelHostileName(t *testing.T) {
	fs := realProc(t)
	for _, name := range []string{"a) R 1 (", "x\ny) Z 1\n", "\xff\\n\x1b[2J", `\`} {
		pid, done := start(t, "comm:"+name, nil, nil)
		s, err := fs.Stat(pid)
		if err != nil || s.Comm != name || s.PPID != os.Getpid() {
			t.Errorf("stat: %+v, %v; want the name %q", s, err, name)
		}
		status, err := fs.Status(pid)
		if err != nil || status.Name != name || status.PPID != os.Getpid() {
			t.Errorf("status: %+v, %v; want the name %q", status, err, name)
		}
		done()
	}
}

func TestKernelReaders(t *testing.T) {
	fs := realProc(t)
	pid, _ := start(t, "wait", &syscall.SysProcAttr{Setsid: true}, nil)
	s, err := fs.Stat(pid)
	if err != nil || s.PGID != pid || s.SID != pid || s.TTY != 0 || s.Gone() || s.KernelThread() {
		t.Errorf("Stat: %+v, %v", s, err)
	}
	if age, err := fs.Age(s); err != nil || age < 0 || age > time.Minute {
		t.Errorf("Age: %v, %v", age, err)
	}
	status, err := fs.Status(pid)
	if err != nil || status.TGID != pid || status.NSPID[0] != pid || status.UID[1] != os.Geteuid() || status.VmHWM == 0 ||
		status.Threads != s.Threads && status.Threads < 2 || !status.Caught.Has(int(unix.SIGURG)) {
		t.Errorf("Status: %+v, %v", status, err)
	}
	if args, err := fs.Cmdline(pid); err != nil || !slices.Equal(args, os.Args[:1]) {
		t.Errorf("Cmdline: %q, %v", args, err)
	}
	if env, err := fs.EnvironBytes(pid); err != nil || !procfs.HasEnv(env, helperVariable, "wait", false) {
		t.Errorf("EnvironBytes: %q, %v", env, err)
	}
	own, err := os.Executable()
	if exe, e := fs.Exe(pid); err != nil || e != nil || exe != own {
		t.Errorf("Exe: %q, %v; want %q, %v", exe, e, own, err)
	}
	if _, err := fs.Wchan(pid); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Wchan: %v", err)
	}
	if groups, err := fs.Cgroups(&s); err != nil && !errors.Is(err, errors.ErrUnsupported) || err == nil && len(groups) == 0 {
		t.Errorf("Cgroups: %+v, %v", groups, err)
	}
	// os/exec may have forked the helper from any thread, so Children must read the lists of all threads.
	if children, err := fs.Children(os.Getpid()); errors.Is(err, errors.ErrUnsupported) {
		t.Log("this kernel has no children files")
	} else if err != nil || !slices.Contains(children, pid) {
		t.Errorf("Children: %v, %v; want %d among them", children, err, pid)
	}
	mounts, err := fs.Mounts()
	if err != nil || !slices.ContainsFunc(mounts, func(m procfs.Mount) bool { return m.FSType == "proc" }) {
		t.Errorf("Mounts: %+v, %v", mounts, err)
	}
	// lxcfs may be mounted over /proc/loadavg.
	if last, err := fs.LastPID(); err != nil && !errors.Is(err, errors.ErrUnsupported) || err == nil && last <= 0 {
		t.Errorf("LastPID: %d, %v", last, err)
	}
}

// TestKernelTTYNumber compares TTYNumber with what the kernel prints for a process on a pseudo-terminal.
func TestKernelTTYNumber(t *testing.T) {
	fs := realProc(t)
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		harness.Skip(t, "needs a pseudo-terminal: ", err)
	}
	t.Cleanup(func() { _ = master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetUint32(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("pts/%d", n)
	slave, err := os.OpenFile("/dev/"+name, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = slave.Close() })

	pid, done := start(t, "wait", &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 3}, slave)
	s, err := fs.Stat(pid)
	if err != nil {
		t.Fatal(err)
	}
	for _, given := range []string{name, "/dev/" + name} {
		if nr, err := fs.TTYNumber(given); err != nil || nr != s.TTY {
			t.Errorf("TTYNumber(%q) = %#x, %v; the kernel says %#x", given, nr, err, s.TTY)
		}
	}
	if got := procfs.TTYName(s.TTY); got != name {
		t.Errorf("TTYName(%#x) = %q, want %q", s.TTY, got, name)
	}
	done() // before the terminal is closed, which would send HUP to the helper
}

// TestKernelChurn calls all readers while processes are forked and exit.
func TestKernelChurn(t *testing.T) {
	fs := realProc(t)
	stop, stopped := make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			select {
			case <-stop:
				stopped <- nil
				return
			default:
			}
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), helperVariable+"=exit:0", "GORACE=atexit_sleep_ms=0")
			if err := cmd.Run(); err != nil {
				stopped <- err
				return
			}
		}
	}()
	readers := perProcess(fs)
	var s procfs.Snapshot
	changed := 0 // the number of scans during which a PID was allocated
	_, lastErr := fs.LastPID()
	// Scan for a second. On a slow machine, go on until a scan sees the allocation of a PID, for at most a minute.
	for began := time.Now(); time.Since(began) < time.Second || lastErr == nil && changed == 0 && time.Since(began) < time.Minute; {
		if err := fs.Snapshot(&s); err != nil {
			t.Fatal(err)
		}
		if !s.NoPIDAllocated() {
			changed++
		}
		if !slices.IsSortedFunc(s.Procs, func(a, b procfs.Stat) int { return a.PID - b.PID }) {
			t.Fatal("not in order of PID")
		}
		self := s.Lookup(os.Getpid())
		if self == nil || self.PPID != os.Getppid() {
			t.Fatalf("this process: %+v", self)
		}
		if up := s.Ancestors(os.Getpid()); os.Getppid() != 0 && (len(up) == 0 || up[0].PID != os.Getppid()) {
			t.Fatalf("ancestors: %v", up)
		}
		for _, p := range s.Descendants(procfs.TreeQuery{Roots: []procfs.ID{self.ID}}) {
			for what, read := range readers {
				err := read(p.PID)
				if err != nil && !errors.Is(err, procfs.ErrNoProcess) && !errors.Is(err, errors.ErrUnsupported) {
					t.Errorf("%s of %d: %v", what, p.PID, err)
				}
			}
		}
	}
	close(stop)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if lastErr == nil && changed == 0 {
		t.Error("NoPIDAllocated was true of every scan, although processes were started all the time")
	}
}

func TestKernelDescriptorsAreClosed(t *testing.T) {
	fs := realProc(t)
	count := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	before := count()
	var s procfs.Snapshot
	for range 3 {
		if err := fs.Snapshot(&s); err != nil {
			t.Fatal(err)
		}
		for _, read := range perProcess(fs) {
			_ = read(os.Getpid())
			_ = read(1 << 30)
		}
	}
	if diff := cmp.Diff(before, count()); diff != "" {
		t.Errorf("descriptors (-before +after): %s", diff)
	}
}

func BenchmarkSnapshot(b *testing.B) {
	fs := open(b, "/proc")
	var s procfs.Snapshot
	b.ReportAllocs()
	for b.Loop() {
		if err := fs.Snapshot(&s); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(s.Procs)), "processes")
}

// TestScanNew checks that ScanNew shows a process that was started after the scan, and none that was started before.
func TestScanNew(t *testing.T) {
	fs := open(t, "/proc")
	var s procfs.Snapshot
	if err := fs.Snapshot(&s); err != nil {
		t.Fatal(err)
	}
	pid := startCommand(t, exec.Command("sh", "-c", "echo ready; read line"))
	for range 100 {
		fresh, ok, err := fs.ScanNew(&s)
		if err != nil {
			t.Fatal(err)
		}
		if !ok { // PIDs have wrapped around
			if err := fs.Snapshot(&s); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if fresh.Lookup(os.Getpid()) != nil || fresh.Lookup(1) != nil {
			t.Errorf("a process from before the scan is new")
		}
		if s.Lookup(pid) == nil && fresh.Lookup(pid) == nil {
			t.Errorf("%d is not new: from %d to %d", pid, fresh.FirstPID, fresh.LastPID)
		}
		return
	}
	t.Error("PIDs wrap around in each scan")
}
