package report

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	"killbox/procfs"
	"killbox/procfs/procfstest"
)

// TestRefusal checks that Refusal names the user of the process only if that is the reason.
func TestRefusal(t *testing.T) {
	other := 1 << 22 // no user has this number
	proc := open(t,
		procfstest.Proc{PID: 10, UID: other},
		procfstest.Proc{PID: 11, UID: syscall.Getuid()},
	)
	refused := fmt.Errorf("cannot forward TERM: %w", syscall.EPERM)
	for _, test := range []struct {
		proc *procfs.FS
		st   procfs.Stat
		want string
	}{
		{proc, procfs.Stat{ID: procfs.ID{PID: 10}}, fmt.Sprintf("cannot forward TERM: operation not permitted: it is a process of user %d", other)},
		{proc, procfs.Stat{ID: procfs.ID{PID: 11}}, "cannot forward TERM: operation not permitted"},
		{proc, procfs.Stat{ID: procfs.ID{PID: 999}}, "cannot forward TERM: operation not permitted"},
		{proc, procfs.Stat{ID: procfs.ID{PID: 10}, State: procfs.StateHidden}, "cannot forward TERM: operation not permitted: /proc hides its user (hidepid)"},
		{nil, procfs.Stat{ID: procfs.ID{PID: 10}}, "cannot forward TERM: operation not permitted"},
	} {
		err := Refusal(test.proc, &test.st, refused)
		if err.Error() != test.want || !errors.Is(err, syscall.EPERM) {
			t.Errorf("%d: %v, want %s", test.st.PID, err, test.want)
		}
	}
}

func TestExplainUnreaped(t *testing.T) {
	const nudge = `; "reapwait -z --nudge %d" asks the parent to reap it, --kill-parent ends the parent`
	proc := open(t,
		procfstest.Proc{PID: 40, Comm: "lazy", Caught: 1 << (syscall.SIGCHLD - 1)},
		procfstest.Proc{PID: 41, PPID: 40, Comm: "dead", State: 'Z'},
		procfstest.Proc{PID: 42, Comm: "stopped", State: 'T'},
		procfstest.Proc{PID: 43, PPID: 42, Comm: "dead", State: 'Z'},
		procfstest.Proc{PID: 44, Comm: "blocker", Blocked: 1 << (syscall.SIGCHLD - 1)},
		procfstest.Proc{PID: 45, PPID: 44, Comm: "dead", State: 'Z'},
		procfstest.Proc{PID: 46, Comm: "traced", State: 't'},
		procfstest.Proc{PID: 47, PPID: 46, Comm: "dead", State: 'Z'},
		procfstest.Proc{PID: 48, PPID: 777, Comm: "dead", State: 'Z'},
		procfstest.Proc{PID: 49, Comm: "alive"},
		procfstest.Proc{PID: 1, Comm: "init"},
		procfstest.Proc{PID: 50, PPID: 1, Comm: "dead", State: 'Z'},
	)
	for pid, want := range map[int]string{
		41: "zombie, not reaped by its parent 40 (lazy)" + fmt.Sprintf(nudge, 40),
		43: `zombie, not reaped by its parent 42 (stopped), which is stopped; "freezekill --thaw 42" resumes the parent`,
		45: "zombie, not reaped by its parent 44 (blocker), which blocks CHLD" + fmt.Sprintf(nudge, 44),
		47: "zombie, not reaped by its parent 46 (traced), which is stopped by its tracer",
		48: "", // the parent has ended
		49: "",
		50: `zombie, not reaped by its parent 1 (init), which does not wait for it, and does not handle CHLD`,
	} {
		st, err := proc.Stat(pid)
		if err != nil {
			t.Fatal(err)
		}
		if got := ExplainUnreaped(proc, &st); got != want {
			t.Errorf("%d: %q, want %q", pid, got, want)
		}
	}
	if got := ExplainUnreaped(proc, &procfs.Stat{ID: procfs.ID{PID: 41, Start: 7}, State: 'Z'}); got != "" {
		t.Errorf("a reused PID: %q", got)
	}
	if got := ExplainUnreaped(nil, &procfs.Stat{State: 'Z'}); got != "" {
		t.Errorf("without /proc: %q", got)
	}
}
