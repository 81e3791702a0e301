package kernel

import (
	"bytes"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// File writes to a descriptor. If its reader has gone away the error is EPIPE, and no SIGPIPE ends this
// process in the middle of a kill.
type File int

func (f File) Write(b []byte) (int, error) {
	done := 0
	for done < len(b) {
		poll := []unix.PollFd{{Fd: int32(f), Events: unix.POLLOUT}}
		if _, err := unix.Poll(poll, -1); err == unix.EINTR {
			continue
		}
		n, err := writeWithoutSIGPIPE(int(f), b[done:min(len(b), done+pipeBuf)])
		switch err {
		case nil:
			done += n
		case unix.EINTR, unix.EAGAIN: // another process has made it non-blocking
		default:
			return done, err
		}
	}
	return done, nil
}

// pipeBuf is PIPE_BUF: a pipe that is ready takes that much without blocking (pipe(7)).
const pipeBuf = 4096

// Output is a File that gives up when a caught signal is to end this process and the reader does not read:
// what this process has frozen would stay frozen until the reader goes on. The error is a *signals.Interrupt.
type Output struct {
	k  *Kernel
	fd File
}

// Output returns the writer to a descriptor.
func (k *Kernel) Output(fd int) Output { return Output{k, File(fd)} }

func (o Output) Write(b []byte) (int, error) {
	done := 0
	for done < len(b) {
		if o.k.defersSignals() {
			if err := o.waitWritable(); err != nil {
				return done, err
			}
		}
		n, err := o.fd.Write(b[done:min(len(b), done+pipeBuf)])
		if done += n; err != nil {
			return done, err
		}
	}
	return done, nil
}

// waitWritable returns when a write does not block, or with an error when a caught signal has arrived.
func (o Output) waitWritable() error {
	for {
		poll := []unix.PollFd{{Fd: int32(o.fd), Events: unix.POLLOUT}}
		if n, err := unix.Poll(poll, int(pollMax/time.Millisecond)); n > 0 || err != nil && err != unix.EINTR {
			return nil
		}
		if err := o.k.Interrupted(); err != nil {
			return err
		}
	}
}

// pipeSignal is a set of signals: PIPE.
var pipeSignal = func() (set sigset) { set.add(unix.SIGPIPE); return set }()

// writeWithoutSIGPIPE is write(2) without SIGPIPE: it blocks the signal in this thread, to which the kernel sends it,
// and consumes it there. The calls are raw so that the goroutine stays on the thread; runtime.LockOSThread would make
// the runtime start another one.
func writeWithoutSIGPIPE(fd int, b []byte) (int, error) {
	var old sigset
	sigmask(unix.SIG_BLOCK, &pipeSignal, &old)
	n, _, errno := syscall.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	if errno == unix.EPIPE {
		var now unix.Timespec
		syscall.RawSyscall6(unix.SYS_RT_SIGTIMEDWAIT, uintptr(unsafe.Pointer(&pipeSignal)), 0, uintptr(unsafe.Pointer(&now)), sigsetSize(), 0, 0)
	}
	sigmask(unix.SIG_SETMASK, &old, nil)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// readFile is os.ReadFile without the runtime's poller: the poller takes descriptors, which may not be
// available while processes are stopped.
func readFile(path string) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	var content bytes.Buffer
	buf := make([]byte, 16<<10)
	for {
		n, err := unix.Read(fd, buf)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return nil, err
		case n == 0:
			return content.Bytes(), nil
		default:
			content.Write(buf[:n])
		}
	}
}
