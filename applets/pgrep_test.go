//go:build !nodropins

package applets

import (
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"killbox/procfs"
)

// racyKernel is a kernel in which process 102 has changed since the scan: open replaces the result of Open, and stat,
// if not nil, is the error of Stat.
type racyKernel struct {
	*kernel
	open func(procfs.Stat) (procfs.Stat, error)
	stat error
}

func (k *racyKernel) Open(pid int) (procfs.Stat, error) {
	st, err := k.kernel.Open(pid)
	if err != nil || pid != 102 {
		return st, err
	}
	return k.open(st)
}

func (k *racyKernel) Stat(id procfs.ID) (procfs.Stat, error) {
	if id.PID == 102 && k.stat != nil {
		return procfs.Stat{}, k.stat
	}
	return k.kernel.Stat(id)
}

// Wait fails if no process will ever end, so that the test does not hang.
func (k *racyKernel) Wait(d time.Duration) ([]procfs.ID, []procfs.ID, error) {
	if len(k.dead) == 0 {
		return nil, nil, syscall.EDEADLK
	}
	return k.kernel.Wait(d)
}

// TestPIDReuse: process 102, which is named "other", ends, or its PID is reused, between the scan and the open or
// between the open and the check of the name. No process is signalled or waited for.
func TestPIDReuse(t *testing.T) {
	same := func(st procfs.Stat) (procfs.Stat, error) { return st, nil }
	for _, test := range []struct {
		name string
		k    racyKernel
	}{
		{"reused with the same name", racyKernel{open: func(st procfs.Stat) (procfs.Stat, error) {
			st.Start++
			return st, nil
		}}},
		{"reused with another name in the same clock tick", racyKernel{open: func(st procfs.Stat) (procfs.Stat, error) {
			st.Comm = "innocent"
			return st, nil
		}}},
		{"gone before the open", racyKernel{open: func(procfs.Stat) (procfs.Stat, error) { return procfs.Stat{}, procfs.ErrNoProcess }}},
		{"gone after the check", racyKernel{open: same, stat: procfs.ErrNoProcess}},
	} {
		for _, args := range [][]string{{"pkill", "-x", "other"}, {"pkill", "-q", "1", "-x", "other"}, {"pidwait", "-x", "other"}, {"kill", "other"}, {"kill", "-q", "1", "other"}} {
			if args[0] == "kill" && test.name == "reused with the same name" {
				continue // kill(1) selects by name only, so the new process is a target, too
			}
			t.Run(strings.Join(args, " ")+"/"+test.name, func(t *testing.T) {
				b := newBench(t, "")
				k := test.k
				k.kernel = b.k
				b.Env.Kernel = &k
				if code := b.run(args...); code != 1 || len(b.k.sent) > 0 {
					t.Errorf("exit %d, sent %q, said %q", code, b.k.sent, b.err.String())
				}
			})
		}
	}
}

// TestCannotOpen: a process that exists and cannot be opened is reported. It is not silently skipped, and the call does
// not hang.
func TestCannotOpen(t *testing.T) {
	for name, want := range map[string]string{
		"pkill":   "pkill: killing pid 102 failed: Too many open files in system\n",
		"pidwait": "pidwait: opening pid 102 failed: Too many open files in system\n",
	} {
		b := newBench(t, "")
		b.Env.Kernel = &racyKernel{kernel: b.k, open: func(procfs.Stat) (procfs.Stat, error) { return procfs.Stat{}, syscall.ENFILE }}
		if code := b.run(name, "-x", "other"); code != 1 || b.err.String() != want || len(b.k.sent) > 0 {
			t.Errorf("%s: exit %d, said %q, sent %q", name, code, b.err.String(), b.k.sent)
		}
	}
}

// TestNoProc: usage errors and --help work without /proc.
func TestNoProc(t *testing.T) {
	for _, test := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"pgrep", "--help"}, 0, ""},
		{[]string{"pkill"}, 2, "no matching criteria"},
		{[]string{"pkill", "-g", "x"}, 2, "invalid process group"},
		{[]string{"pkill", "-g", "0", "-s", "0"}, 3, "no /proc"},
		{[]string{"pidwait", "x"}, 3, "no /proc"},
	} {
		b := newBench(t, "")
		b.Env.Proc, b.Env.ProcErr = nil, errors.New("no /proc")
		if code := b.run(test.args...); code != test.code || !strings.Contains(b.err.String(), test.says) || len(b.k.calls) > 0 {
			t.Errorf("%q: exit %d, said %q, asked for %q", test.args, code, b.err.String(), b.k.calls)
		}
	}
}
