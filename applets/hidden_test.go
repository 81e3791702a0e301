//go:build !nodropins

package applets

import (
	"testing"

	"killbox/procfs"
)

// hidingKernel is a kernel whose processes /proc does not show.
type hidingKernel struct{ *kernel }

func (hidingKernel) Open(pid int) (procfs.Stat, error) {
	return procfs.Stat{ID: procfs.ID{PID: pid}, State: '?', Threads: 1}, nil
}

// TestHandleOfHidden: a process whose start time /proc hides never matches a handle, so it is not signalled.
func TestHandleOfHidden(t *testing.T) {
	for _, name := range []string{"kill", "waitpid"} {
		b := newBench(t, "")
		b.Kernel = hidingKernel{b.k}
		if code := b.run(name, "100@7"); code != 1 || len(b.k.sent) > 0 || b.err.Len() == 0 {
			t.Errorf("%s: exit %d, sent %q: %s", name, code, b.k.sent, b.err.String())
		}
	}
}
