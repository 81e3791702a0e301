package procfs_test

import (
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"killbox/procfs"
	"killbox/test/harness"
)

// TestKernelImageOf32Bits runs a 32-bit program. Its addresses have too few random bits.
func TestKernelImageOf32Bits(t *testing.T) {
	fs := needsImages(t)
	path := filepath.Join(t.TempDir(), "i386")
	if err := os.WriteFile(path, elf32(), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := exec.Command(path).Run(); err != nil { // standard input is /dev/null
		harness.Skip(t, "this system runs no 32-bit programs: ", err)
	}
	pid := startCommand(t, exec.Command(path))
	s, err := fs.Stat(pid)
	if err != nil || s.Forked() || s.Flags&pfRandomize == 0 || s.StartStack <= 1 || s.StartStack>>32 != 0 {
		t.Errorf("%+v, %v", s, err)
	}
	if img, err := fs.Image(pid); !errors.Is(err, procfs.ErrNoImage) {
		t.Errorf("%+v, %v", img, err)
	}
}

// elf32 returns a static 32-bit program for x86. It prints "ready" and exits when its standard input is closed.
func elf32() []byte {
	const base, headers = 0x08048000, 52 + 32
	code := []byte{
		0xb8, 4, 0, 0, 0, // mov eax, 4 (write)
		0xbb, 1, 0, 0, 0, // mov ebx, 1
		0xb9, 0, 0, 0, 0, // mov ecx, the text; see below
		0xba, 6, 0, 0, 0, // mov edx, 6
		0xcd, 0x80, // int 0x80
		0xb8, 3, 0, 0, 0, // mov eax, 3 (read)
		0x31, 0xdb, // xor ebx, ebx
		0x89, 0xe1, // mov ecx, esp
		0xba, 1, 0, 0, 0, // mov edx, 1
		0xcd, 0x80, // int 0x80
		0xb8, 1, 0, 0, 0, // mov eax, 1 (exit)
		0x31, 0xdb, // xor ebx, ebx
		0xcd, 0x80, // int 0x80
	}
	size := uint32(headers + len(code) + len("ready\n"))
	binary.LittleEndian.PutUint32(code[11:], base+size-uint32(len("ready\n")))
	b := []byte("\x7fELF\x01\x01\x01" + strings.Repeat("\x00", 9)) // 32 bits, little-endian
	words := func(values ...uint32) {
		for _, v := range values {
			b = binary.LittleEndian.AppendUint32(b, v)
		}
	}
	// ET_EXEC for EM_386, version, entry point, offset of the program header, no section headers, flags; the sizes of
	// the headers and their number.
	words(3<<16|2, 1, base+headers, 52, 0, 0, 32<<16|52, 40<<16|1, 0)
	words(1, 0, base, base, size, size, 5, 0x1000) // PT_LOAD, read and execute
	return slices.Concat(b, code, []byte("ready\n"))
}
