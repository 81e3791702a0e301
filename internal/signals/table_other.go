//go:build !mips && !mipsle && !mips64 && !mips64le

package signals

import "syscall"

const (
	archSignal = syscall.SIGSTKFLT
	archName   = "STKFLT"
	rtMax      = 64
)

// glibc 2.26 has removed SIGUNUSED from its headers, but scripts may still use the name.
var archSynonyms = []synonym{{"UNUSED", Signal(syscall.SIGSYS)}}
