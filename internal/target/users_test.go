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
	for what, lookup := range lookups {
		if id, err := lookup(failing, "root"); id != 0 || err != nil {
			t.Errorf("%s root: %d, %v", what, id, err)
		}
	}
}

// TestNameService checks names that are not in /etc/passwd and /etc/group.
func TestNameService(t *testing.T) {
	const name = "no\x1b such"
	for what, lookup := range lookups {
		for entry, want := range map[string]int{
			"other:*:1234": 1234, "other:*:1234:5:Far Away:/:/bin/sh": 1234,
			"": -1, "other:*": -1, "other:*:": -1, "other:*:-1:5": -1, "other:*:4294967296:5": -1,
		} {
			id, err := lookup(func(_, _ string) (string, error) { return entry, nil }, name)
			if err != nil {
				id = -1
				if text := "unknown " + what + ` "no\x1b such"`; err.Error() != text {
					t.Errorf("%v; want %s", err, text)
				}
			}
			if id != want {
				t.Errorf("%s, entry %q: %d; want %d", what, entry, id, want)
			}
		}
		_, err := lookup(failing, name)
		if text := `cannot look up "no\x1b such": input/output error`; !errors.As(err, new(*LookupError)) || err.Error() != text {
			t.Errorf("%v; want %s", err, text)
		}
	}
}

var lookups = map[string]func(NameService, string) (int, error){"user": UserID, "group": GroupID}

func failing(_, _ string) (string, error) { return "", syscall.EIO }

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
	_, err := UserID(failing, "root")
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	if lookup := new(LookupError); !errors.Is(err, syscall.EMFILE) || !errors.As(err, &lookup) {
		t.Errorf("%v; want EMFILE", err)
	}
}
