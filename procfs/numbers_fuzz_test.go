package procfs_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"killbox/procfs"
)

// FuzzParseNumbers parses the input as each file that has only numbers. What is accepted must give the same result when
// it is printed as the kernel does.
func FuzzParseNumbers(f *testing.F) {
	for _, seed := range []string{
		"", "\n", " ", "5 6 7 ", "5 \n6 ", "-5 ", "2147483648 ", "0.00 0.01 0.05 1/123 4567\n", "0.00 0.01 0.05 1/123 0", "1 -3",
		"12345.67 99.01\n", "9223372036.85 0", "0.5 0", ".50", "nan", "1.+0 2", "pid:[4026531836]", "pid:[0]", "pid:[+1]", "pid:[1]]",
		"0a1b2c3d-4e5f-6789-abcd-ef0123456789\n", "------------------------------------", "\x00\xff", "٥ ",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if list, err := procfs.ParseChildren(in); err == nil {
			var text bytes.Buffer
			for _, pid := range list {
				fmt.Fprintf(&text, "%d ", pid)
			}
			again, err := procfs.ParseChildren(text.Bytes())
			if err != nil || !slices.Equal(list, again) || slices.ContainsFunc(list, func(pid int) bool { return pid < 0 }) {
				t.Errorf("children %q: %v, then %v, %v", in, list, again, err)
			}
		}
		if pid, err := procfs.ParseLoadavg(in); err == nil {
			again, err := procfs.ParseLoadavg(fmt.Appendf(nil, "0.00 0.00 0.00 1/1 %d\n", pid))
			if err != nil || again != pid || pid < 0 {
				t.Errorf("loadavg %q: %d, then %d, %v", in, pid, again, err)
			}
		}
		if up, err := procfs.ParseUptime(in); err == nil {
			again, err := procfs.ParseUptime(fmt.Appendf(nil, "%d.%02d 0.00\n", up/time.Second, up%time.Second/(10*time.Millisecond)))
			if err != nil || again != up || up < 0 {
				t.Errorf("uptime %q: %v, then %v, %v", in, up, again, err)
			}
		}
		if inode, err := procfs.ParseNamespace(string(in), "pid"); err == nil {
			again, err := procfs.ParseNamespace(fmt.Sprintf("pid:[%d]", inode), "pid")
			if err != nil || again != inode || inode == 0 {
				t.Errorf("namespace %q: %d, then %d, %v", in, inode, again, err)
			}
		}
		if id, err := procfs.ParseBootID(in); err == nil && (len(id) != 36 || !bytes.HasPrefix(in, []byte(id))) {
			t.Errorf("boot ID %q: %q", in, id)
		}
	})
}

// FuzzEnviron compares the functions that search an environment with the list of its entries.
func FuzzEnviron(f *testing.F) {
	for _, seed := range []string{"", "A=1\x00B=2\x00", "A=1\x00A=\x00A=x=y", "XA=1\x00AX=1\x00A\x00=1\x00", "\x00\x00\x00", "A", "A=\xff\n\x00", "title A=1"} {
		f.Add([]byte(seed), "A")
	}
	f.Add([]byte("=1\x00"), "")
	f.Fuzz(func(t *testing.T, in []byte, name string) {
		var want []string
		for _, entry := range procfs.ParseEnviron(in) {
			if key, value, ok := bytes.Cut([]byte(entry), []byte("=")); ok && string(key) == name {
				want = append(want, string(value))
			}
		}
		if got := procfs.EnvValues(in, name); !slices.Equal(got, want) {
			t.Errorf("%q: values %q, want %q", in, got, want)
		}
		if got := procfs.HasEnv(in, name, "", true); got != (len(want) > 0) {
			t.Errorf("%q: HasEnv of any value is %v, and the values are %q", in, got, want)
		}
		for _, value := range want {
			if !procfs.HasEnv(in, name, value, false) {
				t.Errorf("%q: HasEnv does not find %q", in, value)
			}
		}
		if len(name) > 0 && procfs.HasEnv(in, name, name+"?", false) != slices.Contains(want, name+"?") {
			t.Errorf("%q: HasEnv of an absent value", in)
		}
	})
}
