package target

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"killbox/procfs/procfstest"
	"killbox/test/harness"

	"golang.org/x/sys/unix"
)

func TestReadPidfile(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(path, []byte(content), 0o600), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for content, want := range map[string]string{
		"42": "42", "42\n": "42", " \n42 \n": "42", "42@7\n": "42@7", "42:9\n": "42:9", "42\nhost\n": "42",
		strings.Repeat(" ", 100) + "42\n": "42",
	} {
		p, err := ReadPidfile(file("good", content, 0o644), true)
		if err != nil || p.String() != want || p.namesNone != "" || !slices.Equal(p.owners, []int{os.Geteuid()}) {
			t.Errorf("%q: %+v, %v; want %s", content, p, err, want)
		}
	}
	for content, want := range map[string]string{
		"x": "is not a PID", "-42": "want a PID or handle", "-": "want a PID or handle",
		"0": "0 would be", "-1": "every process", "\x00\x01": "is not a PID", "99999999": "beyond",
		"42x": "is not a PID", "%1": "shell knows", strings.Repeat("\n", 300): "too long",
	} {
		if _, err := ReadPidfile(file("bad", content, 0o644), true); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want an error that says %q", content, err, want)
		}
	}
	// A PID that does not fit into the limit must not be truncated to the PID of another process.
	for pad := 240; pad < 260; pad++ {
		p, err := ReadPidfile(file("long", strings.Repeat(" ", pad)+"1234567", 0o644), true)
		if err == nil && p.PID != 1234567 {
			t.Errorf("after %d blanks 1234567 is read as %d", pad, p.PID)
		}
	}
	for _, empty := range []string{file("empty", "", 0o644), file("blank", "\n\n", 0o644), filepath.Join(dir, "none"), filepath.Join(dir, "nosuch/none")} {
		if p, err := ReadPidfile(empty, true); err != nil || p.namesNone == "" {
			t.Errorf("%s: %+v, %v; want no error, and no process", empty, p, err)
		}
	}
	if err := os.Symlink("none", filepath.Join(dir, "dangling")); err != nil {
		t.Fatal(err)
	}
	if p, err := ReadPidfile(filepath.Join(dir, "dangling"), true); err != nil || p.namesNone == "" {
		t.Errorf("a dangling link: %+v, %v; want no error, and no process", p, err)
	}
	for mode, want := range map[os.FileMode]string{0o666: "every user may write", 0o646: "every user may write", 0o664: "its group may write", 0o4620: "its group may write"} {
		path := file("writable", "42", mode)
		if _, err := ReadPidfile(path, true); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("mode %o: %v; want an error that says %q", mode, err, want)
		}
		if p, err := ReadPidfile(path, false); err != nil || p.PID != 42 || p.owners != nil {
			t.Errorf("mode %o, with other conditions: %+v, %v", mode, p, err)
		}
	}
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, fifo, "/dev/null"} {
		if _, err := ReadPidfile(path, false); err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("%s: %v", path, err)
		}
	}
	if os.Geteuid() != 0 {
		if _, err := ReadPidfile(file("secret", "42", 0), true); !errors.Is(err, os.ErrPermission) {
			t.Errorf("not readable: %v", err)
		}
		return
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(file("good", "42", 0o644), link); err != nil {
		t.Fatal(err)
	}
	if err := os.Lchown(link, 7, 7); errors.Is(err, unix.EINVAL) {
		harness.Skip(t, "this user namespace has no user 7: ", err)
	} else if err != nil {
		t.Fatal(err)
	}
	if p, err := ReadPidfile(link, true); err != nil || !slices.Equal(p.owners, []int{0, 7}) {
		t.Errorf("a link of user 7: %+v, %v", p, err)
	}
}

func TestUntrustedOwner(t *testing.T) {
	for _, test := range []struct {
		owners       []int
		self, target int
		all          bool
		want         int // the untrusted owner, 0 if all owners are trusted
	}{
		{nil, 5, 6, true, 0},
		{[]int{0}, 5, 6, true, 0},
		{[]int{5}, 5, 6, true, 0},
		{[]int{6}, 5, 6, true, 0},
		{[]int{7}, 5, 6, true, 7},
		{[]int{7}, 0, 0, true, 7},
		{[]int{0, 7}, 5, 6, true, 7},
		{[]int{7, 0}, 5, 6, true, 7},
		{[]int{6, 5, 0}, 5, 6, true, 0},
		// /proc hides the target.
		{[]int{7}, 5, -1, true, 7},
		{[]int{0}, 5, -1, true, 0},
		{[]int{-1}, 5, -1, true, -1},
		// A user namespace in which some users have no UID.
		{[]int{65534}, 5, 65534, true, 0},
		{[]int{65534}, 5, 65534, false, 65534},
		{[]int{65534}, 65534, 6, false, 65534},
		{[]int{6}, 5, 6, false, 0},
	} {
		p := &Pidfile{owners: test.owners}
		if uid, found := p.untrustedOwner(test.self, test.target, test.all); uid != test.want || found != (test.want != 0) {
			t.Errorf("%+v: %d, %v", test, uid, found)
		}
	}
}

// TestPidfileRefused checks that the owner of the file is compared with the user of the opened process.
func TestPidfileRefused(t *testing.T) {
	const other = 54321
	pidfileOf := func(pid int) Selector {
		return Selector{Pidfile: &Pidfile{Operand: Operand{PID: pid}, name: "F", owners: []int{other}}}
	}
	o := newOpener(t, processTable(procfstest.Proc{PID: 100, UID: other}, procfstest.Proc{PID: 101})...)
	if got := o.resolve(Request{Selector: pidfileOf(100)}, false).summary(); got != "100" {
		t.Errorf("the target's own file: %q", got)
	}
	for name, req := range map[string]Request{
		"the file of another user": {Selector: pidfileOf(101)}, "with an operand": {Selector: pidfileOf(101), Operands: ops(t, "100")},
		"for PID 1": {Selector: pidfileOf(1)}, "with --omit": {Selector: pidfileOf(101), Omit: ops(t, "101")},
	} {
		_, err := Resolve(o.proc, o, NewExclusions(o.proc, self, false), req)
		if err == nil || !strings.Contains(err.Error(), "pidfile F: refused, its owner is user 54321") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzPidfile parses the content of a pidfile. A process that it names must be that of the first word, in full.
func FuzzPidfile(f *testing.F) {
	for _, seed := range []string{
		"", "42", " \n42 host", "42@7", "42@7:9", "42:9", "-42", "-", "0", "1", "-1", "+5", "042", "4294967338", "42\x00", "\x0042", "42\u00a05", "%1", "x",
		strings.Repeat(" ", 255) + "4", strings.Repeat(" ", 253) + "123", strings.Repeat("1", 256),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		text = text[:min(len(text), maxPidfile)]
		p := new(Pidfile)
		err := p.parseContent(text)
		words := strings.Fields(text)
		switch {
		case err != nil:
		case len(words) == 0:
			if p.namesNone == "" || p.PID != 0 {
				t.Errorf("%q: an empty file names %v", text, p)
			}
		case len(words) == 1 && len(text) == maxPidfile:
			t.Errorf("%q: the word may be cut, and is read as %v", text, p)
		case p.PID < 1 || p.Form == Group || p.Form == Stdin:
			t.Errorf("%q: read as %v, which is no process", text, p)
		case p.String() != strings.TrimLeft(words[0], "+0") && !strings.Contains(words[0], "@") && !strings.Contains(words[0], ":"):
			t.Errorf("%q: read as %v", text, p)
		}
	})
}
