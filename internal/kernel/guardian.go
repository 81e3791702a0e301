package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"
	"time"

	"killbox/internal/signals"
	"killbox/procfs"

	"golang.org/x/sys/unix"
)

// GuardianName is the argv[0] under which the program is to call RunGuardian.
const GuardianName = "killbox-guardian"

// guardian is the process that resumes what this process has frozen if this process is killed. It has the other end
// of a socket, of which the kernel closes our end then.
//
// The protocol is records of three words in native byte order: PID, start time and pidfd inode (0 if unknown). A PID of
// 0 clears the list, or with a start time of 1 adds the cgroup, whose cgroup.freeze is the guardian's descriptor 3. At
// the end of file the guardian sends SIGCONT to the processes on the list, and thaws the cgroup.
type guardian struct {
	fd     int
	pid    int
	reaped bool // its PID may have been reused
}

// recordSize is the size of a record in bytes.
const recordSize = 24

// guardianReady is the guardian's only message.
const guardianReady = 1

// How long the guardian may take to start, and to read a message. Both ends are on this machine: a guardian that takes
// longer is not going to answer.
var (
	guardianStartLimit = unix.Timeval{Sec: 2}
	guardianSendLimit  = unix.Timeval{Sec: 1}
)

// StartGuardian starts the guardian, waits until it listens, and returns its PID.
func (k *Kernel) StartGuardian() (int, error) {
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
		// A session of its own: a signal to the group of this process must not reach it.
		Sys: &syscall.SysProcAttr{Setsid: true},
	})
	unix.Close(pair[1])
	if err != nil {
		unix.Close(ours)
		return 0, fmt.Errorf("cannot start it: %w", err)
	}
	g := &guardian{fd: ours, pid: pid}
	unix.SetsockoptTimeval(ours, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &guardianStartLimit)
	unix.SetsockoptTimeval(ours, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &guardianSendLimit)
	var ready [1]byte
	for {
		n, err := unix.Read(ours, ready[:])
		if err == unix.EINTR {
			continue
		}
		if n != 1 || ready[0] != guardianReady {
			g.endAndReap()
			if err == nil {
				// The Go runtime has written about a limit instead.
				err = errors.New("it could not start (process or memory limit?)")
			}
			return 0, err
		}
		k.guardian = g
		return pid, nil
	}
}

// guardianEnv returns the environment of the guardian.
func (k *Kernel) guardianEnv() []string {
	if k.opts.NoPidfd {
		return []string{"KILLBOX_NO_PIDFD=1"}
	}
	return nil
}

// GuardianAdd puts processes that are about to be stopped on the list of the guardian.
func (k *Kernel) GuardianAdd(ids []procfs.ID) error {
	message := make([]byte, 0, recordSize*len(ids))
	for _, id := range ids {
		var inode uint64
		if p := k.procs[id]; p != nil {
			inode = p.inode
		}
		message = appendRecord(message, id, inode)
	}
	return k.guardian.sendRecords(message)
}

// GuardianClear empties the list of the guardian: all that was on it has been resumed.
func (k *Kernel) GuardianClear() error { return k.guardian.sendRecords(make([]byte, recordSize)) }

// cgroupRecord returns the record that adds the cgroup to the list.
func cgroupRecord() []byte { return appendRecord(nil, procfs.ID{Start: 1}, 0) }

// appendRecord appends the record of a process.
func appendRecord(b []byte, id procfs.ID, inode uint64) []byte {
	b = binary.NativeEndian.AppendUint64(b, uint64(id.PID))
	b = binary.NativeEndian.AppendUint64(b, id.Start)
	return binary.NativeEndian.AppendUint64(b, inode)
}

// sendRecords sends records to the guardian. If that fails it kills the guardian.
func (g *guardian) sendRecords(b []byte) error {
	for len(b) > 0 {
		n, err := unix.SendmsgN(g.fd, b, nil, nil, unix.MSG_NOSIGNAL)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			// It may only be slow, and would resume all processes on its list when it sees our end closed.
			if !g.reaped {
				unix.Kill(g.pid, unix.SIGKILL)
			}
			return fmt.Errorf("it does not listen: %w", err)
		}
		b = b[n:]
	}
	return nil
}

// StopGuardian ends the guardian, which first resumes what is still on its list, and reaps it.
func (k *Kernel) StopGuardian() {
	if k.guardian != nil {
		k.guardian.endAndReap()
		k.guardian = nil
	}
}

// endAndReap closes our end of the socket, at which the guardian exits, and reaps it. It kills a guardian that does not
// exit within about 0.2 s.
func (g *guardian) endAndReap() {
	unix.Close(g.fd)
	if g.reaped {
		return
	}
	for nap := 50 * time.Microsecond; nap < 200*time.Millisecond; nap *= 2 {
		if pid, err := unix.Wait4(g.pid, nil, unix.WNOHANG, nil); pid == g.pid || err == unix.ECHILD {
			return
		}
		sleep(nap)
	}
	// It may have been stopped. It is a child that has not been reaped, so its PID has not been reused.
	unix.Kill(g.pid, unix.SIGKILL)
	unix.Wait4(g.pid, nil, 0, nil)
}

// RunGuardian is the main function of the guardian. Its standard input is its end of the socket.
func RunGuardian(k *Kernel) {
	k.ignoreAllSignals()
	if _, err := (File(0)).Write([]byte{guardianReady}); err != nil {
		return
	}
	var frozen []procfs.Stat
	cgroup := false
	buf := make([]byte, 0, 2730*recordSize)
	for {
		n, err := unix.Read(0, buf[len(buf):cap(buf)])
		if err == unix.EINTR {
			continue
		}
		if n <= 0 {
			break
		}
		buf = buf[:len(buf)+n]
		whole := len(buf) / recordSize * recordSize
		for record := buf[:whole]; len(record) > 0; record = record[recordSize:] {
			st := procfs.Stat{
				ID:    procfs.ID{PID: int(binary.NativeEndian.Uint64(record)), Start: binary.NativeEndian.Uint64(record[8:])},
				Inode: binary.NativeEndian.Uint64(record[16:]),
			}
			switch {
			case st.PID != 0:
				frozen = append(frozen, st)
			case st.Start != 0:
				cgroup = true
			default:
				frozen, cgroup = frozen[:0], false
			}
		}
		buf = buf[:copy(buf[:cap(buf)], buf[whole:])]
	}
	if cgroup {
		unix.Write(3, []byte{'0'})
	}
	for i := range frozen {
		k.resumeRecorded(&frozen[i])
	}
}

// resumeRecorded sends SIGCONT to the process that a record names. It drops errors: the process that would report
// them has ended.
func (k *Kernel) resumeRecorded(want *procfs.Stat) {
	st, err := k.Open(want.PID)
	if err != nil {
		return
	}
	if st.ID == want.ID && (want.Inode == 0 || st.Inode == 0 || st.Inode == want.Inode) {
		_ = k.Signal(st.ID, signals.CONT)
	}
	k.Close(st.ID)
}
