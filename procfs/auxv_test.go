package procfs_test

import (
	"encoding/binary"
	"maps"
	"os"
	"slices"
	"strconv"
	"testing"

	"killbox/procfs"
)

// Types of entries, from include/uapi/linux/auxvec.h.
const (
	atNull        = 0
	atPageSize    = 6
	atRandom      = 25
	atExecFn      = 31
	atSysinfoEHDR = 33
)

// entry is an entry of an auxiliary vector: a type and a value.
type entry struct{ key, value uint64 }

// x86Vector returns the entries that Linux 6.18 gives a dynamic program on x86-64, without those that the kernel takes
// from the program header.
func x86Vector() []entry {
	return []entry{
		{atSysinfoEHDR, 0x7ffe1f5c8000}, {51, 0xd30}, {16, 0x178bfbff}, {atPageSize, 4096}, {17, 100}, {7, 0x7f2ac30a1000},
		{8, 0}, {11, 0}, {12, 0}, {13, 0}, {14, 0}, {23, 0}, {atRandom, 0x7ffe1f4f0a39}, {26, 2}, {atExecFn, 0x7ffe1f4f1fe3},
		{15, 0x7ffe1f4f0a49}, {27, 28}, {28, 32}, {atNull, 0},
	}
}

// auxvBytes returns the content of /proc/PID/auxv of a 64-bit process.
func auxvBytes(entries []entry) []byte {
	var b []byte
	for _, e := range entries {
		b = binary.NativeEndian.AppendUint64(binary.NativeEndian.AppendUint64(b, e.key), e.value)
	}
	return b
}

// with returns x86Vector with another value for the type.
func with(key, value uint64) []byte {
	entries := x86Vector()
	for i := range entries {
		if entries[i].key == key {
			entries[i].value = value
		}
	}
	return auxvBytes(entries)
}

// without returns x86Vector with the type replaced by one that has no meaning.
func without(key uint64) []byte {
	entries := x86Vector()
	for i := range entries {
		if entries[i].key == key {
			entries[i].key = 1000
		}
	}
	return auxvBytes(entries)
}

// vectorOf returns a vector of n entries. The first ones have no meaning, the last four are the required ones.
func vectorOf(n int) []byte {
	entries := []entry{{atRandom, 1 << 40}, {atExecFn, 1 << 41}, {atSysinfoEHDR, 1 << 42}, {atNull, 0}}
	for len(entries) < n {
		entries = slices.Insert(entries, 0, entry{1000, 1})
	}
	return auxvBytes(entries)
}

// vectorOf32Bits returns the vector of a 32-bit process that has n entries.
func vectorOf32Bits(n int) []byte {
	entries := []entry{{atRandom, 0xffd5a70b}, {atExecFn, 0xffd5bfe8}, {atSysinfoEHDR, 0xf7f3c000}, {atNull, 0}}
	for len(entries) < n {
		entries = slices.Insert(entries, 0, entry{atPageSize, 4096})
	}
	var b []byte
	for _, e := range entries {
		b = binary.NativeEndian.AppendUint32(binary.NativeEndian.AppendUint32(b, uint32(e.key)), uint32(e.value))
	}
	return b
}

var auxvTests = []struct {
	name string
	in   []byte
	ok   bool
}{
	{"a whole vector", auxvBytes(x86Vector()), true},
	{"empty, as that of a zombie", nil, false},
	{"only AT_NULL", make([]byte, 16), false},
	{"zero, as during execve", make([]byte, 320), false},
	{"zero from the middle on", append(auxvBytes(x86Vector())[:160], make([]byte, 144)...), false},
	{"zero up to the middle", append(make([]byte, 160), auxvBytes(x86Vector())[160:]...), false},
	{"cut off in the middle", auxvBytes(x86Vector())[:208], false},
	{"without its first half", auxvBytes(x86Vector())[144:], false},
	{"cut off within an entry", auxvBytes(x86Vector())[:212], false},
	{"AT_NULL has no value", auxvBytes(x86Vector())[:296], false},
	{"a byte too many", append(auxvBytes(x86Vector()), 0), false},
	{"half an entry too many", append(auxvBytes(x86Vector()), make([]byte, 8)...), false},
	{"AT_NULL twice", append(auxvBytes(x86Vector()), make([]byte, 16)...), false},
	{"an entry after AT_NULL", append(auxvBytes(x86Vector()), auxvBytes([]entry{{atPageSize, 4096}})...), false},
	{"AT_NULL at the beginning", append(make([]byte, 16), auxvBytes(x86Vector())...), false},
	{"AT_NULL in the middle, and at the end", auxvBytes(slices.Insert(x86Vector(), 14, entry{})), false},
	{"no AT_NULL", without(atNull), false},
	{"9 entries", vectorOf(9), false},
	{"10 entries", vectorOf(10), true},
	{"64 entries", vectorOf(64), true},
	{"65 entries", vectorOf(65), false},
	{"no AT_RANDOM", without(atRandom), false},
	{"no AT_EXECFN", without(atExecFn), false},
	{"no AT_SYSINFO_EHDR", without(atSysinfoEHDR), false},
	{"AT_RANDOM is 0", with(atRandom, 0), false},
	{"AT_EXECFN is 0", with(atExecFn, 0), false},
	{"AT_SYSINFO_EHDR is 0", with(atSysinfoEHDR, 0), false},
	{"AT_RANDOM below 4 GB", with(atRandom, 1<<32-1), false},
	{"AT_EXECFN below 4 GB", with(atExecFn, 1<<32-1), false},
	{"AT_SYSINFO_EHDR below 4 GB", with(atSysinfoEHDR, 1<<32-1), false},
	{"AT_RANDOM at 4 GB", with(atRandom, 1<<32), true},
	{"the largest AT_EXECFN", with(atExecFn, 1<<64-1), true},
	{"32 bits, 20 entries", vectorOf32Bits(20), false},
	{"32 bits, 21 entries", vectorOf32Bits(21), false},
	{"32 bits, 22 entries", vectorOf32Bits(22), false},
	{"32 bits, 23 entries and as many zero bytes as to the next entry of 64 bits", append(vectorOf32Bits(23), make([]byte, 8)...), false},
}

func TestParseAuxv(t *testing.T) {
	for _, tt := range auxvTests {
		got, err := procfs.ParseAuxv(tt.in)
		switch {
		case tt.ok && (err != nil || string(got) != string(tt.in)):
			t.Errorf("%s: %q, %v", tt.name, got, err)
		case !tt.ok && (err == nil || got != ""):
			t.Errorf("%s: %q, %v, want an error", tt.name, got, err)
		}
	}
}

// TestParseAuxvCopies checks that the result does not change with the buffer into which the file was read.
func TestParseAuxvCopies(t *testing.T) {
	in := auxvBytes(x86Vector())
	got, err := procfs.ParseAuxv(in)
	clear(in)
	if err != nil || string(got) != string(auxvBytes(x86Vector())) {
		t.Errorf("%q, %v", got, err)
	}
}

func TestParseAuxvOfThisProcess(t *testing.T) {
	realProc(t)
	in, err := os.ReadFile("/proc/self/auxv")
	if err != nil {
		t.Fatal(err)
	}
	got, err := procfs.ParseAuxv(in)
	if refused := strconv.IntSize != 64; refused != (err != nil) || !refused && string(got) != string(in) {
		t.Errorf("%x: %v", in, err)
	}
}

// FuzzParseAuxv compares ParseAuxv with its rules, written another way. No part of a whole vector, and none with more
// entries, is a whole vector as well.
func FuzzParseAuxv(f *testing.F) {
	for _, tt := range auxvTests {
		f.Add(tt.in)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		got, err := procfs.ParseAuxv(in)
		if whole := isWholeVector(in); whole != (err == nil) {
			t.Fatalf("%x: %v, whole: %v", in, err, whole)
		}
		if err != nil {
			if got != "" {
				t.Errorf("%x: %x with the error %v", in, got, err)
			}
			return
		}
		if string(got) != string(in) {
			t.Errorf("%x became %x", in, got)
		}
		longer := slices.Concat(in, make([]byte, 16))
		for _, other := range [][]byte{in[:len(in)-16], in[:len(in)-1], longer, longer[:len(in)+1]} {
			if _, err := procfs.ParseAuxv(other); err == nil {
				t.Errorf("%x and %x are both whole", in, other)
			}
		}
	})
}

func isWholeVector(b []byte) bool {
	if len(b)%16 != 0 || len(b) < 160 || len(b) > 1024 {
		return false
	}
	values := map[uint64]uint64{}
	var keys []uint64
	for pair := range slices.Chunk(b, 16) {
		key := binary.NativeEndian.Uint64(pair[:8])
		keys = append(keys, key)
		values[key] = binary.NativeEndian.Uint64(pair[8:])
	}
	required := []uint64{atRandom, atExecFn, atSysinfoEHDR}
	maps.DeleteFunc(values, func(key, value uint64) bool { return !slices.Contains(required, key) || value < 1<<32 })
	return len(values) == len(required) && slices.Index(keys, atNull) == len(keys)-1
}
