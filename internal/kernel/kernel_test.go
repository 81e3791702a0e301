package kernel

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"killbox/internal/signals"
	"killbox/procfs"
	"killbox/procfs/procfstest"
	"killbox/test/harness"

	"golang.org/x/sys/unix"
)

// Every process that is signalled here is a child of the test, and its PID is the one that fork(2) returned.

// helper is an environment variable. If it is set, its value names the function in helpers that the test binary runs
// instead of the tests.
const helper = "KILLBOX_TEST_HELPER"

// vforkMode is the helper that waits for the child of a vfork(2).
const vforkMode = "vfork"

func init() {
	if os.Getenv(helper) == vforkMode {
		waitForVfork() // init runs in the leader, and /proc/PID/stat shows the state of the leader
	}
}

// waitForVfork forks with CLONE_VFORK but without CLONE_VM, so the child has its own memory. There is no Go runtime in
// the child, which only makes a system call.
//
//go:nosplit
//go:norace
func waitForVfork() {
	pid, _, _ := unix.RawSyscall6(unix.SYS_CLONE, unix.CLONE_VFORK|uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	for pid == 0 {
		unix.RawSyscall6(unix.SYS_PPOLL, 0, 0, 0, 0, 0, 0)
	}
	_, _ = unix.Wait4(int(pid), nil, 0, nil)
	unix.Exit(0)
}

func TestMain(m *testing.M) {
	if len(os.Args) > 0 && os.Args[0] == GuardianName {
		proc, _ := procfs.Open("/proc")
		RunGuardian(New(proc, Options{NoPidfd: os.Getenv("KILLBOX_NO_PIDFD") == "1"}))
		unix.Exit(0) // under the race detector os.Exit takes a second
	}
	guardianStartLimit.Sec = 60 // for a busy machine, and for emulators
	if mode := os.Getenv(helper); mode != "" {
		os.Unsetenv(helper)
		helpers[mode]()
		os.Exit(0)
	}
	defaultSignals()
	os.Exit(m.Run())
}

// defaultSignals makes the helpers start with default dispositions, even if this process has inherited ignored signals,
// for example under nohup(1): execve(2) resets a caught signal to the default.
func defaultSignals() {
	for _, sig := range signals.All() {
		if sig := syscall.Signal(sig); signal.Ignored(sig) {
			signal.Notify(make(chan os.Signal, 1), sig)
		}
	}
}

var helpers = map[string]func(){
	"die":             helpDie,
	"catch":           helpCatch,
	"block":           helpBlock,
	"few descriptors": helpFewDescriptors,
	"early signal":    helpEarlySignal,
	"signal child":    helpSignalChild,
	"busy reaper":     helpBusyReaper,
	"children":        helpChildren,
	"reap thousands":  helpReapThousands,

	"refused pidfd": helpRefusedPidfd,
	"reserve":       helpReserve,

	"sleep": func() { time.Sleep(time.Minute) },
}

func newKernel(t testing.TB, noPidfd bool) *Kernel {
	t.Helper()
	proc, err := procfs.Open("/proc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { proc.Close() })
	return New(proc, Options{NoPidfd: noPidfd, Self: "/proc/self/exe"})
}

// victim is a child of the test. The end of the test kills the child unless it has been reaped.
type victim struct {
	t      testing.TB
	pid    int
	reaped bool
}

func start(t testing.TB, args ...string) *victim {
	t.Helper()
	if len(args) == 0 {
		args = []string{"sleep", "60"}
	}
	path, err := exec.LookPath(args[0])
	if err != nil {
		t.Fatal(err)
	}
	pid, err := syscall.ForkExec(path, args, &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{0, 1, 2}})
	if err != nil {
		t.Fatal(err)
	}
	c := &victim{t: t, pid: pid}
	t.Cleanup(func() {
		if !c.reaped {
			unix.Kill(pid, unix.SIGKILL) // the child is not reaped, so its PID is not reused
			c.reap()
		}
	})
	return c
}

// wait waits until the child changes its state in one of the ways that options names (wait4(2)).
func (c *victim) wait(options int) unix.WaitStatus {
	c.t.Helper()
	var ws unix.WaitStatus
	for {
		_, err := unix.Wait4(c.pid, &ws, options, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			c.t.Fatal(err)
		}
		return ws
	}
}

func (c *victim) reap() unix.WaitStatus {
	c.t.Helper()
	ws := c.wait(0)
	c.reaped = true
	return ws
}

// zombie waits until the child is a zombie.
func (c *victim) zombie() {
	c.t.Helper()
	for {
		err := unix.Waitid(unix.P_PID, c.pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err == nil {
			return
		}
		if err != unix.EINTR {
			c.t.Fatal(err)
		}
	}
}

// eachPinKind runs f with three Kernels: one pins processes by pidfds, one by descriptors of /proc/PID, and one leaves
// them unpinned.
func eachPinKind(t *testing.T, f func(t *testing.T, k *Kernel)) {
	for _, kind := range []string{"pidfd", "directory", "unpinned"} {
		t.Run(kind, func(t *testing.T) {
			k := newKernel(t, kind != "pidfd")
			if kind == "unpinned" {
				k.probe.nofile = headroom // so no descriptor is kept open
			}
			f(t, k)
		})
	}
}

func TestIdentity(t *testing.T) {
	eachPinKind(t, func(t *testing.T, k *Kernel) {
		c := start(t)
		st, err := k.Open(c.pid)
		if err != nil || st.PID != c.pid || st.Start == 0 || st.PPID != os.Getpid() {
			t.Fatalf("%+v, %v", st, err)
		}
		again, err := k.Open(c.pid)
		if err != nil || again.ID != st.ID || len(k.procs) != 1 {
			t.Errorf("opened again: %+v, %v, %d processes", again, err, len(k.procs))
		}
		if err := k.Signal(st.ID, 0); err != nil {
			t.Errorf("signal 0: %v", err)
		}
		if err := k.Signal(procfs.ID{PID: c.pid, Start: st.Start + 1}, signals.KILL); !errors.Is(err, procfs.ErrNoProcess) {
			t.Errorf("Signal with another start time: %v", err)
		}
		if _, err := k.Stat(procfs.ID{PID: c.pid, Start: st.Start + 1}); !errors.Is(err, procfs.ErrNoProcess) {
			t.Errorf("Stat with another start time: %v", err)
		}
		if err := k.Signal(st.ID, signals.TERM); err != nil {
			t.Fatal(err)
		}
		c.zombie()
		if st, err := k.Stat(st.ID); err != nil || !st.Gone() {
			t.Errorf("Stat of a zombie: %+v, %v", st, err)
		}
		if err := k.Signal(st.ID, signals.TERM); err != nil {
			t.Errorf("Signal to a zombie: %v", err)
		}
		if ws := c.reap(); ws.Signal() != unix.SIGTERM {
			t.Errorf("ended by %v", ws.Signal())
		}
		if err := k.Signal(st.ID, signals.TERM); !errors.Is(err, procfs.ErrNoProcess) {
			t.Errorf("Signal to a reaped process: %v", err)
		}
		if _, err := k.Stat(st.ID); !errors.Is(err, procfs.ErrNoProcess) {
			t.Errorf("Stat of a reaped process: %v", err)
		}
		k.Close(st.ID)
		k.Close(st.ID)
		if err := k.Signal(st.ID, 0); !errors.Is(err, procfs.ErrNoProcess) || len(k.procs) != 0 {
			t.Errorf("Signal to a closed process: %v, %d processes", err, len(k.procs))
		}
		if _, err := k.Open(c.pid); !errors.Is(err, procfs.ErrNoProcess) {
			t.Errorf("Open of a reaped process: %v", err)
		}
	})
}

// TestIdentify checks that Identify neither opens nor closes a process.
func TestIdentify(t *testing.T) {
	eachPinKind(t, func(t *testing.T, k *Kernel) {
		descriptors := func() int {
			entries, err := os.ReadDir("/proc/self/fd")
			if err != nil {
				t.Fatal(err)
			}
			return len(entries)
		}
		c := start(t)
		_, _ = k.Identify(os.Getpid()) // the first call probes the kernel
		before := descriptors()
		st, err := k.Identify(c.pid)
		if err != nil || st.PID != c.pid || st.Start == 0 || len(k.procs) != 0 || descriptors() != before {
			t.Errorf("%+v, %v, %d processes, %d descriptors more", st, err, len(k.procs), descriptors()-before)
		}
		opened, err := k.Open(c.pid)
		if err != nil || opened.ID != st.ID || opened.Inode != st.Inode {
			t.Fatalf("%+v, %v, want %+v", opened, err, st)
		}
		if _, err := k.Identify(c.pid); err != nil || k.Signal(opened.ID, 0) != nil {
			t.Errorf("Identify of an opened process: %v", err)
		}
		c.reapLater()
		if err := k.Signal(opened.ID, signals.KILL); err != nil {
			t.Fatal(err)
		}
		for err == nil {
			_, err = k.Identify(c.pid)
		}
		if !errors.Is(err, procfs.ErrNoProcess) {
			t.Errorf("Identify of a reaped process: %v", err)
		}
	})
}

// TestReusedPID: a signal reaches only the process for which the descriptor was opened. The test imitates the reuse of
// a PID with two children: it gives the opened first child an ID with the PID of the second.
func TestReusedPID(t *testing.T) {
	eachPinKind(t, func(t *testing.T, k *Kernel) {
		first, second := start(t), start(t)
		st, err := k.Open(first.pid)
		if err != nil {
			t.Fatal(err)
		}
		p := k.procs[st.ID]
		forged := procfs.ID{PID: second.pid, Start: st.Start + 1<<40}
		k.procs[forged], p.id = p, forged
		if err := unix.Kill(first.pid, unix.SIGKILL); err != nil {
			t.Fatal(err)
		}
		first.reap()
		if err := k.Signal(forged, signals.KILL); !errors.Is(err, procfs.ErrNoProcess) {
			t.Errorf("sent to the process that has the PID now: %v", err)
		}
		if err := unix.Kill(second.pid, 0); err != nil {
			t.Error(err)
		}
	})
}

func TestThreadIsNoProcess(t *testing.T) {
	tids, done := make(chan int), make(chan bool)
	defer close(done)
	// The thread of the first goroutine may be the leader, so two goroutines are needed.
	for range 2 {
		go func() {
			runtime.LockOSThread()
			tids <- unix.Gettid()
			<-done
		}()
	}
	tid := <-tids
	if other := <-tids; tid == os.Getpid() {
		tid = other
	}
	for _, noPidfd := range []bool{false, true} {
		_, err := newKernel(t, noPidfd).Open(tid)
		if te := new(ThreadError); !errors.As(err, &te) || te.PID != os.Getpid() || te.TID != tid || !errors.Is(err, procfs.ErrNoProcess) {
			t.Errorf("without pidfds %v: %v", noPidfd, err)
		}
	}
}

// TestHidden: Open, Signal and Wait work for a process that /proc does not show (hidepid=2 in proc(5)), and without
// /proc.
func TestHidden(t *testing.T) {
	empty, err := procfs.Open(procfstest.Build(t))
	if err != nil {
		t.Fatal(err)
	}
	defer empty.Close()
	for _, proc := range []*procfs.FS{empty, nil} {
		for _, noPidfd := range []bool{false, true} {
			t.Run(fmt.Sprintf("proc %v, without pidfds %v", proc != nil, noPidfd), func(t *testing.T) {
				k := New(proc, Options{NoPidfd: noPidfd})
				c := start(t)
				st, err := k.Open(c.pid)
				if err != nil || st.ID != (procfs.ID{PID: c.pid}) || st.State != '?' {
					t.Fatalf("%+v, %v", st, err)
				}
				if err := k.Signal(st.ID, signals.TERM); err != nil {
					t.Fatalf("signal: %v", err)
				}
				c.zombie()
				c.reap()
				gone, reaped, err := k.Wait(time.Minute)
				if len(gone)+len(reaped) == 0 || err != nil {
					t.Errorf("%v, %v, %v", gone, reaped, err)
				}
				if err := k.Signal(st.ID, signals.TERM); !errors.Is(err, procfs.ErrNoProcess) {
					t.Errorf("Signal to a reaped process: %v", err)
				}
			})
		}
	}
}

func TestInode(t *testing.T) {
	k := newKernel(t, false)
	a, b := start(t), start(t)
	stA, errA := k.Open(a.pid)
	stB, errB := k.Open(b.pid)
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	if stA.Inode == 0 {
		harness.Skip(t, errors.New("no pidfs"))
	}
	if stA.Inode == stB.Inode {
		t.Errorf("both processes have inode %d", stA.Inode)
	}
	if again, err := k.Stat(stA.ID); err != nil || again.Inode != stA.Inode {
		t.Errorf("read again: %d and %d, %v", stA.Inode, again.Inode, err)
	}
	if st, err := newKernel(t, true).Open(a.pid); err != nil || st.Inode != 0 {
		t.Errorf("without pidfds: %d, %v", st.Inode, err)
	}
}

// collect waits until n processes are gone and n have been reaped. It returns how often Wait reported each process.
func collect(t testing.TB, k *Kernel, n int) (gone, reaped map[procfs.ID]int) {
	t.Helper()
	gone, reaped = make(map[procfs.ID]int), make(map[procfs.ID]int)
	for len(gone) < n || len(reaped) < n {
		g, r, err := k.Wait(time.Minute)
		if err != nil || len(g)+len(r) == 0 {
			t.Fatalf("%d gone and %d reaped of %d, and then %v", len(gone), len(reaped), n, err)
		}
		for _, id := range g {
			gone[id]++
		}
		for _, id := range r {
			reaped[id]++
		}
	}
	return gone, reaped
}

func TestWait(t *testing.T) {
	eachPinKind(t, func(t *testing.T, k *Kernel) {
		const n = 40
		ids := make(map[procfs.ID]*victim)
		for range n {
			c := start(t)
			st, err := k.Open(c.pid)
			if err != nil {
				t.Fatal(err)
			}
			ids[st.ID] = c
		}
		if gone, reaped, err := k.Wait(0); len(gone)+len(reaped) > 0 || err != nil {
			t.Errorf("before the signals: %v, %v, %v", gone, reaped, err)
		}
		for id := range ids {
			if err := k.Signal(id, signals.KILL); err != nil {
				t.Error(err)
			}
		}
		go func() {
			for _, c := range ids {
				unix.Wait4(c.pid, nil, 0, nil)
			}
		}()
		gone, reaped := collect(t, k, n)
		for id, c := range ids {
			c.reaped = true
			if gone[id] > 1 || reaped[id] != 1 {
				t.Errorf("%v: reported gone %d times, reaped %d times", id, gone[id], reaped[id])
			}
			k.Close(id)
		}
		if gone, reaped, err := k.Wait(0); len(gone)+len(reaped) > 0 || err != nil {
			t.Errorf("after all are reaped: %v, %v, %v", gone, reaped, err)
		}
	})
}

// TestWaitForZombie: Wait reports a zombie as gone at once, and as reaped only after it was reaped.
func TestWaitForZombie(t *testing.T) {
	eachPinKind(t, func(t *testing.T, k *Kernel) {
		c := start(t, "true")
		c.zombie()
		st, err := k.Open(c.pid)
		if err != nil {
			t.Fatal(err)
		}
		gone, reaped, err := k.Wait(time.Minute)
		if len(gone) != 1 || gone[0] != st.ID || len(reaped) > 0 || err != nil {
			t.Errorf("%v, %v, %v", gone, reaped, err)
		}
		if gone, reaped, err := k.Wait(0); len(gone)+len(reaped) > 0 || err != nil {
			t.Errorf("reported again: %v, %v, %v", gone, reaped, err)
		}
		c.reap()
		if gone, reaped, err = k.Wait(time.Minute); len(reaped) != 1 || err != nil {
			t.Errorf("%v, %v, %v", gone, reaped, err)
		}
	})
}

func TestStatus(t *testing.T) {
	eachPinKind(t, func(t *testing.T, k *Kernel) {
		for script, want := range map[string]string{"exit 0": "exit 0", "exit 3": "exit 3", "kill -USR1 $$": "signal USR1"} {
			c := start(t, "sh", "-c", script)
			st, err := k.Open(c.pid)
			if err != nil {
				t.Fatal(err)
			}
			c.zombie()
			if status, err := k.Status(st.ID); err != nil || status.String() != want {
				t.Errorf("%s, a zombie: %v, %v", script, status, err)
			}
			c.reap()
			// Only the pidfd has the status now, on Linux 6.15 and later.
			if status, err := k.Status(st.ID); err == nil && status.String() != want || err != nil && err != signals.ErrNoStatus {
				t.Errorf("%s, reaped: %v, %v", script, status, err)
			}
			k.Close(st.ID)
			if _, err := k.Status(st.ID); err != signals.ErrNoStatus {
				t.Errorf("%s, closed: %v", script, err)
			}
		}
	})
	k := newKernel(t, false)
	st, err := k.Open(start(t).pid)
	if err != nil {
		t.Fatal(err)
	}
	if status, err := k.Status(st.ID); err != signals.ErrNotReaped {
		t.Errorf("Status of a living process: %v, %v", status, err)
	}
}

func TestFile(t *testing.T) {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	r := os.NewFile(uintptr(p[0]), "pipe")
	// The text is larger than a pipe, and the descriptor has O_NONBLOCK.
	text := bytes.Repeat([]byte("killbox\n"), 1<<16)
	got := make(chan []byte)
	go func() {
		b, _ := io.ReadAll(r)
		got <- b
	}()
	if n, err := File(p[1]).Write(text); n != len(text) || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	unix.Close(p[1])
	if !bytes.Equal(<-got, text) {
		t.Error("the text read differs from the text written")
	}
	if n, err := File(p[1]).Write(nil); n != 0 || err != nil {
		t.Errorf("empty write: %d, %v", n, err)
	}

	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	unix.Close(p[0])
	if n, err := File(p[1]).Write(text); n != 0 || err != unix.EPIPE {
		t.Errorf("pipe without a reader: %d, %v", n, err)
	}
	unix.Close(p[1])
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		harness.Skip(t, err)
	}
	defer full.Close()
	if n, err := File(full.Fd()).Write(text); n != 0 || err != unix.ENOSPC {
		t.Errorf("no space: %d, %v", n, err)
	}
}

// state returns the letter of the process's state in /proc/PID/stat.
func state(t testing.TB, k *Kernel, pid int) byte {
	t.Helper()
	st, err := k.proc.Stat(pid)
	if err != nil {
		t.Fatal(err)
	}
	return st.State
}

// startFrozen starts a child, adds it to the list of the guardian of k, and stops it.
func startFrozen(t testing.TB, k *Kernel) (*victim, procfs.ID) {
	t.Helper()
	c := start(t)
	st, err := k.Open(c.pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.GuardianAdd([]procfs.ID{st.ID}); err != nil {
		t.Fatal(err)
	}
	if err := k.Signal(st.ID, signals.STOP); err != nil {
		t.Fatal(err)
	}
	c.wait(unix.WUNTRACED)
	return c, st.ID
}

// closeGuardianSocket does what the kernel does when this process ends: it closes the socket. Then it waits for the end
// of the guardian.
func closeGuardianSocket(t testing.TB, k *Kernel) {
	t.Helper()
	unix.Close(k.guardian.fd)
	for {
		if _, err := unix.Wait4(k.guardian.pid, nil, 0, nil); err != unix.EINTR {
			break
		}
	}
	k.guardian = nil
}

func newKernelWithGuardian(t testing.TB, noPidfd bool) *Kernel {
	t.Helper()
	k := newKernel(t, noPidfd)
	pid, err := k.StartGuardian()
	if err != nil {
		t.Fatal(err)
	}
	if k.guardian.pid != pid {
		t.Errorf("PID %d, want %d", pid, k.guardian.pid)
	}
	t.Cleanup(k.StopGuardian)
	return k
}

func TestGuardian(t *testing.T) {
	for _, noPidfd := range []bool{false, true} {
		t.Run(fmt.Sprint(noPidfd), func(t *testing.T) {
			t.Run("resumes when the socket is closed", func(t *testing.T) {
				k := newKernelWithGuardian(t, noPidfd)
				a, _ := startFrozen(t, k)
				b, _ := startFrozen(t, k)
				closeGuardianSocket(t, k)
				for _, c := range []*victim{a, b} {
					if s := state(t, k, c.pid); s == 'T' {
						t.Errorf("%d is still stopped", c.pid)
					}
				}
			})
			t.Run("survives signals", func(t *testing.T) {
				k := newKernelWithGuardian(t, noPidfd)
				c, _ := startFrozen(t, k)
				for _, s := range []unix.Signal{unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGTSTP, unix.SIGPIPE} {
					if err := unix.Kill(k.guardian.pid, s); err != nil {
						t.Fatal(err)
					}
				}
				closeGuardianSocket(t, k)
				if s := state(t, k, c.pid); s == 'T' {
					t.Error("still stopped")
				}
			})
			t.Run("resumes nothing that was cleared", func(t *testing.T) {
				k := newKernelWithGuardian(t, noPidfd)
				a, _ := startFrozen(t, k)
				if err := k.GuardianClear(); err != nil {
					t.Fatal(err)
				}
				b, _ := startFrozen(t, k)
				closeGuardianSocket(t, k)
				if sA, sB := state(t, k, a.pid), state(t, k, b.pid); sA != 'T' || sB == 'T' {
					t.Errorf("added before GuardianClear: %c, after: %c; want only the latter resumed", sA, sB)
				}
			})
			t.Run("does not resume a process with a reused PID", func(t *testing.T) {
				k := newKernelWithGuardian(t, noPidfd)
				c, id := startFrozen(t, k)
				if err := k.GuardianClear(); err != nil {
					t.Fatal(err)
				}
				id.Start++
				if err := k.GuardianAdd([]procfs.ID{id}); err != nil {
					t.Fatal(err)
				}
				closeGuardianSocket(t, k)
				if s := state(t, k, c.pid); s != 'T' {
					t.Errorf("resumed: %c", s)
				}
			})
			t.Run("reads more than one message", func(t *testing.T) {
				k := newKernelWithGuardian(t, noPidfd)
				c, id := startFrozen(t, k)
				if err := k.GuardianClear(); err != nil {
					t.Fatal(err)
				}
				// The kernel allocates no PID above 1<<22.
				many := make([]procfs.ID, 50_000)
				for i := range many {
					many[i] = procfs.ID{PID: 1<<22 + 1 + i, Start: 1}
				}
				if err := k.GuardianAdd(append(many, id)); err != nil {
					t.Fatal(err)
				}
				closeGuardianSocket(t, k)
				if s := state(t, k, c.pid); s == 'T' {
					t.Error("still stopped")
				}
			})
		})
	}
}

func TestStopGuardian(t *testing.T) {
	for _, stopped := range []bool{false, true} {
		k := newKernelWithGuardian(t, false)
		pid := k.guardian.pid
		if stopped {
			if err := unix.Kill(pid, unix.SIGSTOP); err != nil {
				t.Fatal(err)
			}
		}
		k.StopGuardian()
		k.StopGuardian()
		if _, err := unix.Wait4(pid, nil, unix.WNOHANG, nil); err != unix.ECHILD {
			t.Errorf("stopped %v: the guardian has not been reaped: %v", stopped, err)
		}
	}
}

func TestGuardianCannotStart(t *testing.T) {
	lookPath := func(name string) string {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, self := range []string{"/nonexistent", os.DevNull, lookPath("true"),
		// echo stands for a Go program that gets no thread: it prints a message and exits.
		lookPath("echo")} {
		k := newKernel(t, false)
		k.opts.Self = self
		if pid, err := k.StartGuardian(); err == nil || k.guardian != nil {
			t.Errorf("%s was accepted as the guardian: %d", self, pid)
			k.StopGuardian()
		}
		if _, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); err != unix.ECHILD {
			t.Errorf("%s: a child remains: %v", self, err)
		}
	}
}

func TestGuardianKilled(t *testing.T) {
	k := newKernelWithGuardian(t, false)
	if err := unix.Kill(k.guardian.pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for unix.Waitid(unix.P_PID, k.guardian.pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
	if err := k.GuardianAdd([]procfs.ID{{PID: 1 << 23, Start: 1}}); err == nil {
		t.Error("GuardianAdd returned no error")
	}
}

func TestHook(t *testing.T) {
	k := newKernel(t, false)
	file := filepath.Join(t.TempDir(), "out")
	t.Setenv("INHERITED", "yes")
	err := oneHook(k, `printf '%s %s %s' "$KILLBOX_PID" "$INHERITED" "$(cat)" > `+file, "KILLBOX_PID=42", time.Minute)
	if b, readErr := os.ReadFile(file); err != nil || readErr != nil || string(b) != "42 yes " {
		t.Errorf("%q, %v, %v", b, err, readErr)
	}
	for command, want := range map[string]string{"exit 3": "hook: exit 3", "kill -TERM $$": "hook: signal TERM", "true": "", "exit 0": ""} {
		if err := oneHook(k, command, "", time.Minute); want == "" && err != nil || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("%s: %v, want %q", command, err, want)
		}
	}
}

func oneHook(k *Kernel, command, env string, limit time.Duration) error {
	return k.Hooks(command, [][]string{{env}}, limit)[0]
}

// TestHooksRunInParallel: each of the first maxHooks hooks waits until all of them run. One more hook starts when one
// of them has ended.
func TestHooksRunInParallel(t *testing.T) {
	k := newKernel(t, false)
	dir := t.TempDir()
	var envs [][]string
	for i := range maxHooks + 1 {
		envs = append(envs, []string{fmt.Sprintf("KILLBOX_PID=%d", i)})
	}
	command := fmt.Sprintf(`cd %s && : >"$KILLBOX_PID" && while set -- *; [ $# -lt %d ]; do sleep 0.01; done; exit $((KILLBOX_PID == 3))`, dir, maxHooks)
	for i, err := range k.Hooks(command, envs, time.Minute) {
		if (err != nil) != (i == 3) {
			t.Errorf("hook %d: %v", i, err)
		}
	}
}

// TestHookThatHangs: a hook that exceeds its limit is killed with all processes of its group.
func TestHookThatHangs(t *testing.T) {
	// On a slow machine the hook may need more than half a second until it ignores TERM.
	for limit := 500 * time.Millisecond; !hangs(t, limit); limit *= 8 {
		if limit > time.Minute {
			t.Fatal("the hook was killed before it ignored TERM, with every limit")
		}
	}
}

// hangs runs a hook that hangs. It returns false if the hook was killed before it ignored TERM.
func hangs(t *testing.T, limit time.Duration) bool {
	k := newKernel(t, false)
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	// The reader gets POLLHUP when every process that has the FIFO open for writing is gone.
	fd, err := unix.Open(fifo, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	err = oneHook(k, "exec 3>"+fifo+"; (trap '' TERM; echo x >&3; sleep 60) & wait", "", limit)
	if err == nil || !strings.Contains(err.Error(), "still running after "+limit.String()+", killed") {
		t.Errorf("%v", err)
	}
	if n, _ := unix.Read(fd, make([]byte, 2)); n <= 0 {
		return false
	}
	poll := []unix.PollFd{{Fd: int32(fd)}}
	for poll[0].Revents&unix.POLLHUP == 0 {
		if n, err := unix.Poll(poll, 30_000); n == 0 || err != nil && err != unix.EINTR {
			t.Fatalf("a process that the hook started remains: %v", err)
		}
	}
	return true
}

// run starts the test binary as a helper, with standard output as a pipe.
func run(t testing.TB, mode string, args ...string) (*exec.Cmd, io.Reader) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), helper+"="+mode, "GORACE=atexit_sleep_ms=0")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, out
}

func waitStatus(cmd *exec.Cmd) syscall.WaitStatus {
	_ = cmd.Wait() // the error is in ProcessState, too
	return cmd.ProcessState.Sys().(syscall.WaitStatus)
}

var endingTestSignals = []signals.Signal{signals.INT, signals.TERM, signals.HUP, signals.QUIT, signals.PIPE}

func TestDie(t *testing.T) {
	for _, sig := range endingTestSignals {
		cmd, _ := run(t, "die", strconv.Itoa(int(sig)))
		if ws := waitStatus(cmd); !ws.Signaled() || ws.Signal() != syscall.Signal(sig) {
			t.Errorf("%v: status %#x", sig, uint32(ws))
		}
	}
}

// noCore keeps QUIT from writing a core dump.
func noCore() { unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}) }

func helpDie() {
	noCore()
	sig, _ := strconv.Atoi(os.Args[1])
	proc, _ := procfs.Open("/proc")
	k := New(proc, Options{})
	k.RestoreDispositions()
	if err := k.Catch(signals.INT, signals.TERM, signals.HUP, signals.QUIT); err != nil {
		os.Exit(9)
	}
	k.DeferSignals()
	Die(signals.Signal(sig))
	os.Exit(8)
}

// TestCatch: before DeferSignals each signal ends the process as if it were not caught; afterwards it ends a Wait. With
// DeferSignalsWhenWaiting, a Wait that lasts longer than deferDelay has the effect of DeferSignals.
func TestCatch(t *testing.T) {
	for _, mode := range []string{"never", "defer", "not yet waiting", "waiting"} {
		deferred := mode == "defer" || mode == "waiting"
		for _, sig := range signals.All() {
			if !sig.Ends() || !sig.Catchable() || mode == "waiting" && !slices.Contains(endingTestSignals[:4], sig) {
				continue
			}
			t.Run(sig.String()+", "+mode, func(t *testing.T) {
				cmd, out := run(t, "catch", mode)
				if _, err := io.ReadFull(out, make([]byte, 1)); err != nil {
					t.Fatal(err)
				}
				if err := cmd.Process.Signal(syscall.Signal(sig)); err != nil {
					t.Fatal(err)
				}
				text, _ := io.ReadAll(out)
				ws := waitStatus(cmd)
				if !deferred && (!ws.Signaled() || ws.Signal() != syscall.Signal(sig)) {
					t.Errorf("status %#x", uint32(ws))
				}
				if want := "interrupted by " + sig.String(); deferred && (string(text) != want+", "+want || ws != 0) {
					t.Errorf("%q, status %#x", text, uint32(ws))
				}
			})
		}
	}
}

func helpCatch() {
	noCore()
	proc, _ := procfs.Open("/proc")
	k := New(proc, Options{})
	k.RestoreDispositions()
	if err := k.Catch(signals.INT, signals.TERM, signals.HUP, signals.QUIT); err != nil {
		os.Exit(9)
	}
	switch os.Args[1] {
	case "defer":
		k.DeferSignals()
	case "not yet waiting":
		k.DeferSignalsWhenWaiting()
		os.Stdout.Write([]byte{1})
		time.Sleep(time.Minute)
	case "waiting":
		k.DeferSignalsWhenWaiting()
		k.Wait(10 * deferDelay)
	}
	if k.Interrupted() != nil {
		os.Exit(8)
	}
	os.Stdout.Write([]byte{1})
	_, _, err := k.Wait(time.Minute)
	fmt.Printf("%v, %v", err, k.Interrupted())
}

func TestBlocks(t *testing.T) {
	k := newKernel(t, false)
	for mode, want := range map[string][3]bool{"TERM": {true, false, false}, "all": {true, true, true}, "none": {}} {
		cmd, out := run(t, "block", mode)
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
		if _, err := io.ReadFull(out, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		st, err := k.Open(cmd.Process.Pid)
		if err != nil {
			t.Fatal(err)
		}
		term, all := k.Blocks(st.ID, signals.TERM)
		hup, _ := k.Blocks(st.ID, signals.HUP)
		if got := [3]bool{term, hup, all}; got != want {
			t.Errorf("%s: TERM, HUP, all are blocked: %v, want %v", mode, got, want)
		}
	}
}

func TestVforks(t *testing.T) {
	k := newKernel(t, false)
	t.Setenv(helper, vforkMode)
	parent := start(t, os.Args[0])
	os.Unsetenv(helper)
	var children []int
	for end := time.Now().Add(time.Minute); len(children) == 0; time.Sleep(time.Millisecond) {
		children, _ = k.proc.Children(parent.pid)
		if time.Now().After(end) {
			t.Fatal("no child")
		}
	}
	t.Cleanup(func() {
		unix.Kill(children[0], unix.SIGKILL) // not reaped by its parent, so its PID is not reused
		parent.reap()
	})
	for _, test := range []struct {
		pid   int
		state byte
		want  bool
	}{{parent.pid, 'D', true}, {children[0], 'S', false}, {start(t).pid, 'S', false}} {
		st, err := k.Open(test.pid)
		// Before the parent waits for its child, it may be in state D for another reason.
		for end := time.Now().Add(time.Minute); err == nil && (st.State != test.state || k.Vforks(st.ID) != test.want); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%d: state %c, waits for the child of a vfork: %v; want %c, %v", test.pid, st.State, k.Vforks(st.ID), test.state, test.want)
			}
			st, err = k.Stat(st.ID)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// helpBlock executes a shell that has signals blocked.
func helpBlock() {
	var set uint64
	switch os.Args[1] {
	case "TERM":
		set = 1 << (unix.SIGTERM - 1)
	case "all":
		set = ^uint64(0)
	}
	runtime.LockOSThread()
	const setmask = 2
	unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, setmask, uintptr(unsafe.Pointer(&set)), 0, 8, 0, 0)
	sh, _ := exec.LookPath("sh")
	_ = unix.Exec(sh, []string{"sh", "-c", "echo; exec sleep 60 >/dev/null"}, os.Environ())
}

// TestFewDescriptors: with far more processes than descriptors, every process is signalled, and Wait reports every one
// as gone.
func TestFewDescriptors(t *testing.T) {
	for _, noPidfd := range []string{"false", "true"} {
		cmd, out := run(t, "few descriptors", noPidfd)
		text, _ := io.ReadAll(out)
		if ws := waitStatus(cmd); ws != 0 || string(text) != "120 gone" {
			t.Errorf("without pidfds %s: %q, status %#x", noPidfd, text, uint32(ws))
		}
	}
}

func helpFewDescriptors() {
	const n = 120
	fail := func(what string, err error) {
		if err != nil {
			fmt.Printf("%s: %v", what, err)
			os.Exit(9)
		}
	}
	var limit unix.Rlimit
	fail("getrlimit", unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	limit.Cur = 40
	fail("setrlimit", unix.Setrlimit(unix.RLIMIT_NOFILE, &limit))
	proc, err := procfs.Open("/proc")
	fail("open", err)
	k := New(proc, Options{NoPidfd: os.Args[1] == "true"})
	sleep, err := exec.LookPath("sleep")
	fail("sleep", err)
	pids := make(map[int]bool)
	defer func() {
		for pid := range pids {
			unix.Kill(pid, unix.SIGKILL)
		}
	}()
	kinds := make(map[pinKind]int)
	for range n {
		pid, err := syscall.ForkExec(sleep, []string{"sleep", "60"}, &syscall.ProcAttr{Files: []uintptr{0, 1, 2}})
		fail("fork", err)
		pids[pid] = true
		st, err := k.Open(pid)
		fail("open", err)
		kinds[k.procs[st.ID].kind]++
	}
	if kinds[unpinned] == 0 || kinds[unpinned] == n {
		fail("all processes have the same kind", fmt.Errorf("%v", kinds))
	}
	for id := range k.procs {
		fail("signal", k.Signal(id, signals.TERM))
	}
	gone := make(map[procfs.ID]bool)
	for len(gone) < n {
		g, r, err := k.Wait(time.Minute)
		fail("wait", err)
		if len(g)+len(r) == 0 {
			fail("wait", errors.New("no process is gone after a minute"))
		}
		for _, id := range g {
			if gone[id] = true; !pids[id.PID] {
				fail("wait", fmt.Errorf("%v is an unrelated process", id))
			}
			k.Close(id)
			unix.Wait4(id.PID, nil, 0, nil)
			delete(pids, id.PID)
		}
	}
	fmt.Printf("%d gone", len(gone))
}

func TestSnapshotWithoutProc(t *testing.T) {
	k := New(nil, Options{})
	if err := k.Snapshot(new(procfs.Snapshot)); err == nil {
		t.Error("Snapshot without /proc returned no error")
	}
	if blocked, all := k.Blocks(procfs.ID{PID: 1}, signals.TERM); blocked || all {
		t.Error("Blocks without /proc is true")
	}
}

func TestBoost(t *testing.T) {
	// The priority belongs to a thread, so the goroutine must stay on this one.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before, err := unix.SchedGetAttr(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	newKernel(t, false).Boost()()
	if after, err := unix.SchedGetAttr(0, 0); err != nil || *after != *before {
		t.Errorf("%+v, %v; want %+v as before", after, err, before)
	}
}

// TestBoostIsNotStopped: until the function that Boost returned is called, the terminal cannot stop this process.
func TestBoostIsNotStopped(t *testing.T) {
	ignored := func() (list []bool) {
		for _, sig := range []unix.Signal{unix.SIGTSTP, unix.SIGTTOU} {
			var act disposition
			rtSigaction(int(sig), nil, &act)
			list = append(list, act == ignoreDisposition())
		}
		return list
	}
	before := ignored()
	restore := newKernel(t, false).Boost()
	if got := ignored(); !slices.Equal(got, []bool{true, true}) {
		t.Errorf("TSTP and TTOU ignored: %v", got)
	}
	restore()
	if got := ignored(); !slices.Equal(got, before) {
		t.Errorf("TSTP and TTOU ignored: %v, before %v", got, before)
	}
}
