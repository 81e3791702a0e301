package repo

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// TestNoDropins checks that -tags nodropins builds the five applets without the drop-ins.
func TestNoDropins(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "killbox")
	if out, err := exec.Command("go", "build", "-tags=nodropins", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := exec.Command(binary, "--list").Output()
	if want := "freezekill\nkillwait\npgkill\nreapwait\ntkill\n"; err != nil || string(out) != want {
		t.Errorf("killbox --list: %v, %q, want %q", err, out, want)
	}
}
