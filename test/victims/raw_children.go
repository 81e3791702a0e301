package victims

import (
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The victims of this file are raw processes whose parent is this program.

// stops is `victim stops FILE N`: N children, each in a session of its own, ignore TERM. Whenever a child stops,
// this process appends the PID to FILE. That requires that this process is not stopped itself.
func stops(args []string) {
	out := appendTo(args[0])
	// The pipe is at end of file when all children have called setsid and closed it.
	must("pipe", unix.Pipe(gate[:]))
	line := ""
	for i := range number(args, 1) {
		line += fmt.Sprintf("child%d=%d ", i+1, forkRaw(rawStopped))
	}
	_ = unix.Close(gate[1])
	_, _ = unix.Read(gate[0], make([]byte, 1))
	ready(line)
	for {
		var ws unix.WaitStatus
		pid, err := unix.Wait4(-1, &ws, unix.WUNTRACED, nil)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return
		case ws.Stopped():
			fmt.Fprintln(out, pid)
		}
	}
}

//go:nosplit
//go:norace
func rawStopped() {
	rawClose(readyFD)
	rawAction(sigterm, &raw.ignore)
	rawSession()
	rawClose(gate[1])
	rawSleep(rawLifetime)
}

// pipeline is `victim pipeline FILE`: producer | consumer. The producer never ends. At end of file the consumer
// writes the number of bytes that it has read to FILE, as if its input were complete. The victim is ready when some
// bytes have been transferred.
func pipeline(args []string) {
	var err error
	resultFile, err = unix.BytePtrFromString(args[0])
	must(args[0], err)
	for i := 0; i < len(product); i += len("line\n") {
		copy(product[i:], "line\n")
	}
	must("pipe", unix.Pipe(stream[:]))
	producerPID = forkRaw(rawProducer)
	forkRaw(rawConsumer)
	for _, fd := range []int{stream[0], stream[1], readyFD} {
		_ = unix.Close(fd)
	}
	waitFor(-1)
	waitFor(-1)
}

// The arguments of the pipeline, and its buffer.
var (
	stream      [2]int
	resultFile  *byte
	producerPID int
	product     [500]byte
	consumed    [1 << 16]byte
)

//go:nosplit
//go:norace
func rawProducer() {
	rawClose(readyFD)
	rawClose(stream[0])
	for rawClock() < raw.end {
		unix.RawSyscall(unix.SYS_WRITE, uintptr(stream[1]), uintptr(unsafe.Pointer(&product)), uintptr(len(product)))
		rawSleep(1)
	}
}

//go:nosplit
//go:norace
func rawConsumer() {
	rawClose(stream[1])
	sum := rawConsume()
	rawSay("producer=")
	rawSayNumber(producerPID)
	rawSay(" consumer=")
	rawSayNumber(rawPID())
	rawFlush(readyFD)
	rawClose(readyFD)
	for {
		n := rawConsume()
		if n == 0 {
			break
		}
		sum += n
	}
	rawSayNumber(sum)
	rawFlush(rawCreate(resultFile))
}

//go:nosplit
//go:norace
func rawConsume() int {
	n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(stream[0]), uintptr(unsafe.Pointer(&consumed)), uintptr(len(consumed)))
	if errno != 0 {
		return 0
	}
	return int(n)
}

// waitFor waits for a child and reaps it.
func waitFor(pid int) unix.WaitStatus {
	for {
		var ws unix.WaitStatus
		if _, err := unix.Wait4(pid, &ws, 0, nil); err != unix.EINTR {
			must("wait", err)
			return ws
		}
	}
}

// killAndReap kills a child and reaps it.
func killAndReap(pid int) {
	_ = unix.Kill(pid, unix.SIGKILL)
	waitFor(pid)
}

// appendTo opens a file for appending.
func appendTo(file string) *os.File {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	must(file, err)
	return f
}
