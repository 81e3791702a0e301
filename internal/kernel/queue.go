package kernel

import (
	"encoding/binary"
	"os"
	"unsafe"

	"killbox/internal/signals"
	"killbox/procfs"

	"golang.org/x/sys/unix"
)

// siQueue is SI_QUEUE of sigqueue(3).
const siQueue = -1

// queued returns a siginfo_t as sigqueue makes one. Its fields are three ints
// (in another order on MIPS), the sender, and the value after them, all of it
// aligned as a pointer is.
func queued(sig signals.Signal, value int) *unix.Siginfo {
	info := new(unix.Siginfo)
	info.Signo, info.Code = int32(sig), siQueue
	raw := (*[unsafe.Sizeof(*info)]byte)(unsafe.Pointer(info))
	at := 3 * 4
	word := int(unsafe.Sizeof(uintptr(0)))
	if word == 8 {
		at += 4
	}
	order := binary.NativeEndian
	order.PutUint32(raw[at:], uint32(os.Getpid()))
	order.PutUint32(raw[at+4:], uint32(os.Getuid()))
	// An int in a union with a pointer stands at its beginning, on
	// big-endian machines too.
	order.PutUint32(raw[at+8:], uint32(int32(value)))
	return info
}

// Queue sends sig with a value, as sigqueue(3), to the process that id names
// and to no other.
func (k *Kernel) Queue(id procfs.ID, sig signals.Signal, value int) error {
	p := k.procs[id]
	if p == nil {
		return procfs.ErrNoProcess
	}
	info := queued(sig, value)
	if p.kind == pidfd {
		return sent(unix.PidfdSendSignal(p.fd, unix.Signal(sig), info, 0))
	}
	if p.kind == procDir {
		if _, err := k.proc.StatAt(p.fd); err != nil {
			return err
		}
	} else if err := k.verify(id); err != nil {
		return err
	}
	_, _, errno := unix.Syscall(unix.SYS_RT_SIGQUEUEINFO, uintptr(id.PID), uintptr(sig), uintptr(unsafe.Pointer(info)))
	if errno != 0 {
		return sent(errno)
	}
	return nil
}

// Release asks for the memory of a process that is dying of a KILL
// (process_mrelease(2), Linux 5.15). The error is procfs.ErrNoProcess where
// there is none to be had any more.
func (k *Kernel) Release(id procfs.ID) error {
	p := k.procs[id]
	if p == nil {
		return procfs.ErrNoProcess
	}
	fd := p.fd
	if p.kind != pidfd {
		var err error
		if fd, err = unix.PidfdOpen(id.PID, 0); err != nil {
			return sent(err)
		}
		defer unix.Close(fd)
		if err := k.verify(id); err != nil {
			return err
		}
	}
	if _, _, errno := unix.Syscall(unix.SYS_PROCESS_MRELEASE, uintptr(fd), 0, 0); errno != 0 {
		return sent(errno)
	}
	return nil
}
