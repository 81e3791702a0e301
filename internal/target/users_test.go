package target

import (
	"errors"
	"os/user"
	"syscall"
	"testing"

	"killbox/test/harness"
)

func TestUserAndGroup(t *testing.T) {
	if _, err := user.Lookup("root"); err != nil {
		harness.Skip(t, err)
	}
	if id, err := UserID("root"); id != 0 || err != nil {
		t.Errorf("root: %d, %v", id, err)
	}
	if id, err := GroupID("root"); id != 0 || err != nil {
		t.Errorf("group root: %d, %v", id, err)
	}
	for name, lookup := range map[string]func(string) (int, error){"user": UserID, "group": GroupID} {
		_, err := lookup("no\x1b such")
		if want := "unknown " + name + ` "no\x1b such"`; err == nil || err.Error() != want {
			t.Errorf("%v; want %s", err, want)
		}
	}
}

// TestLookupError checks that UserID returns a *LookupError if no descriptors are available. The poller of the Go
// runtime cannot be tested here, because a test binary has started it already: see killbox_descriptors.txtar.
func TestLookupError(t *testing.T) {
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 3, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	_, err := UserID("root")
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	if lookup := new(LookupError); !errors.Is(err, syscall.EMFILE) || !errors.As(err, &lookup) {
		t.Errorf("%v; want EMFILE", err)
	}
}
