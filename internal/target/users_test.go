package target

import (
	"errors"
	"syscall"
	"testing"

	"killbox/internal/file"
	"killbox/test/harness"
)

func TestUserAndGroup(t *testing.T) {
	for path, what := range map[string]string{file.Users: "user", file.Groups: "group"} {
		if entry, err := file.Entry(path, file.ID, "0"); err != nil || entry == nil || entry[file.Name] != "root" {
			harness.Skip(t, what, " 0 is not root: ", entry, err)
		}
	}
	for what, lookup := range lookups {
		if id, err := lookup(failing, "root"); id != 0 || err != nil {
			t.Errorf("%s root: %d, %v", what, id, err)
		}
	}
}

// TestNameService checks names that are not in /etc/passwd and /etc/group.
func TestNameService(t *testing.T) {
	for what, lookup := range lookups {
		for _, tt := range []struct {
			name, entry string
			id          int // 0: unknown
		}{
			{"no such", "no such:*:1234", 1234},
			{"no such", "No Such:*:1234:5:Far Away:/:/bin/sh", 1234},
			{`ACME\alice`, "alice:*:1234:5", 1234},
			{"alice", "alice@example.com:*:1234:5", 1234},
			{"no.such", "no-such:*:1234:5", 0},
			{"no such", "", 0},
			{"no such", "no such:*", 0},
			{"no such", "no such:*:", 0},
			{"no such", "no such:*:-1:5", 0},
			{"no such", "no such:*:4294967296:5", 0},
		} {
			id, err := lookup(func(_, _ string) (string, error) { return tt.entry, nil }, tt.name)
			if id != tt.id || (err == nil) != (id > 0) {
				t.Errorf("%s %q, entry %q: %d, %v; want %d", what, tt.name, tt.entry, id, err, tt.id)
			}
			if want := "unknown " + what + ` "` + tt.name + `"`; err != nil && err.Error() != want {
				t.Errorf("%v; want %s", err, want)
			}
		}
		_, err := lookup(failing, "no\x1b such")
		if text := `cannot look up "no\x1b such": input/output error`; !errors.As(err, new(*LookupError)) || err.Error() != text {
			t.Errorf("%v; want %s", err, text)
		}
	}
}

var lookups = map[string]func(NameService, string) (int, error){"user": UserID, "group": GroupID}

func failing(_, _ string) (string, error) { return "", syscall.EIO }

// TestLookupError checks that UserID returns a *LookupError if no descriptors are available.
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
