package procfs_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"killbox/procfs"
)

func TestSelfFiles(t *testing.T) {
	fs, err := procfs.Open("/proc")
	if err != nil {
		t.Fatal(err)
	}
	defer fs.Close()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for path, read := range map[string]func(int) (os.FileInfo, error){self: fs.ExeInfo, "/": fs.RootInfo} {
		want, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := read(os.Getpid()); err != nil || !os.SameFile(got, want) {
			t.Errorf("%s: %v, %v", path, got, err)
		}
		if _, err := read(1 << 23); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s of a process that does not exist: %v", path, err)
		}
	}
	if _, err := fs.Label(1 << 23); !errors.Is(err, procfs.ErrNoProcess) {
		t.Errorf("the label of a process that does not exist: %v", err)
	}
}

func TestLabel(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "7/attr"), 0o755); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{"unconfined\n": "unconfined", "system_u:system_r:init_t:s0\x00": "system_u:system_r:init_t:s0", "": ""} {
		if err := os.WriteFile(filepath.Join(root, "7/attr/current"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		fs, err := procfs.Open(root)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := fs.Label(7); err != nil || got != want {
			t.Errorf("%q: %q, %v", text, got, err)
		}
		fs.Close()
	}
}
