package procfs

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// SigSet is a set of signals, signal 1 in the lowest bit. MIPS has 128 signals,
// of which this holds the first 64.
type SigSet uint64

// Has reports whether sig is in the set; false for numbers out of range.
func (set SigSet) Has(sig int) bool {
	return sig >= 1 && sig <= 64 && set&(1<<(sig-1)) != 0
}

// Status is what killbox uses of /proc/PID/status (proc_pid_status(5)). What a
// kernel does not print stays at its zero value.
type Status struct {
	Name      string // as Stat.Comm; the kernel's escapes are undone
	State     byte
	TGID      int // the process that a thread belongs to, the PID otherwise
	PPID      int
	TracerPID int // 0 if it is not traced
	// UID and GID are the real, effective, saved and file system ones, as the
	// reader's user namespace has them. Where an int has 32 bits, those from
	// 1<<31 on are negative.
	UID, GID [4]int
	// NSPID is the process's number in each PID namespace from that of /proc
	// inwards (Linux 4.1); more than one, the last of them 1, is an init.
	NSPID   []int
	Threads int
	VmHWM   uint64 // largest resident size so far, in kB; 0 for zombies and kernel threads
	// ThreadPending and Pending are the signals that wait for the first thread
	// (SigPnd) and for the process (ShdPnd). If the first thread has exited
	// while others run, ThreadPending is of one of them, as are State, TracerPID
	// and VmHWM, and Blocked is what all of them block.
	ThreadPending, Pending   SigSet
	Blocked, Ignored, Caught SigSet
	// Context switches of the first thread since it started.
	VoluntarySwitches, InvoluntarySwitches uint64
}

var errStatus = errors.New("malformed status")

// ParseStatus parses /proc/PID/status. Lines it does not know are passed over, a
// line it knows whose value is malformed is an error, and so is a missing state.
func ParseStatus(b []byte) (Status, error) {
	var s Status
	for len(b) > 0 {
		var line []byte
		line, b, _ = bytes.Cut(b, []byte("\n"))
		key, value, ok := bytes.Cut(line, []byte(":"))
		if !ok {
			continue
		}
		// Only the separator is cut off a name: it may begin with blanks.
		value = bytes.TrimPrefix(value, []byte("\t"))
		if !s.setField(string(key), value) {
			return Status{}, fmt.Errorf("%w: %s is %q", errStatus, key, value)
		}
	}
	if s.State == 0 {
		return Status{}, fmt.Errorf("%w: no state", errStatus)
	}
	return s, nil
}

// setField sets the field that a line with that key fills, if any. ok is false if the value is malformed.
func (s *Status) setField(key string, value []byte) (ok bool) {
	f := fields{rest: bytes.ReplaceAll(value, []byte("\t"), []byte(" "))}
	if set := s.signalSet(key); set != nil {
		*set = f.sigset()
		return !f.bad
	}
	switch key {
	case "Name":
		s.Name = unescapeName(string(value))
	case "State":
		if len(value) == 0 {
			return false
		}
		s.State = value[0]
	case "Tgid":
		s.TGID = f.int()
	case "PPid":
		s.PPID = f.int()
	case "TracerPid":
		s.TracerPID = f.int()
	case "Uid":
		s.UID = f.fourIDs()
	case "Gid":
		s.GID = f.fourIDs()
	case "NSpid":
		s.NSPID = nil
		for len(bytes.TrimLeft(f.rest, " ")) > 0 && !f.bad {
			s.NSPID = append(s.NSPID, f.int())
		}
	case "Threads":
		s.Threads = f.int()
	case "VmHWM":
		s.VmHWM = f.unsigned()
	case "voluntary_ctxt_switches":
		s.VoluntarySwitches = f.unsigned()
	case "nonvoluntary_ctxt_switches":
		s.InvoluntarySwitches = f.unsigned()
	}
	return !f.bad
}

// signalSet returns the signal set that a line with that key fills, nil for other keys.
func (s *Status) signalSet(key string) *SigSet {
	switch key {
	case "SigPnd":
		return &s.ThreadPending
	case "ShdPnd":
		return &s.Pending
	case "SigBlk":
		return &s.Blocked
	case "SigIgn":
		return &s.Ignored
	case "SigCgt":
		return &s.Caught
	}
	return nil
}

// unescapeName undoes what proc_task_name in fs/proc/array.c does, so that no
// name can forge a line. Nothing else is escaped.
func unescapeName(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '\\' && i+1 < len(s) && (s[i+1] == 'n' || s[i+1] == '\\') {
			if i++; s[i] == 'n' {
				c = '\n'
			}
		}
		b = append(b, c)
	}
	return string(b)
}

// fourIDs parses the four IDs of Uid and Gid.
func (f *fields) fourIDs() (ids [4]int) {
	for i := range ids {
		n := f.unsigned()
		f.bad = f.bad || n > 1<<32-1
		ids[i] = int(uint32(n))
	}
	return ids
}

// sigset reads a mask, which has as many hexadecimal digits as the architecture
// has signals, divided by four.
func (f *fields) sigset() SigSet {
	b := f.next()
	if len(b) > 16 {
		b = b[len(b)-16:]
	}
	n, err := strconv.ParseUint(string(b), 16, 64)
	f.bad = f.bad || err != nil
	return SigSet(n)
}

// Status reads /proc/PID/status. IDs and users are those of the first thread even
// if that has exited: the kernel checks the permission to signal the process by
// them (check_kill_permission in kernel/signal.c).
func (fs *FS) Status(pid int) (Status, error) {
	b, err := fs.readRecord(pid, "status")
	if err != nil {
		return Status{}, err
	}
	s, err := ParseStatus(b)
	if err != nil {
		return Status{}, fmt.Errorf("%s/%d/status: %w", fs.root, pid, err)
	}
	if s.Threads > 1 && zombieState(s.State) {
		fs.takeLivingStatus(pid, &s)
	}
	return s, nil
}

// takeLivingStatus replaces the fields of s that an exited leader does not show by those of living threads.
func (fs *FS) takeLivingStatus(pid int, s *Status) {
	first := true
	for _, thread := range fs.livingThreads(processPath(pid, "")) {
		b, err := fs.read(processPath(pid, threadDir(thread.PID)+"status"), true, unlimited)
		if err != nil {
			continue // it has exited since
		}
		living, err := ParseStatus(b)
		if err != nil {
			continue
		}
		if first {
			s.State, s.TracerPID, s.VmHWM = living.State, living.TracerPID, living.VmHWM
			s.ThreadPending, s.Blocked = living.ThreadPending, living.Blocked
			first = false
		}
		s.Blocked &= living.Blocked
	}
}
