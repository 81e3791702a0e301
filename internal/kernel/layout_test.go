package kernel

import (
	"testing"
	"unsafe"
)

// The kernel and the methods of these types access them as words. MIPS faults at a word at an odd address.
func TestAlignment(t *testing.T) {
	if a := unsafe.Alignof(sigset{}); a != wordSize {
		t.Errorf("sigset is aligned to %d bytes, want %d", a, wordSize)
	}
	if a := unsafe.Alignof(disposition{}); a != wordSize {
		t.Errorf("disposition is aligned to %d bytes, want %d", a, wordSize)
	}
}
