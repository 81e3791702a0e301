package procfs_test

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"strings"
	"testing"

	"killbox/procfs"

	"github.com/google/go-cmp/cmp"
)

const socketTitles = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"

// socketLine returns a line of /proc/net/tcp6. local is the address as a little-endian machine prints it.
func socketLine(local, state string) string {
	var words strings.Builder
	for ; local != ""; local = local[8:] {
		var word uint32
		fmt.Sscanf(local[:8], "%X", &word)
		if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
			word = bits.ReverseBytes32(word)
		}
		fmt.Fprintf(&words, "%08X", word)
	}
	return fmt.Sprintf("  10: %s:1F90 0100007F:D2F0 %s 00000000:00000000 00:00000000 00000000  1000        0 4242 1 0000000000000000 100 0 0 10 0\n",
		&words, state)
}

func TestParseSockets(t *testing.T) {
	addresses := []struct{ kernel, text string }{
		{"00000000", "*"},
		{"0100007F", "127.0.0.1"},
		{"00000000000000000000000000000000", "[::]"},
		{"00000000000000000000000001000000", "[::1]"},
		{"0000000000000000FFFF000004030201", "[::ffff:1.2.3.4]"},
		{"B80D0120000000000000000001000000", "[2001:db8::1]"},
		{"B80D0120010000000200000001000300", "[2001:db8:0:1:0:2:3:1]"},
		{"000080FE00000000FF02000000000000", "[fe80::2ff:0:0]"},
		{"00000100020000000000000003000000", "[1:0:0:2::3]"},
		{"00000100040000000000050008000000", "[1::4:5:0:0:8]"},
		{"02000100040003000600050000000700", "[1:2:3:4:5:6:7:0]"},
		{"00000000020001000400030006000500", "[::1:2:3:4:5:6]"},
		{"00000100030002000500040007000600", "[1:0:2:3:4:5:6:7]"},
	}
	in := socketTitles
	var want []procfs.Socket
	for _, a := range addresses {
		in += socketLine(a.kernel, "0A")
		want = append(want, procfs.Socket{Port: 8080, Address: a.text, UID: 1000, Inode: 4242})
	}
	in += strings.Replace(socketLine("0100007F", "0A"), ":1F90", ":1F91", 1) + // another port
		socketLine("0100007F", "01") + // a connection
		"   3: 0100007F:1F90 0100007F:D2F0 06 00000000:00000000 03:00000F9B 00000000     0        0 0 3 0000000000000000\n"
	got, err := procfs.ParseSockets([]byte(in), 8080, true)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if all, err := procfs.ParseSockets([]byte(in), 8080, false); err != nil || len(all) != len(want)+2 {
		t.Errorf("in any state: %d sockets, %v", len(all), err)
	}
	if all, err := procfs.ParseSockets([]byte(in), 0, true); err != nil || len(all) != len(want)+1 || all[len(want)].Port != 8081 {
		t.Errorf("with any port: %+v, %v", all, err)
	}
	if got, err := procfs.ParseSockets(nil, 8080, true); err != nil || got != nil {
		t.Errorf("empty: %v, %v", got, err)
	}
	good := socketLine("0100007F", "0A")
	for _, bad := range []string{
		"\n", "x\n", good[:40] + "\n", strings.Replace(good, ":1F90", ":1F90F", 1), strings.Replace(good, ":1F90", "", 1),
		strings.Replace(good, " 1000 ", " x ", 1), strings.Replace(good, " 4242 ", " -1 ", 1), strings.Replace(good, " 1000", " 4294967296", 1),
		strings.Replace(good, " 0A ", " A ", 1), socketLine("0100007F", "0A")[:6] + "0100:1F90" + good[19:],
		strings.Replace(good, "1F90", "+1F9", 1),
	} {
		if got, err := procfs.ParseSockets([]byte(socketTitles+bad), 8080, true); err == nil {
			t.Errorf("%q: %v, want an error", bad, got)
		}
	}
}

func FuzzParseSockets(f *testing.F) {
	f.Add([]byte(socketTitles+socketLine("0100007F", "0A")), 8080, true)
	f.Add([]byte(socketTitles+socketLine("0000000000000000FFFF000004030201", "07")), 8080, false)
	f.Fuzz(func(t *testing.T, in []byte, port int, listening bool) {
		sockets, err := procfs.ParseSockets(in, port, listening)
		if err != nil {
			return
		}
		for _, s := range sockets {
			if s.UID < 0 || strings.Trim(s.Address, "*[]:.0123456789abcdef") != "" {
				t.Errorf("%+v", s)
			}
		}
	})
}

func TestParseMapping(t *testing.T) {
	for in, want := range map[string]procfs.Mapping{
		"55d0-55d1 r-xp 00000000 08:01 1234                       /usr/bin/sleep\n": {
			Addresses: "55d0-55d1", Device: 8<<8 | 1, Inode: 1234, Path: "/usr/bin/sleep"},
		"00400000-00401000 r--p 00000000 fd:0a 7    /a b\\012c (deleted)\n": {
			Addresses: "400000-401000", Device: 0xfd<<8 | 0xa, Inode: 7, Path: "/a b\nc (deleted)"},
		"7f00-7f01 rw-p 00000000 00:00 0\n":            {},
		"7f00-7f01 rw-p 00000000 00:00 0    [stack]\n": {},
		"00000000-00001000 rw-s 00000000 00:05 9 /SYSV00000000 (deleted)": {
			Addresses: "0-1000", Device: 5, Inode: 9, Path: "/SYSV00000000 (deleted)"},
	} {
		if got, ok := procfs.ParseMapping([]byte(in)); !ok || got != want {
			t.Errorf("%q: %+v, %v", in, got, ok)
		}
	}
	for _, in := range []string{"", "\n", "55d0-55d1 r-xp 0 08 1 /x", "55d0-55d1 r-xp 0 08:01 x /x", "55d0-55d1 r-xp 0 zz:01 1 /x"} {
		if got, ok := procfs.ParseMapping([]byte(in)); ok {
			t.Errorf("%q: %+v, want an error", in, got)
		}
	}
}

func FuzzParseMapping(f *testing.F) {
	f.Add([]byte("55d0-55d1 r-xp 00000000 08:01 1234                       /usr/bin/sleep\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		if m, ok := procfs.ParseMapping(in); ok && (m.Inode == 0) != (m.Addresses == "") {
			t.Errorf("%+v", m)
		}
	})
}
