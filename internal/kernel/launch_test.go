package kernel

import (
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// startStopping starts a shell in a process group of its own, which stops itself by the signal and then writes to r.
func startStopping(t *testing.T, signal string) (r *os.File, pid int) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
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
	return r, cmd.Process.Pid
}

func TestAwaitInput(t *testing.T) {
	for _, signal := range []string{"TSTP", "TTIN", "TTOU"} {
		r, pid := startStopping(t, signal)
		awaitInput(int(r.Fd()), pid)
		if got, err := io.ReadAll(r); string(got) != "resumed\n" || err != nil {
			t.Errorf("%s: the child wrote %q, %v", signal, got, err)
		}
	}
}

// TestResumeTerminalStop: a child that SIGSTOP has stopped stays stopped, because its sender resumes it.
func TestResumeTerminalStop(t *testing.T) {
	_, pid := startStopping(t, "STOP")
	if err := unix.Waitid(unix.P_PID, pid, nil, unix.WSTOPPED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	resumeTerminalStop(pid)
	if state, _ := childState(pid); state != 'T' {
		t.Errorf("state %c", state)
	}
}
