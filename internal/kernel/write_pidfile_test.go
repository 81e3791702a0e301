package kernel

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// unlockedFiles creates each kind of file that WritePidfile may find at path and that is not locked.
var unlockedFiles = map[string]func(path string) error{
	"missing":  func(string) error { return nil },
	"stale":    func(path string) error { return os.WriteFile(path, []byte("4194304\n"), 0o644) },
	"unlocked": func(path string) error { return os.WriteFile(path, []byte("1\n"), 0o644) },
	"empty":    func(path string) error { return os.WriteFile(path, nil, 0o400) },
	"link":     func(path string) error { return os.Symlink("precious", path) },
	"dangling": func(path string) error { return os.Symlink("nosuch/x", path) },
	"link to itself, and an abandoned lock file": func(path string) error {
		return errors.Join(os.Symlink(path, path), os.WriteFile(path+".lock", []byte("4194304\n"), 0o644))
	},
}

// TestWritePidfile: of several calls at the same time exactly one succeeds. flock(2) locks belong to open files, so
// goroutines compete for them as processes do.
func TestWritePidfile(t *testing.T) {
	const rounds, calls = 50, 4
	for name, make := range unlockedFiles {
		t.Run(name, func(t *testing.T) {
			for range rounds {
				dir := t.TempDir()
				path := filepath.Join(dir, "pid")
				if err := errors.Join(os.WriteFile(filepath.Join(dir, "precious"), []byte("x"), 0o644), make(path)); err != nil {
					t.Fatal(err)
				}
				var wg sync.WaitGroup
				var removes [calls]func()
				var errs [calls]error
				begin := new(sync.RWMutex)
				begin.Lock()
				for i := range calls {
					wg.Go(func() {
						begin.RLock()
						removes[i], errs[i] = writePidfile(path, fmt.Sprintln(os.Getpid()))
					})
				}
				begin.Unlock()
				wg.Wait()
				winner := -1
				for i, err := range errs {
					switch want := fmt.Sprintf("lock %s: held by process %d", path, os.Getpid()); {
					case err == nil && winner < 0:
						winner = i
					case err == nil:
						t.Fatal("two calls have succeeded")
					case err.Error() != want:
						t.Errorf("%q, want %q", err, want)
					}
				}
				if winner < 0 {
					t.Fatal("no call has succeeded")
				}
				checkContent(t, dir, "pid", fmt.Sprintln(os.Getpid()), 2)
				removes[winner]()
				checkContent(t, dir, "precious", "x", 1)
			}
		})
	}
}

// checkContent checks the content of a file, and the number of files in its directory.
func checkContent(t *testing.T, dir, name, want string, number int) {
	t.Helper()
	got, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil || string(got) != want {
		t.Errorf("%s: %q, %v; want %q", name, got, err, want)
	}
	list, err := os.ReadDir(dir)
	if err != nil || len(list) != number {
		t.Errorf("%v, %v; want %d files", list, err, number)
	}
}

func TestWritePidfileRefused(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "pid")
	for text, want := range map[string]string{
		"1\n": "held by process 1", " 1 host\n": "held by process 1", "1@7\n": "held by process 1",
		"": "held by another process", "x": "held by another process", "-1": "held by another process", "99999999999999999999": "held by",
	} {
		for _, how := range []int{unix.LOCK_EX, unix.LOCK_SH} {
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			f, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := unix.Flock(int(f.Fd()), how); err != nil {
				t.Fatal(err)
			}
			if _, err := writePidfile(path, "2\n"); err == nil || !strings.Contains(err.Error(), "lock "+path+": "+want) {
				t.Errorf("%q: %v, want %q", text, err, want)
			}
			checkContent(t, dir, "pid", text, 1)
			f.Close()
		}
	}
	if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o755)); err != nil {
		t.Fatal(err)
	}
	if _, err := writePidfile(path, "2\n"); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a directory: %v", err)
	}
}

// TestPidfileReplaced: remove does not delete a file that has replaced the pidfile.
func TestPidfileReplaced(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "pid")
	remove, err := writePidfile(path, "2\n")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(path+".new", []byte("3\n"), 0o644), os.Rename(path+".new", path)); err != nil {
		t.Fatal(err)
	}
	remove()
	checkContent(t, dir, "pid", "3\n", 1)
}

// writePidfile is WritePidfile without the descriptor.
func writePidfile(path, content string) (remove func(), err error) {
	_, remove, err = new(Kernel).WritePidfile(path, content)
	return remove, err
}
