package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"killbox/internal/signals"
	"killbox/procfs"

	"golang.org/x/sys/unix"
)

// GuardianName is the argv[0] of the guardian, which runs the same program: with this argv[0], main must call
// RunGuardian.
const GuardianName = "killbox-guardian"

// guardian is a child process that resumes what this process has frozen if this process is killed. The two processes
// share a socket pair. When this process ends, the kernel closes its end of the pair, and the guardian reads end of
// file.
//
// This process sends records of three 64-bit words in native byte order: PID, start time, and pidfd inode (0 if
// unknown). A record with PID 0 and start time 0 clears the guardian's list. A record with PID 0 and start time 1 adds
// the cgroup to the list; the guardian has the cgroup.freeze as descriptor 3. At end of file the guardian sends SIGCONT
// to the processes on its list, and thaws the cgroup.
type guardian struct {
	fd     int
	pid    int
	reaped bool // by reapChildren, so its PID may have been reused
}

// recordSize is the size of a record in bytes.
const recordSize = 24

// guardianReady is the byte that the guardian sends when it ignores all signals and is about to read records. It sends
// nothing else.
const guardianReady = 1

// guardianStartLimit is how long the guardian may take to start, and guardianSendLimit how long to read a message. Both
// processes are on this machine, so a guardian that takes longer does not answer at all.
var (
	guardianStartLimit = unix.Timeval{Sec: 2}
	guardianSendLimit  = unix.Timeval{Sec: 1}
)

// StartGuardian starts the guardian, waits until it is ready, and returns its PID.
func (k *Kernel) StartGuardian() (int, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("socketpair: %w", err)
	}
	thisEnd, guardianEnd := pair[0], uintptr(pair[1])
	files := []uintptr{guardianEnd, guardianEnd, guardianEnd}
	if k.cgroup != nil {
		files = append(files, k.cgroup.freeze.Fd())
	}
	pid, err := syscall.ForkExec(k.opts.Self, []string{GuardianName}, &syscall.ProcAttr{
		Dir:   "/",
		Env:   k.guardianEnv(),
		Files: files,
		// A session of its own: a signal to the process group of this process must not reach the guardian.
		Sys: &syscall.SysProcAttr{Setsid: true},
	})
	unix.Close(pair[1])
	if err != nil {
		unix.Close(thisEnd)
		return 0, fmt.Errorf("cannot start the guardian: %w", err)
	}
	g := &guardian{fd: thisEnd, pid: pid}
	unix.SetsockoptTimeval(thisEnd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &guardianStartLimit)
	unix.SetsockoptTimeval(thisEnd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &guardianSendLimit)
	var ready [1]byte
	for {
		n, err := unix.Read(thisEnd, ready[:])
		if err == unix.EINTR {
			continue
		}
		if n != 1 || ready[0] != guardianReady {
			g.endAndReap()
			switch err {
			case nil:
				// End of file, or a message of the Go runtime, which could not start.
				err = errors.New("the guardian could not start (process or memory limit?)")
			case unix.EAGAIN:
				err = fmt.Errorf("the guardian has not started in %d s", guardianStartLimit.Sec)
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

// GuardianAdd adds processes to the guardian's list. The caller does this before it stops them.
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

// GuardianClear empties the guardian's list. The caller does this after it has resumed everything on the list.
func (k *Kernel) GuardianClear() error { return k.guardian.sendRecords(make([]byte, recordSize)) }

// cgroupRecord returns the record that adds the cgroup to the guardian's list.
func cgroupRecord() []byte { return appendRecord(nil, procfs.ID{Start: 1}, 0) }

// appendRecord appends the record of a process.
func appendRecord(b []byte, id procfs.ID, inode uint64) []byte {
	b = binary.NativeEndian.AppendUint64(b, uint64(id.PID))
	b = binary.NativeEndian.AppendUint64(b, id.Start)
	return binary.NativeEndian.AppendUint64(b, inode)
}

// sendRecords sends records to the guardian. If that fails, it kills the guardian.
func (g *guardian) sendRecords(b []byte) error {
	for len(b) > 0 {
		n, err := unix.SendmsgN(g.fd, b, nil, nil, unix.MSG_NOSIGNAL)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			// The guardian may be alive and merely slow. If it lived on, it would resume everything on its list when
			// this process closes the socket.
			if !g.reaped {
				unix.Kill(g.pid, unix.SIGKILL)
			}
			if err == unix.EAGAIN {
				return fmt.Errorf("the guardian has read nothing for %d s", guardianSendLimit.Sec)
			}
			return fmt.Errorf("cannot write to the guardian: %w", err)
		}
		b = b[n:]
	}
	return nil
}

// StopGuardian closes the socket and reaps the guardian, which first resumes what is still on its list.
func (k *Kernel) StopGuardian() {
	if k.guardian != nil {
		k.guardian.endAndReap()
		k.guardian = nil
	}
}

// endAndReap closes the socket, at which the guardian exits, and reaps the guardian. If it does not exit within about
// 0.2 seconds, endAndReap kills it.
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
	// SIGSTOP may have stopped the guardian. The guardian has not been reaped, so its PID has not been reused.
	unix.Kill(g.pid, unix.SIGKILL)
	_, _ = reap(g.pid)
}

// RunGuardian is the main function of the guardian. Its standard input is its end of the socket pair.
func RunGuardian(k *Kernel) {
	k.ignoreAllSignals()
	if _, err := (File(0)).Write([]byte{guardianReady}); err != nil {
		return
	}
	var frozen []procfs.Stat
	cgroup := false
	buf := make([]byte, 0, 2730*recordSize)
	for {
		n := readOnce(0, buf[len(buf):cap(buf)])
		if n == 0 {
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
	for _, st := range slices.Backward(frozen) { // children first: see freeze.Stopped.ResumeLate
		k.resumeRecorded(&st)
	}
}

// resumeRecorded sends SIGCONT to the process that a record names, unless the PID was reused. It drops errors, because
// the process that would report them has ended.
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
