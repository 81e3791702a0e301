package procfs

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// ID names one process for ever: its number, and when it was started. It is
// comparable, and what a process is known by everywhere.
//
// The start time is that of the reader's time namespace (time_namespaces(7)), so
// an ID written down in one is not good in another with a different offset.
type ID struct {
	PID   int
	Start uint64 // field 22 of /proc/PID/stat: clock ticks after boot
}

// String returns "PID@START".
func (id ID) String() string {
	return strconv.Itoa(id.PID) + "@" + strconv.FormatUint(id.Start, 10)
}

// StateHidden is the State of a process that exists but that /proc does not show, as with hidepid=2. The
// kernel never prints it. The start time is 0 then.
const StateHidden = '?'

// Stat is what killbox uses of /proc/PID/stat (proc_pid_stat(5)). Numbers of
// processes, groups and sessions are those of the PID namespace that /proc was
// mounted for; a process outside of it shows as 0.
type Stat struct {
	ID
	Inode uint64 // of the process's pidfd, unique since boot (pidfs, Linux 6.9); 0 if it was not asked for
	Comm  string // as the process has it: any bytes but NUL
	// State is one of RSDZTtXxKWPI. It and Blocked are those of the first
	// thread or, if that has exited while others run, of another.
	State byte
	// Thread is the TID of that other thread, 0 if the first has not exited or all
	// have. Only methods of FS set it: the stat file of the process does not show
	// other threads.
	Thread int
	PPID   int
	// PGID and SID are 0 for kernel threads and where the group or session
	// was made outside of the PID namespace, and -1 in the instant in which
	// a process is being reaped (do_task_stat in fs/proc/array.c).
	PGID, SID int
	TTY       uint32 // tty_nr as the kernel prints it, see TTYName; 0 for none
	TPGID     int    // the terminal's foreground group; -1 without a terminal
	Flags     uint64 // PF_ flags of include/linux/sched.h
	// UTime and STime are the processor time used, in clock ticks (10 ms),
	// by all threads, the ended ones too.
	UTime, STime uint64
	Threads      int // threads not yet reaped; 0 while being reaped
	// StartCode and StartStack, fields 26 and 28, tell where the program and its stack begin: with
	// PF_RANDOMIZE each execve(2) draws them anew. Without PTRACE_MODE_READ access (ptrace(2)) they are 0
	// or 1, as for zombies.
	StartCode, StartStack uint64
	// Blocked holds which of the signals 1 to 31 the thread blocks, from bit 0 on; all of them where the kernel does
	// not say.
	Blocked uint32
	// ExitCode is field 52, a wait status; -1 if the kernel printed none
	// (before Linux 3.5). Without PTRACE_MODE_READ access to the process
	// (ptrace(2)) the kernel prints 0, so 0 does not prove success; and it
	// means little before the process is gone.
	ExitCode int
}

// Hidden reports whether /proc does not show the process.
func (s *Stat) Hidden() bool { return s.State == StateHidden }

// Handle returns what names the process for ever: PID@START:INODE, without the inode where it is not
// known, and "" where the start time is not known either.
func (s *Stat) Handle() string {
	switch {
	case s.Start == 0:
		return ""
	case s.Inode == 0:
		return s.ID.String()
	}
	return s.ID.String() + ":" + strconv.FormatUint(s.Inode, 10)
}

// Of the PF_ flags of include/linux/sched.h: the same since Linux 2.6.27 and 2.6.23.
const (
	pfKthread   = 0x00200000
	pfRandomize = 0x00400000
)

// SameImage reports whether both processes, or both readings of one, show the memory layout of one
// execve(2): they are the same process, or one was forked from the other or both from a third. False where
// the layout is not random (setarch -R) or may not be read.
func (s *Stat) SameImage(o *Stat) bool {
	return s.Flags&o.Flags&pfRandomize != 0 && s.StartStack > 1 && s.StartStack == o.StartStack && s.StartCode == o.StartCode
}

// Gone reports whether all threads have exited: the process is a zombie, or
// dead. /proc/PID/stat of a process whose first thread has exited while others
// run says Z too, but num_threads counts them: 1 for a plain zombie, 2 for one
// with a thread left. While a debugger has yet to collect a thread that has exited,
// that one is counted as well, and so the process as not gone.
func (s *Stat) Gone() bool {
	switch s.State {
	case 'Z', 'X', 'x':
		return s.Threads <= 1
	}
	return false
}

// Stopped reports whether the process was stopped by a signal.
func (s *Stat) Stopped() bool { return s.State == 'T' }

// Traced reports whether a tracer holds the process (t, since Linux 2.6.33).
func (s *Stat) Traced() bool { return s.State == 't' }

// KernelThread reports whether the process is one of the kernel's own.
func (s *Stat) KernelThread() bool { return s.Flags&pfKthread != 0 }

var errStat = errors.New("malformed stat")

// ParseStat parses /proc/PID/stat. All fields up to the start time must be
// there; of those after it only the exit code is looked for.
func ParseStat(b []byte) (Stat, error) {
	var s Stat
	err := parseStat(b, &s)
	return s, err
}

// parseStat overwrites s. The name that s had is kept where it has not changed,
// which saves a reader of thousands as many allocations.
func parseStat(b []byte, s *Stat) error {
	// The name is not escaped, and may hold spaces, parentheses and newlines;
	// but nothing after it holds a parenthesis.
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
	s.Flags = f.unsigned() // field 9
	f.skip(4)              // page faults
	s.UTime = f.unsigned() // field 14
	s.STime = f.unsigned()
	f.skip(4)              // times of children, priority and nice
	s.Threads = f.int()    // field 20
	f.skip(1)              // itrealvalue
	s.Start = f.unsigned() // field 22
	s.ExitCode = -1
	switch {
	case head.bad || len(head.rest) > 1 || pid <= 0:
		return fmt.Errorf("%w: no process number", errStat)
	case len(state) != 1 || state[0] < 'A' || state[0] > 'z':
		return fmt.Errorf("%w: no state", errStat)
	case f.bad:
		return fmt.Errorf("%w: a field up to the start time is missing or no number", errStat)
	}
	s.State = state[0]

	f.skip(3)
	s.StartCode, _ = parseUint(f.next()) // field 26
	f.skip(1)
	s.StartStack, _ = parseUint(f.next())
	f.skip(3)
	blocked, ok := parseUint(f.next()) // field 32
	if s.Blocked = uint32(blocked); !ok {
		s.Blocked = ^uint32(0)
	}
	f.skip(19) // to field 52
	if code := f.next(); code != nil {
		f.rest = code
		if s.ExitCode = f.int(); f.bad {
			return fmt.Errorf("%w: the exit code is no number", errStat)
		}
	}
	return nil
}

// fields walks over fields that are separated by single spaces. What is missing
// or malformed sets bad, and reads as 0.
type fields struct {
	rest []byte
	bad  bool
}

// next returns the next field, nil after the last.
func (f *fields) next() []byte {
	i := 0
	for i < len(f.rest) && f.rest[i] == ' ' {
		i++
	}
	start := i
	for i < len(f.rest) && f.rest[i] != ' ' && f.rest[i] != '\n' {
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
	if !ok || n > 1<<32 { // every signed field is an int of the kernel's
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

// parseUint reads decimal digits, at least one and nothing else, from a slice:
// strconv would want a string, which allocates.
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

// Stat reads /proc/PID/stat. The number of a thread is accepted as well, though
// PIDs never lists one: what comes back has that number, that thread's start
// time and its whole process's everything else; Status.TGID tells them apart.
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
		return fmt.Errorf("%s/%d/stat: %w: it is that of process %d", fs.root, pid, errStat, s.PID)
	}
	if s.leaderExited() {
		fs.takeLivingState(processPath(pid, ""), s)
	}
	return nil
}
