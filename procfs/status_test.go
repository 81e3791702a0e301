package procfs_test

import (
	"testing"

	"killbox/procfs"
	"killbox/procfs/procfstest"
)

// TestStatusBlocked: a signal to a process is delivered to any thread that does not block it.
func TestStatusBlocked(t *testing.T) {
	root := procfstest.Build(t, procfstest.Proc{PID: 5, Threads: 3, Blocked: 0b0111, ThreadPending: 1, State: 'R'})
	procfstest.AddThread(t, root, 5, procfstest.Proc{PID: 5, Threads: 3, Blocked: 0b0111})
	procfstest.AddThread(t, root, 5, procfstest.Proc{PID: 6, Threads: 3, Blocked: 0b0110})
	procfstest.AddThread(t, root, 5, procfstest.Proc{PID: 7, Threads: 3, Blocked: 0b1011})
	proc, err := procfs.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	defer proc.Close()
	s, err := proc.Status(5)
	if err != nil || s.Blocked != 0b0010 || s.State != 'R' || s.ThreadPending != 1 {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestParseStatusCoreDumping(t *testing.T) {
	for text, want := range map[string]bool{"CoreDumping:\t1\n": true, "CoreDumping:\t0\n": false, "": false} {
		s, err := procfs.ParseStatus([]byte("State:\tD (disk sleep)\n" + text))
		if err != nil || s.CoreDumping != want {
			t.Errorf("%q: %v, %v", text, s.CoreDumping, err)
		}
	}
	if _, err := procfs.ParseStatus([]byte("State:\tD (disk sleep)\nCoreDumping:\tx\n")); err == nil {
		t.Error("a malformed value is accepted")
	}
}
