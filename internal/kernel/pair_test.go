package kernel

import (
	"os"
	"testing"

	"killbox/internal/child"

	"golang.org/x/sys/unix"
)

// TestJoinPairRefuses: a caller that chooses the argv[0] of the inner half does not make this process one, because
// standard error is no socket of the parent.
func TestJoinPairRefuses(t *testing.T) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	for _, fd := range []int{pair[0], 9999} { // one that this process has created itself, and none
		if fromParent(fd) {
			t.Errorf("fromParent(%d): this process is not its own parent", fd)
		}
	}
	k := New(nil, Options{})
	argv := []string{child.InnerName, "1"}
	if got := k.JoinPair(argv); len(got) != 2 || k.half != nil {
		t.Errorf("JoinPair(%q) = %q", argv, got)
	}
	if err := unix.Fstat(int(os.Stderr.Fd()), new(unix.Stat_t)); err != nil {
		t.Errorf("standard error: %v", err)
	}
}
