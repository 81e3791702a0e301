//go:build mips || mipsle || mips64 || mips64le

package signals

import "syscall"

const (
	archSignal = syscall.SIGEMT
	archName   = "EMT"
	rtMax      = 127
)

var archSynonyms []synonym
