package procfs

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// SigSet is a set of signals; the lowest bit is signal 1. MIPS has 128 signals, of which SigSet holds the first 64.
type SigSet uint64

// Has reports whether sig is in the set. It is false for numbers outside of 1 to 64.
func (set SigSet) Has(sig int) bool {
	return sig >= 1 && sig <= 64 && set&(1<<(sig-1)) != 0
}

// Status holds the fields of /proc/PID/status (proc_pid_status(5)) that killbox uses. A field that the kernel does not
// print has its zero value.
//
// If the leader (the thread whose TID is the PID) has exited while other threads run, FS.Status takes State, TracerPID,
// VmHWM, VmRSS and ThreadPending from another thread.
type Status struct {
	Name      string // as Stat.Comm, without the escapes of the kernel
	State     byte
	TGID      int // the PID of the process, even if the file is that of a thread other than the leader
	PPID      int
	TracerPID int // 0 if it is not traced
	// UID and GID are the real, effective, saved and file system IDs, in the user namespace of the caller. Where an int
	// has 32 bits, IDs from 1<<31 on are negative.
	UID, GID [4]int
	// NSPID holds the PIDs of the process in the PID namespace of /proc and in each one below it, outermost first
	// (Linux 4.1). If it holds more than one and the last is 1, the process is the init of another PID namespace.
	NSPID         []int
	Threads       int
	VmHWM         uint64 // the largest resident set size so far, in kB; 0 for zombies and kernel threads
	VmRSS         uint64 // the resident set size, in kB; 0 for zombies and kernel threads
	ThreadPending SigSet // signals that are pending for the leader (SigPnd)
	Pending       SigSet // signals that are pending for the process (ShdPnd)
	// Blocked holds the signals of which FS.Status has found that every thread blocks them that has not exited. A
	// signal that is sent to the process is delivered to a thread that does not block it.
	Blocked, Ignored, Caught SigSet
	// CoreDumping means that the process is writing a core dump (Linux 4.15).
	CoreDumping bool
	Effective   uint64 // the effective capabilities of the leader (CapEff): bit N for capability N
	// VoluntarySwitches and InvoluntarySwitches count the context switches of the leader since its start.
	VoluntarySwitches, InvoluntarySwitches uint64
}

var errStatus = errors.New("malformed status")

// ParseStatus parses /proc/PID/status. It ignores unknown lines. A malformed value in a known line is an error, and so
// is a missing state.
func ParseStatus(b []byte) (Status, error) {
	var s Status
	for len(b) > 0 {
		var line []byte
		line, b, _ = bytes.Cut(b, []byte("\n"))
		key, value, ok := bytes.Cut(line, []byte(":"))
		if !ok {
			continue
		}
		// Only the separator is removed, because a name may begin with blanks.
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

// setField parses the value of the line "key: value" and sets the field of that key. It ignores an unknown key. ok is
// false if the value is malformed.
func (s *Status) setField(key string, value []byte) (ok bool) {
	f := fields{rest: value}
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
		for len(bytes.TrimLeft(f.rest, " \t")) > 0 && !f.bad {
			s.NSPID = append(s.NSPID, f.int())
		}
	case "Threads":
		s.Threads = f.int()
	case "CoreDumping":
		s.CoreDumping = f.unsigned() != 0
	case "VmHWM":
		s.VmHWM = f.unsigned()
	case "VmRSS":
		s.VmRSS = f.unsigned()
	case "CapEff":
		s.Effective = uint64(f.sigset())
	case "voluntary_ctxt_switches":
		s.VoluntarySwitches = f.unsigned()
	case "nonvoluntary_ctxt_switches":
		s.InvoluntarySwitches = f.unsigned()
	}
	return !f.bad
}

// signalSet returns the field of a key whose value is a signal set, such as SigBlk, and nil for any other key.
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

// unescapeName reverses proc_task_name in fs/proc/array.c, which writes a newline as \n and a backslash as \\, so that
// a name cannot forge a line. It escapes no other characters.
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

// sigset parses a hexadecimal mask, of signals or capabilities, and keeps its last 16 digits. A mask of signals has one
// digit for every four signals of the architecture.
func (f *fields) sigset() SigSet {
	b := f.next()
	if len(b) > 16 {
		b = b[len(b)-16:]
	}
	n, err := strconv.ParseUint(string(b), 16, 64)
	f.bad = f.bad || err != nil
	return SigSet(n)
}

// Status reads /proc/PID/status. UID and GID are those of the leader even if it has exited, because the kernel uses
// them to check the permission to signal the process (check_kill_permission in kernel/signal.c).
func (fs *FS) Status(pid int) (Status, error) {
	b, err := fs.readRecord(pid, "status")
	if err != nil {
		return Status{}, err
	}
	s, err := ParseStatus(b)
	if err != nil {
		return Status{}, fmt.Errorf("%s/%d/status: %w", fs.root, pid, err)
	}
	switch {
	case s.Threads <= 1:
	case zombieState(s.State):
		fs.takeLivingStatus(pid, &s)
	case s.Blocked != 0:
		leader := s
		fs.takeLivingStatus(pid, &s)
		leader.Blocked &= s.Blocked
		s = leader
	}
	return s, nil
}

// takeLivingStatus replaces the fields of s that have no meaning for an exited leader by those of living threads.
func (fs *FS) takeLivingStatus(pid int, s *Status) {
	first := true
	for _, thread := range fs.livingThreads(processPath(pid, "")) {
		b, err := fs.read(processPath(pid, threadDir(thread.PID)+"status"), true, unlimited)
		if err != nil {
			continue // the thread has exited since livingThreads
		}
		living, err := ParseStatus(b)
		if err != nil {
			continue
		}
		if first {
			s.State, s.TracerPID, s.VmHWM, s.VmRSS = living.State, living.TracerPID, living.VmHWM, living.VmRSS
			s.ThreadPending, s.Blocked = living.ThreadPending, living.Blocked
			first = false
		}
		s.Blocked &= living.Blocked
	}
}
