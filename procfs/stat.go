package procfs

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// ID identifies a process by its PID and start time. Another process has the same ID only if the PID is reused within
// one clock tick (10 ms).
//
// The start time includes the offset of the caller's time namespace (time_namespaces(7)). So an ID is not valid in
// a time namespace with a different offset.
type ID struct {
	PID   int
	Start uint64 // field 22 of /proc/PID/stat: clock ticks (10 ms) since boot
}

// String returns "PID@START".
func (id ID) String() string {
	return strconv.Itoa(id.PID) + "@" + strconv.FormatUint(id.Start, 10)
}

// StateHidden is the State of a process that exists but that /proc does not show, as with hidepid=2. The kernel never
// prints this letter. The start time of such a process is 0.
const StateHidden = '?'

// Stat holds the fields of /proc/PID/stat (proc_pid_stat(5)) that killbox uses. The IDs of processes, groups and
// sessions are those in the PID namespace of the mounted /proc. The ID of a process, group or session from outside of
// this namespace is 0.
type Stat struct {
	ID
	Inode uint64 // the inode number of the process's pidfd, unique since boot (pidfs, Linux 6.9); FS leaves it at 0
	Comm  string // the name, which the process can change: any bytes but NUL
	PPID  int
	// PGID and SID are 0 for kernel threads, and for a group or session from outside of the PID namespace. They are -1
	// for an instant while the process is being reaped (do_task_stat in fs/proc/array.c).
	PGID, SID int
	TPGID     int // the foreground process group of the terminal; -1 without a terminal
	Threads   int // the number of threads that have not been reaped; 0 while the process is being reaped
	// Thread is the TID of the thread that State describes, 0 for the leader. Only methods of FS set it, because the
	// stat file of the process does not show other threads.
	Thread int
	// StartCode and StartStack, fields 26 and 28, are the addresses at which the code and the stack begin. With
	// PF_RANDOMIZE each execve(2) chooses new addresses at random. They are 0 or 1 for a zombie, and without
	// PTRACE_MODE_READ access (ptrace(2)).
	StartCode, StartStack uint64
	TTY                   uint32 // tty_nr as the kernel prints it, see TTYName; 0 for none
	Flags                 uint32 // PF_ flags of include/linux/sched.h
	// Blocked is the mask of the blocked signals 1 to 31: bit N-1 for signal N. All bits are set if the kernel does not
	// print the mask.
	Blocked uint32
	// Ignored and Caught are masks like Blocked, of the signals that are ignored and that have a handler.
	Ignored, Caught uint32
	// ExitCode is field 52, a wait status (wait(2)); -1 if the kernel does not print it (before Linux 3.5). It is final
	// only when the process is gone. Without PTRACE_MODE_READ access (ptrace(2)) the kernel prints 0, so 0 does not
	// prove success.
	ExitCode int32
	// State is one of RSDZTtXxKWPI. State, Blocked, StartCode and StartStack are those of the leader (the thread whose
	// TID is the PID). If the leader has exited while other threads run, they are those of another thread.
	State byte
}

// Hidden reports whether /proc does not show the process.
func (s *Stat) Hidden() bool { return s.State == StateHidden }

// Handle returns the handle of the process, as killbox(7) defines it: PID@START:INODE, or PID@START if the inode number
// is not known, or "" if the start time is not known.
func (s *Stat) Handle() string {
	switch {
	case s.Start == 0:
		return ""
	case s.Inode == 0:
		return s.ID.String()
	}
	return s.ID.String() + ":" + strconv.FormatUint(s.Inode, 10)
}

// Flags of include/linux/sched.h.
const (
	pfKthread   = 0x00200000 // PF_KTHREAD, since Linux 2.6.27
	pfRandomize = 0x00400000 // PF_RANDOMIZE, this value since Linux 2.6.23
)

// layout is the memory layout: the addresses at which code and stack begin.
type layout struct{ code, stack uint64 }

// layout returns the memory layout. It is the zero value if it is not random (setarch -R) or is not shown: for a
// zombie, and without PTRACE_MODE_READ access (ptrace(2)).
func (s *Stat) layout() layout {
	if s.Flags&pfRandomize == 0 || s.StartStack <= 1 {
		return layout{}
	}
	return layout{s.StartCode, s.StartStack}
}

// SameLayout reports whether s and o show the memory layout of the same execve(2). Then they are the same process, or
// one was forked from the other, or both from a third.
func (s *Stat) SameLayout(o *Stat) bool { return s.layout() != layout{} && s.layout() == o.layout() }

// Gone reports whether all threads have exited: the process is a zombie, or dead. A process whose leader has exited
// while other threads run also has state Z. Field 20, the number of threads, distinguishes the two: it is 1 for a
// zombie, and 2 if one other thread runs. The number includes a thread that has exited but that its tracer has not yet
// reaped. Gone is false until the tracer reaps this thread.
func (s *Stat) Gone() bool {
	switch s.State {
	case 'Z', 'X', 'x':
		return s.Threads <= 1
	}
	return false
}

// Exiting reports whether the process is about to be gone. It has no image any more, but its children still have it as
// their parent (do_exit in kernel/exit.c).
func (s *Stat) Exiting() bool { return s.Flags&pfExiting != 0 && !s.Gone() }

// Stopped reports whether the process is stopped by a signal.
func (s *Stat) Stopped() bool { return s.State == 'T' }

// Traced reports whether the process is in a tracing stop (state t, since Linux 2.6.33).
func (s *Stat) Traced() bool { return s.State == 't' }

// KernelThread reports whether the process is a kernel thread.
func (s *Stat) KernelThread() bool { return s.Flags&pfKthread != 0 }

var errStat = errors.New("malformed stat")

// ParseStat parses /proc/PID/stat. All fields up to the start time must be present. If later fields are missing,
// StartCode and StartStack are 0, all bits of the masks are set, and ExitCode is -1.
func ParseStat(b []byte) (Stat, error) {
	var s Stat
	err := parseStat(b, &s)
	return s, err
}

// parseStat overwrites s. It keeps the string s.Comm if the name is the same, which saves an allocation for each
// process of a scan.
func parseStat(b []byte, s *Stat) error {
	// The name is not escaped: it may contain spaces, parentheses and newlines. The fields after it contain no
	// parenthesis.
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 0 || end < open {
		return fmt.Errorf("%w: no name in parentheses", errStat)
	}
	head := fields{rest: b[:open]}
	pid := head.int()
	name := b[open+1 : end]
	if s.Comm != string(name) {
		s.Comm = string(name)
	}

	f := fields{rest: b[end+1:]}
	state := f.next()
	s.Inode = 0
	s.ID.PID = pid
	s.Thread = 0
	s.PPID = f.int() // field 4
	s.PGID = f.int()
	s.SID = f.int()
	s.TTY = uint32(f.signed()) // printed as a signed int
	s.TPGID = f.int()
	s.Flags = uint32(f.unsigned()) // field 9
	f.skip(10)                     // page faults, CPU times, priority and nice
	s.Threads = f.int()            // field 20
	f.skip(1)                      // itrealvalue
	s.Start = f.unsigned()         // field 22
	s.ExitCode = -1
	switch {
	case head.bad || len(head.rest) > 1 || pid <= 0:
		return fmt.Errorf("%w: no PID", errStat)
	case len(state) != 1 || state[0] < 'A' || state[0] > 'z':
		return fmt.Errorf("%w: no state", errStat)
	case f.bad:
		return fmt.Errorf("%w: a field up to the start time is missing or not a number", errStat)
	}
	s.State = state[0]

	f.skip(3)
	s.StartCode, _ = parseUint(f.next()) // field 26
	f.skip(1)
	s.StartStack, _ = parseUint(f.next())
	f.skip(3)
	s.Blocked, s.Ignored, s.Caught = f.mask(), f.mask(), f.mask() // from field 32
	f.skip(17)                                                    // to field 52
	if code := f.next(); code != nil {
		f.rest = code
		if s.ExitCode = int32(f.int()); f.bad {
			return fmt.Errorf("%w: the exit code is not a number", errStat)
		}
	}
	return nil
}

// fields splits a line into fields that are separated by spaces or tabs.
type fields struct {
	rest []byte
	bad  bool // a number was missing or malformed, and was returned as 0
}

// next returns the next field, nil after the last one of the line.
func (f *fields) next() []byte {
	i := 0
	for i < len(f.rest) && (f.rest[i] == ' ' || f.rest[i] == '\t') {
		i++
	}
	start := i
	for i < len(f.rest) && f.rest[i] != ' ' && f.rest[i] != '\t' && f.rest[i] != '\n' {
		i++
	}
	field := f.rest[start:i]
	f.rest = f.rest[i:]
	if len(field) == 0 {
		return nil
	}
	return field
}

func (f *fields) skip(n int) {
	for range n {
		f.next()
	}
}

func (f *fields) unsigned() uint64 {
	n, ok := parseUint(f.next())
	f.bad = f.bad || !ok
	return n
}

func (f *fields) signed() int64 {
	b := f.next()
	negative := len(b) > 0 && b[0] == '-'
	if negative {
		b = b[1:]
	}
	n, ok := parseUint(b)
	if !ok || n > 1<<32 { // the kernel prints signed fields from an int of 32 bits
		f.bad = true
		return 0
	}
	if negative {
		return -int64(n)
	}
	return int64(n)
}

func (f *fields) int() int {
	n := f.signed()
	if n != int64(int32(n)) {
		f.bad = true
		return 0
	}
	return int(n)
}

// mask parses a mask of signals. If it is missing or malformed, all bits are set.
func (f *fields) mask() uint32 {
	n, ok := parseUint(f.next())
	if !ok {
		return ^uint32(0)
	}
	return uint32(n)
}

// parseUint parses b, which must consist of one or more decimal digits. The functions of strconv take a string, which
// would have to be allocated.
func parseUint(b []byte) (n uint64, ok bool) {
	for _, c := range b {
		d := uint64(c - '0')
		if d > 9 || n > (1<<64-1-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, len(b) > 0
}

// Stat reads /proc/PID/stat. It accepts the TID of any thread as well, although PIDs does not list it. Then PID is the
// TID, and Comm, State, Start, Flags and Blocked are those of the thread; the other fields are those of its process.
// Status.TGID is the PID of the process.
func (fs *FS) Stat(pid int) (Stat, error) {
	var s Stat
	err := fs.stat(pid, &s)
	return s, err
}

func (fs *FS) stat(pid int, s *Stat) error {
	b, err := fs.readRecord(pid, "stat")
	if err != nil {
		return err
	}
	if err := parseStat(b, s); err != nil {
		return fmt.Errorf("%s/%d/stat: %w", fs.root, pid, err)
	}
	if s.PID != pid {
		return fmt.Errorf("%s/%d/stat: %w: its PID is %d", fs.root, pid, errStat, s.PID)
	}
	if s.leaderExited() {
		fs.takeLivingState(processPath(pid, ""), s)
	}
	return nil
}
