package procfs_test

import (
	"os"
	"slices"
	"syscall"
	"testing"

	"killbox/procfs"
	"killbox/test/harness"
)

func TestParseBootID(t *testing.T) {
	const id = "0a1b2c3d-4e5f-6789-abcd-ef0123456789"
	for _, text := range []string{id, id + "\n"} {
		if got, err := procfs.ParseBootID([]byte(text)); err != nil || got != id {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"", "\n", "0a1b2c3d", id[:35], id + "0", id + "\n\n", "0A1b2c3d-4e5f-6789-abcd-ef0123456789",
		"0a1b2c3-d4e5f-6789-abcd-ef0123456789", "0a1b2c3d-4e5f-6789-abcd-ef012345678g", "------------------------------------",
	} {
		if got, err := procfs.ParseBootID([]byte(text)); err == nil {
			t.Errorf("%q: %q, want an error", text, got)
		}
	}
}

func TestParseNamespace(t *testing.T) {
	if got, err := procfs.ParseNamespace("pid:[4026531836]", "pid"); err != nil || got != 4026531836 {
		t.Errorf("%d, %v", got, err)
	}
	for _, name := range []string{"", "pid:[]", "pid:[0]", "pid:[x]", "pid:[-1]", "pid:[1", "pid:1]", "time:[1]", "[1]", "pid:[18446744073709551616]"} {
		if got, err := procfs.ParseNamespace(name, "pid"); err == nil {
			t.Errorf("%q: %d, want an error", name, got)
		}
	}
}

func TestEnvValues(t *testing.T) {
	for env, want := range map[string][]string{
		"":                         nil,
		"A=1\x00B=2\x00":           {"1"},
		"A=1\x00A=\x00A=x=y\x00":   {"1", "", "x=y"},
		"XA=1\x00AX=1\x00A\x00=1":  nil,
		"B=\nA=1\x00title A=1\x00": nil,
		"A=cut":                    {"cut"},
	} {
		if got := procfs.EnvValues([]byte(env), "A"); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", env, got, want)
		}
	}
}

// TestOwnNamespace compares what FS reads about this process with what other files of /proc show.
func TestOwnNamespace(t *testing.T) {
	fs := open(t, "/proc")
	for _, kind := range []string{"pid", "time"} {
		info, err := os.Stat("/proc/self/ns/" + kind)
		if err != nil {
			harness.Skip(t, err)
		}
		want := info.Sys().(*syscall.Stat_t).Ino
		if got, err := fs.OwnNamespace(kind); err != nil || got != want {
			t.Errorf("%s: %d, %v, want %d", kind, got, err, want)
		}
		if kind == "time" && fs.ShiftsStart() != (want != 4026531834) {
			t.Errorf("ShiftsStart: %v in time namespace %d", fs.ShiftsStart(), want)
		}
	}
	if _, err := fs.OwnNamespace("nosuch"); err != procfs.ErrNoProcess {
		t.Errorf("a namespace of an unknown kind: %v", err)
	}
	if same, err := fs.SharesNamespace(os.Getpid()); err != nil || !same {
		t.Errorf("SharesNamespace: %v, %v", same, err)
	}
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		t.Fatal(err)
	}
	if id, err := fs.BootID(); err != nil || id+"\n" != string(b) {
		t.Errorf("BootID: %q, %v, want %q", id, err, b)
	}
}
