package kernel

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"

	"killbox/internal/signals"
	"killbox/procfs"

	"golang.org/x/sys/unix"
)

// refuse answers a system call of this thread with errno from now on.
func refuse(call uint32, errno unix.Errno) {
	runtime.LockOSThread()
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: call},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(errno)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	must(unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
	must(unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&prog)), 0, 0))
}

func must(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// helpPinned opens the process that the first argument names while pidfd_open(2) answers with the errno
// of the second, signals it and waits for its end.
func helpPinned() {
	pid, err := strconv.Atoi(os.Args[1])
	must(err)
	errno, err := strconv.Atoi(os.Args[2])
	must(err)
	proc, err := procfs.Open("/proc")
	must(err)
	k := New(proc, Options{})
	if !k.pidfds() {
		fmt.Println("no pidfds")
		return
	}
	refuse(unix.SYS_PIDFD_OPEN, unix.Errno(errno))
	st, err := k.Open(pid)
	must(err)
	must(k.Signal(st.ID, signals.TERM))
	gone, _, err := k.Wait(time.Minute)
	must(err)
	fmt.Println(len(gone), k.procs[st.ID].kind)
}

// TestPidfdOfALivingProcessRefused: EINVAL and ENOENT are no proof that a process is gone.
func TestPidfdOfALivingProcessRefused(t *testing.T) {
	for errno, kind := range map[unix.Errno]pinKind{unix.EINVAL: procDir, unix.ENOENT: procDir, unix.EMFILE: unpinned, unix.ENOMEM: unpinned} {
		c := start(t)
		cmd, out := run(t, "pinned", strconv.Itoa(c.pid), strconv.Itoa(int(errno)))
		c.reapLater()
		if got, want := firstLine(t, out), fmt.Sprint(1, " ", kind); got != want {
			t.Errorf("%v: %q, want %q", errno, got, want)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %v", errno, err)
		}
	}
}

// reapLater reaps the child as soon as it is gone, while the test waits for that.
func (c *victim) reapLater() {
	c.reaped = true
	go func() { _, _ = unix.Wait4(c.pid, nil, 0, nil) }()
}

// TestIDIsNeverRebound: the ID of an opened process names no other process, even if the PID is reused
// within the clock tick of its start. Here another process is made to look like that.
func TestIDIsNeverRebound(t *testing.T) {
	for _, noPidfd := range []bool{false, true} {
		k := newKernel(t, noPidfd)
		a, b := start(t), start(t)
		stA, errA := k.Open(a.pid)
		stB, errB := k.Open(b.pid)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		// From now on a's descriptor is known under the ID of b.
		k.procs[stB.ID] = k.procs[stA.ID]
		delete(k.procs, stA.ID)
		unix.Kill(a.pid, unix.SIGKILL)
		a.reap()
		if st, err := k.Open(b.pid); !noPidfd && !errors.Is(err, procfs.ErrNoProcess) {
			t.Errorf("opened again as %+v, %v", st, err)
		}
		for what, err := range map[string]error{"Signal": k.Signal(stB.ID, signals.TERM), "Exists": k.Exists(stB.ID)} {
			if !errors.Is(err, procfs.ErrNoProcess) {
				t.Errorf("noPidfd %v: %s: %v", noPidfd, what, err)
			}
		}
		k.Close(stB.ID)
		if _, err := k.Open(b.pid); !errors.Is(err, procfs.ErrNoProcess) {
			t.Errorf("noPidfd %v: opened again after it was closed: %v", noPidfd, err)
		}
		if _, err := k.Stat(stB.ID); !errors.Is(err, procfs.ErrNoProcess) {
			t.Errorf("noPidfd %v: read again after it was closed: %v", noPidfd, err)
		}
	}
}

// helpSpare uses up all descriptors after a freeze was prepared, and then resumes the process that the
// argument names, which has none.
func helpSpare() {
	pid, err := strconv.Atoi(os.Args[1])
	must(err)
	must(unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 32, Max: 32}))
	proc, err := procfs.Open("/proc")
	must(err)
	k := New(proc, Options{NoPidfd: os.Args[2] == "true"})
	must(k.Catch(signals.TERM))
	must(k.PrepareFreeze())
	for err == nil { // up to the reserve
		_, err = unix.FcntlInt(0, unix.F_DUPFD, 0)
	}
	st, err := k.Open(pid)
	must(err)
	must(k.Signal(st.ID, signals.STOP))
	must(k.Signal(st.ID, signals.CONT))
	must(k.Signal(st.ID, signals.TERM))
	gone, _, err := k.Wait(time.Minute)
	must(err)
	fmt.Println(len(gone), k.procs[st.ID].kind, len(k.reserveFDs))
}

// TestResumeWithoutDescriptors: the reserved descriptors are enough.
func TestResumeWithoutDescriptors(t *testing.T) {
	for _, noPidfd := range []bool{false, true} {
		c := start(t)
		cmd, out := run(t, "spare", strconv.Itoa(c.pid), strconv.FormatBool(noPidfd))
		c.reapLater()
		if got, want := firstLine(t, out), fmt.Sprint(1, " ", unpinned, " ", reserveSize); got != want {
			t.Errorf("noPidfd %v: %q, want %q", noPidfd, got, want)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("noPidfd %v: %v", noPidfd, err)
		}
	}
}

// TestReservedThreads: the runtime has as many threads as are counted on, and no process of the trial is
// left.
func TestReservedThreads(t *testing.T) {
	k := newKernel(t, false)
	if err := k.reserveThreads(); err != nil {
		t.Fatal(err)
	}
	if n := k.countThreads(); n < maxThreads-1 {
		t.Errorf("%d threads, want %d", n, maxThreads)
	}
	if _, err := unix.Wait4(-1, nil, unix.WNOHANG|unix.WALL, nil); err != unix.ECHILD {
		t.Errorf("a child is left: %v", err)
	}
}

func firstLine(t *testing.T, out interface{ Read([]byte) (int, error) }) string {
	t.Helper()
	var text strings.Builder
	buf := make([]byte, 256)
	for !strings.Contains(text.String(), "\n") {
		n, err := out.Read(buf)
		text.Write(buf[:n])
		if err != nil {
			break
		}
	}
	line, _, _ := strings.Cut(text.String(), "\n")
	return line
}
