package procfs

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestNamedSockets binds so many sockets that the kernel answers in several parts. Their names contain a newline.
func TestNamedSockets(t *testing.T) {
	dir, err := os.MkdirTemp("/tmp", "s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	want := make(map[string]uint64)
	for i := range 500 {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		name := fmt.Sprintf("%s/%s\n%d", dir, strings.Repeat("x", 70), i)
		if err := unix.Bind(fd, &unix.SockaddrUnix{Name: name}); err != nil {
			t.Fatal(err)
		}
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil {
			t.Fatal(err)
		}
		want[name] = st.Ino
	}
	got := make(map[string]uint64)
	err = namedSockets(func(inode uint64, name string) {
		if want[name] != 0 {
			got[name] = inode
		}
	})
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EPROTONOSUPPORT) {
		fmt.Fprintln(os.Stderr, "SKIP TestNamedSockets: needs CONFIG_UNIX_DIAG:", err)
		if os.Getenv("KILLBOX_TEST_STRICT") == "1" {
			t.Fatal(err)
		}
		t.SkipNow()
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, inode := range want {
		if got[name] != inode {
			t.Errorf("%q: got inode %d, want %d", name, got[name], inode)
		}
	}
}

// FuzzNamedSocket passes any bytes to the parser of the answer.
func FuzzNamedSocket(f *testing.F) {
	f.Add([]byte("\x2c\x00\x00\x00\x14\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
		"\x01\x01\x0a\x00\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0a\x00\x00\x00/tmp/x\x00\x00"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		_, _ = eachNamedSocket(answer, func(_ uint64, name string) {
			if !strings.HasPrefix(name, "/") {
				t.Errorf("%q is no path", name)
			}
		})
	})
}
