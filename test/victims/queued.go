package victims

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

const sigusr1 = uintptr(unix.SIGUSR1)

// Offsets of the code and the value in siginfo_t, in words of 32 bits. The value follows a PID and a UID, which
// padding precedes where pointers have 64 bits.
const (
	infoCode  = 2
	infoValue = 4 + unsafe.Sizeof(uintptr(0))/4
)

// The files of queued, and its siginfo_t.
var (
	newValue = [16]byte{'v', 'a', 'l', 'u', 'e', '.', 'n', 'e', 'w'}
	value    = [16]byte{'v', 'a', 'l', 'u', 'e'}
	siginfo  [32]int32
)

// queued is `victim queued`: it receives USR1, writes si_code and the value of the signal to the file "value", and
// exits with 0.
func queued([]string) {
	catchTerm()
	single(rawQueued)
}

// rawQueued has a handler for SIGUSR1, because kill -r requires one, but receives the signal with
// rt_sigtimedwait(2).
//
//go:nosplit
//go:norace
func rawQueued() {
	set := uint64(1) << (unix.SIGUSR1 - 1)
	rawTermDefault()
	rawAction(sigusr1, &raw.catch)
	rawBlock(set)
	rawReady()
	unix.RawSyscall6(unix.SYS_RT_SIGTIMEDWAIT, uintptr(unsafe.Pointer(&set)), uintptr(unsafe.Pointer(&siginfo)), 0, sigsetSize, 0, 0)
	rawSayNumber(int(siginfo[infoCode]))
	rawSay(" ")
	rawSayNumber(int(siginfo[infoValue]))
	fd := rawCreate(&newValue[0])
	rawFlush(fd)
	rawClose(fd)
	unix.RawSyscall6(unix.SYS_RENAMEAT2, currentDir, uintptr(unsafe.Pointer(&newValue)), currentDir, uintptr(unsafe.Pointer(&value)), 0, 0)
}
