package procfs

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Auxv is the auxiliary vector of a process (getauxval(3)), as /proc/PID/auxv shows it (proc_pid_auxv(5)). A child
// inherits it from its parent. Each execve(2) makes a new one, with addresses that are chosen at random. So two
// processes with equal vectors come from the same execve(2), unless one of them has copied its vector from the other
// (PR_SET_MM_MAP in prctl(2)).
type Auxv string

// Types of the entries of an auxiliary vector, from include/uapi/linux/auxvec.h and asm/auxvec.h.
const (
	atNull        = 0
	atRandom      = 25
	atExecFn      = 31
	atSysinfoEHDR = 33
)

// The length of a vector in bytes. The kernel has room for 20 to 50 entries, depending on the architecture.
const (
	auxvEntry = 16
	minAuxv   = 10 * auxvEntry
	maxAuxv   = 64 * auxvEntry
)

var errAuxv = errors.New("malformed auxiliary vector")

// ParseAuxv checks that the content of /proc/PID/auxv is the whole vector of a 64-bit process, and that its addresses
// are random enough to identify an execve(2). Measured on x86-64: 59 random bits for a static program, 87 for a dynamic
// one. The vector of a 32-bit process has at most 35 and is refused, like the vectors that /proc shows of a zombie
// (empty) and during execve(2) (zero, or incomplete).
func ParseAuxv(b []byte) (Auxv, error) {
	if len(b) < minAuxv || len(b) > maxAuxv || len(b)%auxvEntry != 0 {
		return "", fmt.Errorf("%w: %d bytes", errAuxv, len(b))
	}
	random := map[uint64]uint64{atRandom: 0, atExecFn: 0, atSysinfoEHDR: 0}
	for at := 0; at < len(b); at += auxvEntry {
		key := binary.NativeEndian.Uint64(b[at:])
		if last := at == len(b)-auxvEntry; last != (key == atNull) {
			return "", fmt.Errorf("%w: AT_NULL is not exactly at the end", errAuxv)
		}
		if _, ok := random[key]; ok {
			random[key] = binary.NativeEndian.Uint64(b[at+8:])
		}
	}
	for key, address := range random {
		if address>>32 == 0 {
			return "", fmt.Errorf("%w: entry %d has no 64-bit address", errAuxv, key)
		}
	}
	return Auxv(b), nil
}
