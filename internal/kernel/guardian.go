package kernel

import (
	"encoding/binary"
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"

	"killbox/internal/fmt"
	"killbox/internal/signals"
	"killbox/procfs"

	"golang.org/x/sys/unix"
)

// GuardianName is the argv[0] under which the program is to call RunGuardian.
const GuardianName = "killbox-guardian"

// guardian is the process that thaws what we froze if we are killed: it holds
// the other end of a socket, which the kernel closes for us whatever happens.
//
// The protocol is records of 16 bytes, PID and start time in native order; a
// PID of 0 clears the list, or with a start time of 1 puts the cgroup on it,
// whose cgroup.freeze is the guardian's descriptor 3. Whoever is on the list at
// the end of file is sent SIGCONT, and the cgroup is thawed.
type guardian struct {
	fd     int
	pid    int
	reaped bool // its number may be another's
}

// guardianReady is the guardian's only message.
const guardianReady = 1

// How long the guardian may take to start, and to take a message. Both ends
// are on this machine: what takes longer is not going to answer.
var (
	guardianStart = unix.Timeval{Sec: 2}
	guardianSend  = unix.Timeval{Sec: 1}
)

// Guard starts the guardian, waits until it listens, and returns its PID.
func (k *Kernel) Guard() (int, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("socketpair: %w", err)
	}
	ours, theirs := pair[0], uintptr(pair[1])
	files := []uintptr{theirs, theirs, theirs}
	if k.cgroup != nil {
		files = append(files, k.cgroup.freeze.Fd())
	}
	pid, err := syscall.ForkExec(k.opts.Self, []string{GuardianName}, &syscall.ProcAttr{
		Dir:   "/",
		Env:   k.guardianEnv(),
		Files: files,
		// A session of its own: what ends our group must not end it.
		Sys: &syscall.SysProcAttr{Setsid: true},
	})
	unix.Close(pair[1])
	if err != nil {
		unix.Close(ours)
		return 0, fmt.Errorf("cannot start it: %w", err)
	}
	g := &guardian{fd: ours, pid: pid}
	unix.SetsockoptTimeval(ours, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &guardianStart)
	unix.SetsockoptTimeval(ours, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &guardianSend)
	var ready [1]byte
	for {
		n, err := unix.Read(ours, ready[:])
		if err == unix.EINTR {
			continue
		}
		if n != 1 || ready[0] != guardianReady {
			g.end()
			if err == nil {
				// What it says instead is the Go runtime's account of a limit.
				err = errors.New("it could not start (process or memory limit?)")
			}
			return 0, err
		}
		k.guard = g
		return pid, nil
	}
}

func (k *Kernel) guardianEnv() []string {
	if k.opts.NoPidfd {
		return []string{"KILLBOX_NO_PIDFD=1"}
	}
	return nil
}

// Tell names processes that are about to be stopped.
func (k *Kernel) Tell(ids []procfs.ID) error {
	message := make([]byte, 0, 16*len(ids))
	for _, id := range ids {
		message = binary.NativeEndian.AppendUint64(message, uint64(id.PID))
		message = binary.NativeEndian.AppendUint64(message, id.Start)
	}
	return k.guard.send(message)
}

// Clear says that everybody named so far runs again.
func (k *Kernel) Clear() error { return k.guard.send(make([]byte, 16)) }

// guardCgroup is the record that tells of the cgroup.
func guardCgroup() []byte {
	return binary.NativeEndian.AppendUint64(make([]byte, 8, 16), 1)
}

func (g *guardian) send(b []byte) error {
	for len(b) > 0 {
		n, err := unix.SendmsgN(g.fd, b, nil, nil, unix.MSG_NOSIGNAL)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			// Slow, perhaps, and about to wake everybody whom we hold as soon
			// as it sees our end closed.
			if !g.reaped {
				unix.Kill(g.pid, unix.SIGKILL)
			}
			return fmt.Errorf("it does not listen: %w", err)
		}
		b = b[n:]
	}
	return nil
}

// Unguard ends the guardian and reaps it.
func (k *Kernel) Unguard() {
	if k.guard != nil {
		k.guard.end()
		k.guard = nil
	}
}

func (g *guardian) end() {
	unix.Close(g.fd)
	if g.reaped {
		return
	}
	for nap := 50 * time.Microsecond; nap < 200*time.Millisecond; nap *= 2 {
		if pid, err := unix.Wait4(g.pid, nil, unix.WNOHANG, nil); pid == g.pid || err == unix.ECHILD {
			return
		}
		time.Sleep(nap)
	}
	// Stopped by somebody, perhaps. It is our child and not reaped, so the
	// number is still its own.
	unix.Kill(g.pid, unix.SIGKILL)
	unix.Wait4(g.pid, nil, 0, nil)
}

// RunGuardian is the whole life of the guardian, whose standard input is its
// end of the socket.
func RunGuardian(k *Kernel) {
	signal.Ignore(unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGPIPE, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU)
	if _, err := os.Stdin.Write([]byte{guardianReady}); err != nil {
		return
	}
	var frozen []procfs.ID
	cgroup := false
	buf := make([]byte, 0, 64<<10)
	for {
		n, err := os.Stdin.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		whole := len(buf) / 16 * 16
		for record := buf[:whole]; len(record) > 0; record = record[16:] {
			id := procfs.ID{
				PID:   int(binary.NativeEndian.Uint64(record)),
				Start: binary.NativeEndian.Uint64(record[8:]),
			}
			switch {
			case id.PID != 0:
				frozen = append(frozen, id)
			case id.Start != 0:
				cgroup = true
			default:
				frozen, cgroup = frozen[:0], false
			}
		}
		buf = buf[:copy(buf[:cap(buf)], buf[whole:])]
		if err != nil {
			break
		}
	}
	if cgroup {
		unix.Write(3, []byte{'0'})
	}
	for _, id := range frozen {
		if st, err := k.Open(id.PID); err == nil {
			if st.ID == id {
				// Nobody is left to be told of a failure.
				_ = k.Signal(id, signals.CONT)
			}
			k.Close(st.ID)
		}
	}
}
