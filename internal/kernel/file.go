package kernel

import (
	"bytes"
	"syscall"
	"time"
	"unsafe"

	"killbox/internal/signals"

	"golang.org/x/sys/unix"
)

// File is a writer to a descriptor. If the reader of a pipe is gone, Write returns EPIPE, and no SIGPIPE ends this
// process before it has signalled all targets.
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
		case unix.EINTR, unix.EAGAIN: // EAGAIN: another process has set O_NONBLOCK
		default:
			return done, err
		}
	}
	return done, nil
}

// pipeBuf is PIPE_BUF in bytes: if a pipe is ready, a write of this size does not block (pipe(7)).
const pipeBuf = 4096

// Output is a File whose Write returns a *signals.Interrupt if a deferred signal is caught while the reader of a pipe
// does not read. Otherwise this process would block in write(2), and the processes that it has frozen would stay
// frozen.
type Output struct {
	k  *Kernel
	fd File
}

// Output returns the Output for a descriptor.
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

// waitWritable waits until a write does not block. The error is a *signals.Interrupt if a deferred signal was caught,
// or if the other half of a pair is gone.
func (o Output) waitWritable() error {
	for {
		poll := []unix.PollFd{{Fd: int32(o.fd), Events: unix.POLLOUT}}
		if n, err := unix.Poll(poll, int(pollMax/time.Millisecond)); n > 0 || err != nil && err != unix.EINTR {
			return nil
		}
		if err := o.k.Interrupted(); err != nil {
			return err
		}
		if o.k.half != nil && o.k.half.lost {
			return &signals.Interrupt{Signal: signals.KILL} // this half must end, even if no process reads its messages
		}
	}
}

// pipeSignal is the signal set that contains only SIGPIPE.
var pipeSignal = func() (set sigset) { set.add(unix.SIGPIPE); return set }()

// writeWithoutSIGPIPE is write(2), except that SIGPIPE does not end this process. The kernel sends SIGPIPE to the
// thread that writes, so the function blocks the signal in this thread and consumes it after EPIPE. The system calls
// are raw, so the goroutine stays on the thread; runtime.LockOSThread would make the runtime start another thread.
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

// readFile is os.ReadFile without the runtime's poller, which opens descriptors of its own. While processes are
// stopped, there may be no free descriptors.
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
