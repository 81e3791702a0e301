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

// changing is a kernel in which a process is another one, or none, by the time
// that it is opened.
type changing struct {
	*kernel
	open func(procfs.Stat) (procfs.Stat, error)
	stat error
}

func (k *changing) Open(pid int) (procfs.Stat, error) {
	st, err := k.kernel.Open(pid)
	if err != nil || pid != 102 {
		return st, err
	}
	return k.open(st)
}

func (k *changing) Stat(id procfs.ID) (procfs.Stat, error) {
	if id.PID == 102 && k.stat != nil {
		return procfs.Stat{}, k.stat
	}
	return k.kernel.Stat(id)
}

// Wait fails where nothing will ever happen.
func (k *changing) Wait(d time.Duration) ([]procfs.ID, []procfs.ID, error) {
	if len(k.dead) == 0 {
		return nil, nil, syscall.EDEADLK
	}
	return k.kernel.Wait(d)
}

// TestNumberTakenOver: the number of 102, whose name is other, is another's
// between the reading of the process table and the opening, or while that is
// judged. Nobody is signalled, nor waited for.
func TestNumberTakenOver(t *testing.T) {
	same := func(st procfs.Stat) (procfs.Stat, error) { return st, nil }
	for _, test := range []struct {
		name string
		k    changing
	}{
		{"another, of the same name", changing{open: func(st procfs.Stat) (procfs.Stat, error) {
			st.Start++
			return st, nil
		}}},
		{"another, of another name, in the same tick", changing{open: func(st procfs.Stat) (procfs.Stat, error) {
			st.Comm = "innocent"
			return st, nil
		}}},
		{"none", changing{open: func(procfs.Stat) (procfs.Stat, error) { return procfs.Stat{}, procfs.ErrNoProcess }}},
		{"none as soon as it has been judged", changing{open: same, stat: procfs.ErrNoProcess}},
	} {
		for _, args := range [][]string{{"pkill", "-x", "other"}, {"pkill", "-q", "1", "-x", "other"}, {"pidwait", "-x", "other"}, {"kill", "other"}, {"kill", "-q", "1", "other"}} {
			if args[0] == "kill" && test.name == "another, of the same name" {
				continue // it is one of that name, and has been judged
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

// TestCannotOpen: who is there and cannot be opened is told of, and neither
// passed over in silence nor waited for without end.
func TestCannotOpen(t *testing.T) {
	for name, want := range map[string]string{
		"pkill":   "pkill: killing pid 102 failed: Too many open files in system\n",
		"pidwait": "pidwait: opening pid 102 failed: Too many open files in system\n",
	} {
		b := newBench(t, "")
		b.Env.Kernel = &changing{kernel: b.k, open: func(procfs.Stat) (procfs.Stat, error) { return procfs.Stat{}, syscall.ENFILE }}
		if code := b.run(name, "-x", "other"); code != 1 || b.err.String() != want || len(b.k.sent) > 0 {
			t.Errorf("%s: exit %d, said %q, sent %q", name, code, b.err.String(), b.k.sent)
		}
	}
}

// TestNoProc: what is wrong with the command line, and what the options are,
// can be told without /proc.
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
