//go:build !nodropins

package applets

import (
	"testing"

	"killbox/procfs"
)

// hidden is a kernel whose processes /proc does not show.
type hidden struct{ *kernel }

func (hidden) Open(pid int) (procfs.Stat, error) {
	return procfs.Stat{ID: procfs.ID{PID: pid}, State: '?', Threads: 1}, nil
}

// TestHandleOfHidden: nobody is taken for the process of a handle whose start
// time cannot be seen.
func TestHandleOfHidden(t *testing.T) {
	for _, name := range []string{"kill", "waitpid"} {
		b := newBench(t, "")
		b.Kernel = hidden{b.k}
		if code := b.run(name, "100@7"); code != 1 || len(b.k.sent) > 0 || b.err.Len() == 0 {
			t.Errorf("%s: exit %d, sent %q: %s", name, code, b.k.sent, b.err.String())
		}
	}
}
