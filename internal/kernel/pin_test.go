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

// refuseCall makes a system call of this thread fail with errno from now on, by a seccomp filter.
func refuseCall(call uint32, errno unix.Errno) {
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

// helpRefusedPidfd opens a process, signals it and waits for its end, while pidfd_open(2) fails. The arguments are the
// PID and the errno.
func helpRefusedPidfd() {
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
	refuseCall(unix.SYS_PIDFD_OPEN, unix.Errno(errno))
	st, err := k.Open(pid)
	must(err)
	must(k.Signal(st.ID, signals.TERM))
	gone, _, err := k.Wait(time.Minute)
	must(err)
	fmt.Println(len(gone), k.procs[st.ID].kind)
}

// TestPidfdOfALivingProcessRefused: EINVAL and ENOENT from pidfd_open(2) do not prove that the process is gone.
func TestPidfdOfALivingProcessRefused(t *testing.T) {
	for errno, kind := range map[unix.Errno]pinKind{unix.EINVAL: procDir, unix.ENOENT: procDir, unix.EMFILE: unpinned, unix.ENOMEM: unpinned} {
		c := start(t)
		cmd, out := run(t, "refused pidfd", strconv.Itoa(c.pid), strconv.Itoa(int(errno)))
		c.reapLater()
		if got, want := firstLine(t, out), fmt.Sprint(1, " ", kind); got != want {
			t.Errorf("%v: %q, want %q", errno, got, want)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %v", errno, err)
		}
	}
}

// reapLater reaps the child as soon as it is gone, in the background.
func (c *victim) reapLater() {
	c.reaped = true
	go func() { _, _ = unix.Wait4(c.pid, nil, 0, nil) }()
}

// TestIDIsNeverRebound: the ID of an opened process never names another process, even if the PID is reused within the
// clock tick of the start, so that both processes have the same ID. The test imitates this case with two processes.
func TestIDIsNeverRebound(t *testing.T) {
	for _, noPidfd := range []bool{false, true} {
		k := newKernel(t, noPidfd)
		a, b := start(t), start(t)
		stA, errA := k.Open(a.pid)
		stB, errB := k.Open(b.pid)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		// k now has the descriptor of a under the ID of b.
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

// helpReserve prepares a freeze, opens descriptors up to the limit, and then stops, resumes and ends a process, which
// stays unpinned. The arguments are the PID and whether to do without pidfds.
func helpReserve() {
	pid, err := strconv.Atoi(os.Args[1])
	must(err)
	must(unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 32, Max: 32}))
	proc, err := procfs.Open("/proc")
	must(err)
	k := New(proc, Options{NoPidfd: os.Args[2] == "true"})
	must(k.Catch(signals.TERM))
	must(k.PrepareFreeze())
	for err == nil { // until no descriptor but the reserved ones is left
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

// TestResumeWithoutDescriptors: when all other descriptors are in use, the reserved ones suffice to resume a process.
func TestResumeWithoutDescriptors(t *testing.T) {
	for _, noPidfd := range []bool{false, true} {
		c := start(t)
		cmd, out := run(t, "reserve", strconv.Itoa(c.pid), strconv.FormatBool(noPidfd))
		c.reapLater()
		if got, want := firstLine(t, out), fmt.Sprint(1, " ", unpinned, " ", reserveSize); got != want {
			t.Errorf("noPidfd %v: %q, want %q", noPidfd, got, want)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("noPidfd %v: %v", noPidfd, err)
		}
	}
}

// TestReservedThreads: reserveThreads starts the threads, and reaps the processes of tryForks.
func TestReservedThreads(t *testing.T) {
	k := newKernel(t, false)
	if err := k.reserveThreads(0); err != nil {
		t.Fatal(err)
	}
	if n := k.countThreads(); n < maxThreads {
		t.Errorf("%d threads, want %d", n, maxThreads)
	}
	if _, err := unix.Wait4(-1, nil, unix.WNOHANG|unix.WALL, nil); err != unix.ECHILD {
		t.Errorf("a child remains: %v", err)
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
