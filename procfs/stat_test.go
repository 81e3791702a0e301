package procfs_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"killbox/procfs"
	"killbox/procfs/procfstest"

	"github.com/google/go-cmp/cmp"
)

// hostileNames are names that a process could choose to pass for another process or to confuse a parser.
var hostileNames = []string{
	"a) R 1 (", ")", "(", "))))", ") Z 0 0 0", "", " ", "a\nb", "\n", "x) S 1 1 1 0 -1 0 0 0 0 0 0\n", "\xff\xfe",
	"\x1b[2J", "((((((((((((((", `\n`, `\\n`, `\`, "\tTracerPid:\t7", "1 (x) S", "kworker/u8:1-events_power_efficient",
}

func TestParseStatHostileNames(t *testing.T) {
	for _, name := range hostileNames {
		line := procfstest.Proc{PID: 42, Start: 99, Comm: name, State: 'D', PPID: 7, PGID: 40, SID: 39}.StatLine()
		got, err := procfs.ParseStat([]byte(line))
		if err != nil {
			t.Errorf("name %q: %v", name, err)
			continue
		}
		want := procfs.Stat{ID: procfs.ID{PID: 42, Start: 99}, Comm: name, State: 'D', PPID: 7, PGID: 40, SID: 39,
			TPGID: -1, Threads: 1, StartCode: 1}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("name %q (-want +got):\n%s", name, diff)
		}
	}
}

func TestParseStatRefuses(t *testing.T) {
	const tail = " S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 5"
	for _, in := range []string{
		"", "\n", "1", "1 ", "1 (", "1 )", "1 )(" + tail, "(x)" + tail, "x (x)" + tail, "-1 (x)" + tail, "0 (x)" + tail,
		"1 2 (x)" + tail, "99999999999 (x)" + tail,
		"1 (x)", "1 (x) ", "1 (x) \xd5 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 5", "1 (x) S", "1 (x) SS 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 5",
		"1 (x)" + strings.TrimSuffix(tail, " 5"), "1 (x)" + tail[:len(tail)-1] + "x", "1 (x)" + tail[:len(tail)-1] + "-5",
		"1 (x)" + strings.Replace(tail, "S 1", "S z", 1), "1 (x)" + strings.Replace(tail, "S 1", "S 4294967296", 1),
		"1 (x)" + tail[:len(tail)-1] + "18446744073709551616",
		"1 (x) S 1 1\n 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 5",
		"1 (x)" + tail + strings.Repeat(" 0", 29) + " x",
	} {
		if got, err := procfs.ParseStat([]byte(in)); err == nil {
			t.Errorf("ParseStat(%q) = %+v, want an error", in, got)
		}
	}
}

func TestParseStatFields(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     procfs.Stat
	}{
		{
			"kthreadd, Linux 6.18",
			"2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 24 0 0 18446744073709551615 0 0 0 0 0 0 0 " +
				"2147483647 0 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
			procfs.Stat{ID: procfs.ID{PID: 2, Start: 24}, Comm: "kthreadd", State: 'S', TPGID: -1, Flags: 2129984, Threads: 1, Ignored: 1<<31 - 1},
		},
		{
			"a zombie that exited with 3",
			"3458 (python3) Z 3417 3413 2553 0 -1 4227148 220 0 0 0 7 9 0 0 20 0 1 0 96789 0 0 18446744073709551615 " +
				"0 0 0 0 0 0 16384 16781312 2 1 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 768\n",
			procfs.Stat{ID: procfs.ID{PID: 3458, Start: 96789}, Comm: "python3", State: 'Z', PPID: 3417, PGID: 3413, SID: 2553,
				TPGID: -1, Flags: 4227148, Threads: 1, Blocked: 1 << 14, Ignored: 16781312, Caught: 2, ExitCode: 768},
		},
		{
			"bash after trap '' INT QUIT; trap : CHLD",
			"12567 (bash) R 1202 1202 18088 0 -1 4194304 168 0 0 0 0 0 0 0 20 0 1 0 5958259 4464640 802 18446744073709551615 " +
				"94278984708096 94278985497501 140735769554784 0 0 0 81922 6 65536 0 0 0 17 1 0 0 0 0 0 94278985730800 " +
				"94278985779044 94279281401856 140735769561547 140735769561608 140735769561608 140735769563114 0\n",
			procfs.Stat{ID: procfs.ID{PID: 12567, Start: 5958259}, Comm: "bash", State: 'R', PPID: 1202, PGID: 1202, SID: 18088,
				TPGID: -1, Flags: 4194304, Threads: 1, StartCode: 94278984708096, StartStack: 140735769554784,
				Blocked: 1<<16 | 1<<14 | 1<<1, Ignored: 1<<2 | 1<<1, Caught: 1 << 16},
		},
		{
			"truncated within the masks, and a mask that is no number",
			"9 (x) R 8 9 9 0 -1 0 0 0 0 0 1 2 0 0 20 0 3 0 5 0 0 0 1 0 2 0 0 0 x 6",
			procfs.Stat{ID: procfs.ID{PID: 9, Start: 5}, Comm: "x", State: 'R', PPID: 8, PGID: 9, SID: 9, TPGID: -1,
				Threads: 3, StartCode: 1, StartStack: 2, Blocked: 1<<32 - 1, Ignored: 6, Caught: 1<<32 - 1, ExitCode: -1},
		},
		{
			"being reaped",
			"9 (x) X 0 -1 -1 0 -1 4 0 0 0 0 0 0 0 0 20 0 0 0 5 0 0\n",
			procfs.Stat{ID: procfs.ID{PID: 9, Start: 5}, Comm: "x", State: 'X', PGID: -1, SID: -1, TPGID: -1, Flags: 4,
				Blocked: 1<<32 - 1, Ignored: 1<<32 - 1, Caught: 1<<32 - 1, ExitCode: -1},
		},
		{
			"an old kernel, truncated after the start time, with a terminal whose number is negative",
			"9 (x) R 8 9 9 -2147483640 12 0 0 0 0 0 1 2 0 0 20 0 3 0 18446744073709551615",
			procfs.Stat{ID: procfs.ID{PID: 9, Start: 1<<64 - 1}, Comm: "x", State: 'R', PPID: 8, PGID: 9, SID: 9, TTY: 1<<31 + 8,
				TPGID: 12, Threads: 3, Blocked: 1<<32 - 1, Ignored: 1<<32 - 1, Caught: 1<<32 - 1, ExitCode: -1},
		},
	} {
		got, err := procfs.ParseStat([]byte(tt.in))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		} else if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestStatPredicates(t *testing.T) {
	for _, tt := range []struct {
		state                 byte
		threads               int
		gone, stopped, traced bool
	}{
		{'Z', 1, true, false, false},
		{'Z', 0, true, false, false},
		{'Z', 2, false, false, false}, // the leader has exited and another thread runs
		{'X', 0, true, false, false},
		{'x', 1, true, false, false},
		{'R', 1, false, false, false},
		{'D', 1, false, false, false},
		{'T', 1, false, true, false},
		{'t', 1, false, false, true},
	} {
		s := procfs.Stat{State: tt.state, Threads: tt.threads}
		if s.Gone() != tt.gone || s.Stopped() != tt.stopped || s.Traced() != tt.traced {
			t.Errorf("%c with %d threads: gone %v, stopped %v, traced %v", tt.state, tt.threads, s.Gone(), s.Stopped(), s.Traced())
		}
	}
	for flags, want := range map[uint32]bool{0: false, 2129984: true, 0x00400000: false, 4228096: false} {
		if s := (procfs.Stat{Flags: flags}); s.KernelThread() != want {
			t.Errorf("flags %#x: kernel thread %v", flags, !want)
		}
	}
}

func TestForked(t *testing.T) {
	// The flags of a shell, of its subshell, and of a thread other than the leader.
	for flags, want := range map[uint32]bool{0: false, 0x00400000: false, 0x00400040: true, 0x00404040: true, ^uint32(0x40): false} {
		if s := (procfs.Stat{Flags: flags}); s.Forked() != want {
			t.Errorf("flags %#x: forked %v", flags, !want)
		}
	}
}

func TestIDString(t *testing.T) {
	if got := (procfs.ID{PID: 42, Start: 1<<64 - 1}).String(); got != "42@18446744073709551615" {
		t.Error(got)
	}
}

// TestStatOfAnotherPID checks that a stat file with another PID than its directory is an error. Lookup would not find
// such a process.
func TestStatOfAnotherPID(t *testing.T) {
	root := procfstest.Build(t, procfstest.Proc{PID: 5})
	fs := open(t, root)
	rename(t, root+"/5", root+"/6")
	if _, err := fs.Stat(6); err == nil || errors.Is(err, procfs.ErrNoProcess) {
		t.Errorf("the stat of 5 in the directory of 6: %v", err)
	}
}

func TestParseStatAllocations(t *testing.T) {
	line := []byte(procfstest.Proc{PID: 42, Comm: "a name of some bytes"}.StatLine())
	if n := testing.AllocsPerRun(100, func() {
		if _, err := procfs.ParseStat(line); err != nil {
			t.Error(err)
		}
	}); n > 1 {
		t.Errorf("%v allocations, want one, for the name", n)
	}
}

// TestSameProcess checks that SameProcess distinguishes two processes with the same PID and start time.
func TestSameProcess(t *testing.T) {
	const randomize = 0x00400000
	at := func(start, code, stack uint64) procfs.Stat {
		return procfs.Stat{ID: procfs.ID{PID: 7, Start: start}, Flags: randomize, StartCode: code, StartStack: stack}
	}
	layoutFixed := at(50, 11, 22)
	layoutFixed.Flags = 0
	for _, tt := range []struct {
		name        string
		before, now procfs.Stat
		want        bool
	}{
		{"started before the tick of the scan", at(49, 11, 22), at(49, 33, 44), true},
		{"another start time", at(49, 11, 22), at(50, 11, 22), false},
		{"the same tick, the same image", at(50, 11, 22), at(50, 11, 22), true},
		{"the same tick, another stack", at(50, 11, 22), at(50, 11, 23), false},
		{"the same tick, another program", at(50, 11, 22), at(50, 12, 22), false},
		{"the same tick, a layout that may not be read", at(50, 1, 1), at(50, 1, 1), false},
		{"the same tick, zeros", at(50, 0, 0), at(50, 0, 0), false},
		{"the same tick, without randomisation", layoutFixed, layoutFixed, false},
	} {
		s := procfs.Snapshot{Began: 50}
		if got := s.SameProcess(&tt.before, &tt.now); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

func FuzzParseStat(f *testing.F) {
	for _, name := range hostileNames {
		f.Add([]byte(procfstest.Proc{PID: 42, Comm: name}.StatLine()))
	}
	f.Add([]byte("9 (x) R 8 9 9 -2147483640 12 0 0 0 0 0 1 2 0 0 20 0 3 0 18446744073709551615"))
	f.Add([]byte("9 (x) X 0 -1 -1 0 -1 4 0 0 0 0 0 0 0 0 20 0 0 0 5 0 0\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		s, err := procfs.ParseStat(in)
		if err != nil {
			return
		}
		if s.PID <= 0 {
			t.Errorf("PID %d from %q", s.PID, in)
		}
		if !strings.Contains(string(in), "("+s.Comm+")") {
			t.Errorf("name %q is not in %q", s.Comm, in)
		}
		line := fmt.Sprintf("%d (%s) %c %d %d %d %d %d %d 0 0 0 0 0 0 0 0 0 0 %d 0 %d", s.PID, s.Comm, s.State, s.PPID,
			s.PGID, s.SID, int32(s.TTY), s.TPGID, s.Flags, s.Threads, s.Start)
		// A mask with all bits set is the same as none.
		line += fmt.Sprintf(" 0 0 0 %d 0 %d 0 0 0 %d %d %d", s.StartCode, s.StartStack, s.Blocked, s.Ignored, s.Caught)
		if s.ExitCode != -1 {
			line += strings.Repeat(" 0", 17) + fmt.Sprintf(" %d", s.ExitCode)
		}
		again, err := procfs.ParseStat([]byte(line))
		if err != nil {
			t.Fatalf("%q, printed as %q: %v", in, line, err)
		}
		if diff := cmp.Diff(s, again); diff != "" {
			t.Errorf("%q, printed as %q (-first +second):\n%s", in, line, diff)
		}
	})
}
