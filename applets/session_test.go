//go:build !nodropins

package applets

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// TestUnknownSession: an applet that cannot read its own session cannot exclude the members. It signals nothing.
func TestUnknownSession(t *testing.T) {
	newBench(t, "") // builds the procfs
	if err := os.Remove(filepath.Join(procRoots[t], strconv.Itoa(self), "stat")); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		code int
		args []string
	}{
		{1, []string{"killall5", "-TERM"}},
		{3, []string{"freezekill", "--all", "--force"}},
	} {
		b := newBench(t, "")
		if code := b.run(test.args...); code != test.code || len(b.k.sent) > 0 || b.err.Len() == 0 {
			t.Errorf("%q: exit %d, sent %q: %s", test.args, code, b.k.sent, b.err.String())
		}
	}
}
