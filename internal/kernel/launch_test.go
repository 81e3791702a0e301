package kernel

import (
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// startStopping starts a shell in a process group of its own, which stops itself by the signal and then writes to the
// pipe from which fd reads.
func startStopping(t *testing.T, signal string) (fd, pid int) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	fd = int(r.Fd())
	if err := unix.SetNonblock(fd, true); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", "kill -"+signal+" $$ && echo resumed >&3")
	cmd.ExtraFiles = []*os.File{w}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // not orphaned: TSTP stops it
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return fd, cmd.Process.Pid
}

func TestAwaitInput(t *testing.T) {
	for _, signal := range []string{"TSTP", "TTIN", "TTOU"} {
		fd, pid := startStopping(t, signal)
		var b [16]byte
		if n, stopped := awaitInput(fd, pid, b[:]); string(b[:n]) != "resumed\n" || !stopped {
			t.Errorf("%s: the child wrote %q, stopped is %v", signal, b[:n], stopped)
		}
	}
}

// TestStoppedByTerminal: a child that STOP has stopped is not resumed.
func TestStoppedByTerminal(t *testing.T) {
	_, pid := startStopping(t, "STOP")
	if err := unix.Waitid(unix.P_PID, pid, nil, unix.WSTOPPED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	if stoppedByTerminal(pid) {
		t.Error("the child is to be resumed")
	}
}

// TestAwaitInputAfterStart: a child that stops itself after it has started is not resumed.
func TestAwaitInputAfterStart(t *testing.T) {
	_, pid := startStopping(t, "TSTP")
	if err := unix.Waitid(unix.P_PID, pid, nil, unix.WSTOPPED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pipe[0])
	unix.Close(pipe[1])
	if _, stopped := awaitInput(pipe[0], pid, make([]byte, 1)); stopped || !stoppedByTerminal(pid) {
		t.Error("the child was resumed")
	}
}
