//go:build !mips && !mipsle && !mips64 && !mips64le

package signals

import "syscall"

const (
	archSignal = syscall.SIGSTKFLT
	archName   = "STKFLT"
	rtMax      = 64
)

// UNUSED left the headers with Linux 4.12 and glibc 2.26; scripts still say it.
var archSynonyms = []synonym{{"UNUSED", Signal(syscall.SIGSYS)}}
