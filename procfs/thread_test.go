package procfs_test

import (
	"errors"
	"testing"

	"killbox/procfs"
	"killbox/procfs/procfstest"

	"github.com/google/go-cmp/cmp"
)

// leaderExited builds a process, PID 5, whose leader has exited and that has the given other threads.
func leaderExited(t *testing.T, others ...procfstest.Proc) *procfs.FS {
	t.Helper()
	const pid = 5
	root := procfstest.Build(t, procfstest.Proc{PID: pid, Start: 77, State: 'Z', Threads: len(others) + 1, Cgroup: "/exited", UID: 9, Blocked: ^uint64(0)})
	for _, thread := range others {
		thread.Start, thread.Threads, thread.UID = 77, len(others)+1, 8
		if thread.State == 'X' {
			thread.Flags |= 0x4
		}
		procfstest.AddThread(t, root, pid, thread)
	}
	return open(t, root)
}

func TestLeaderExited(t *testing.T) {
	fs := leaderExited(t,
		procfstest.Proc{PID: 6, State: 'X'},
		procfstest.Proc{PID: 7, State: 'S', Flags: 0x4}, // PF_EXITING
		procfstest.Proc{PID: 8, State: 'T', Blocked: 0b0110, TracerPID: 42, VmHWM: 10, VmRSS: 9, ThreadPending: 1, Cmdline: []string{"/bin/daemon", "x"},
			Environ: []string{"A=1"}, Exe: "/bin/daemon", Cgroup: "/now"},
		procfstest.Proc{PID: 9, State: 'R', Blocked: 0b0011, Cmdline: []string{"/bin/daemon", "x"}},
	)
	s, err := fs.Stat(5)
	if err != nil || s.State != 'T' || s.Thread != 8 || !s.Stopped() || s.Gone() || s.ID != (procfs.ID{PID: 5, Start: 77}) {
		t.Errorf("Stat: %+v, %v", s, err)
	}
	var table procfs.Snapshot
	if err := fs.Snapshot(&table); err != nil || !cmp.Equal(*table.Lookup(5), s) {
		t.Errorf("Snapshot: %+v, %v", table.Lookup(5), err)
	}
	if args, err := fs.Cmdline(5); err != nil || !cmp.Equal(args, []string{"/bin/daemon", "x"}) {
		t.Errorf("Cmdline: %q, %v", args, err)
	}
	if env, err := fs.Environ(5); err != nil || !cmp.Equal(env, []string{"A=1"}) {
		t.Errorf("Environ: %q, %v", env, err)
	}
	if exe, err := fs.Exe(5); err != nil || exe != "/bin/daemon" {
		t.Errorf("Exe: %q, %v", exe, err)
	}
	if list, err := fs.Cgroups(&s); err != nil || len(list) != 1 || list[0].Path != "/now" {
		t.Errorf("Cgroups: %v, %v", list, err)
	}
	// If the thread s.Thread has exited since fs.Stat, Cgroups must read the file of another thread.
	late := s
	late.Thread = 99
	if list, err := fs.Cgroups(&late); err != nil || len(list) != 1 || list[0].Path != "/now" {
		t.Errorf("Cgroups through a thread that has exited: %v, %v", list, err)
	}
	status, err := fs.Status(5)
	if err != nil || status.State != 'T' || status.Blocked != 0b0010 || status.TracerPID != 42 || status.VmHWM != 10 || status.VmRSS != 9 || status.ThreadPending != 1 ||
		status.UID[1] != 9 || status.NSPID[0] != 5 {
		t.Errorf("Status: %+v, %v", status, err)
	}
}

// TestAllThreadsExited covers a process all of whose threads have exited, but not all have been reaped.
func TestAllThreadsExited(t *testing.T) {
	fs := leaderExited(t, procfstest.Proc{PID: 6, State: 'Z', Cmdline: []string{"no"}}, procfstest.Proc{PID: 7, State: 'X'})
	if s, err := fs.Stat(5); err != nil || s.State != 'Z' || s.Thread != 0 {
		t.Errorf("Stat: %+v, %v", s, err)
	}
	for what, read := range perProcess(fs) {
		if err := read(5); err != nil && !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if args, err := fs.Cmdline(5); err != nil || args != nil {
		t.Errorf("Cmdline: %q, %v", args, err)
	}
	if exe, err := fs.Exe(5); err != nil || exe != "" {
		t.Errorf("Exe: %q, %v", exe, err)
	}
}

// TestOtherThreadsAreNotRead checks that other threads are read only if the leader has exited.
func TestOtherThreadsAreNotRead(t *testing.T) {
	root := procfstest.Build(t,
		procfstest.Proc{PID: 5, Threads: 2, Cmdline: []string{"first"}, Exe: "/first"},
		procfstest.Proc{PID: 15, State: 'Z'},
		procfstest.Proc{PID: 25, Flags: 0x00200000})
	for _, pid := range []int{5, 15, 25} {
		procfstest.AddThread(t, root, pid, procfstest.Proc{PID: pid + 1, State: 'D', Cmdline: []string{"other"}, Exe: "/other"})
	}
	fs := open(t, root)
	for pid, want := range map[int]string{5: "first", 15: "", 25: ""} {
		if s, err := fs.Stat(pid); err != nil || s.Thread != 0 || s.State == 'D' {
			t.Errorf("Stat(%d): %+v, %v", pid, s, err)
		}
		if arg0, _, err := fs.Arg0(pid); err != nil || string(arg0) != want {
			t.Errorf("Arg0(%d): %q, %v", pid, arg0, err)
		}
		if exe, err := fs.Exe(pid); err != nil || len(exe) > 0 != (want != "") {
			t.Errorf("Exe(%d): %q, %v", pid, exe, err)
		}
	}
}
