// Package procfstest builds directories that procfs.Open accepts as /proc, so that tests need no real processes.
package procfstest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Uptime is the time since boot, in seconds, that Build writes. A process whose Start is Ticks(age) is age seconds old.
const Uptime = 1_000_000

// Ticks returns the start time, in clock ticks since boot, of a process that was started the given number of seconds
// ago.
func Ticks(seconds float64) uint64 { return uint64((Uptime - seconds) * 100) }

// Proc describes a process for Build, or a thread for AddThread. Only PID is required.
type Proc struct {
	PID   int
	Start uint64 // PID if 0
	Comm  string // any bytes
	State byte   // S if 0

	PPID    int
	PGID    int // PID if 0, except for kernel threads
	SID     int // PGID if 0
	TTY     uint32
	TPGID   int // -1 if 0
	Flags   uint64
	Threads int // 1 if 0

	ExitCode int

	StartCode  uint64 // 1 if 0
	StartStack uint64

	UID, GID                                         int
	TracerPID                                        int
	NSPID                                            []int // PID if nil
	VmHWM, VmRSS, Effective                          uint64
	ThreadPending, Pending, Blocked, Ignored, Caught uint64

	Cmdline []string // an empty file if nil
	Environ []string // an empty file if nil
	Cgroup  string   // the path in the v2 hierarchy, "/" if empty
	Wchan   string   // "0" if empty
	Exe     string   // no link if empty, as for a kernel thread
}

// kthread is PF_KTHREAD.
const kthread = 0x00200000

// Build returns a new directory with the given processes. Its loadavg shows the highest of their PIDs as the last PID;
// its uptime shows Uptime. The directory is removed at the end of the test.
func Build(t testing.TB, procs ...Proc) string {
	t.Helper()
	root := t.TempDir()
	last := 1
	for _, p := range procs {
		last = max(last, p.PID)
	}
	SetLastPID(t, root, last)
	write(t, filepath.Join(root, "uptime"), fmt.Sprintf("%d.00 %d.00\n", Uptime, Uptime))
	// Directories that a scan of the processes must ignore.
	write(t, filepath.Join(root, "self", "mountinfo"),
		"22 1 0:21 / /proc rw,relatime - proc proc rw\n24 1 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n")
	write(t, filepath.Join(root, "sys", "kernel", "pid_max"), "4194304\n")
	Add(t, root, procs...)
	return root
}

// Add adds processes to root, or replaces those with the same PID.
func Add(t testing.TB, root string, procs ...Proc) {
	t.Helper()
	for _, p := range procs {
		p.build(t, root)
	}
	writeChildren(t, root)
}

// Remove removes processes from root, as if they had been reaped. It does not reparent their children.
func Remove(t testing.TB, root string, pids ...int) {
	t.Helper()
	for _, pid := range pids {
		if err := os.RemoveAll(filepath.Join(root, strconv.Itoa(pid))); err != nil {
			t.Fatal(err)
		}
	}
	writeChildren(t, root)
}

// SetLastPID writes a loadavg that shows pid as the PID allocated last.
func SetLastPID(t testing.TB, root string, pid int) {
	t.Helper()
	write(t, filepath.Join(root, "loadavg"), fmt.Sprintf("0.10 0.20 0.30 1/234 %d\n", pid))
}

// StatLine returns the content of /proc/PID/stat for p.
func (p Proc) StatLine() string {
	p = p.filled()
	return fmt.Sprintf("%d (%s) %c %d %d %d %d %d %d 10 20 30 40 50 60 5 6 20 0 %d 0 %d"+
		" 4096 100 18446744073709551615 %d 1 %d 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 %d\n",
		p.PID, p.Comm, p.State, p.PPID, p.PGID, p.SID, int32(p.TTY), p.TPGID, p.Flags,
		p.Threads, p.Start, p.StartCode, p.StartStack, p.ExitCode)
}

// StatusText returns the content of /proc/PID/status for p.
func (p Proc) StatusText() string {
	p = p.filled()
	var b strings.Builder
	name := strings.NewReplacer(`\`, `\\`, "\n", `\n`).Replace(p.Comm)
	fmt.Fprintf(&b, "Name:\t%s\nUmask:\t0022\nState:\t%c (described)\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t%d\n",
		name, p.State, p.PID, p.PID, p.PPID, p.TracerPID)
	for _, owner := range []struct {
		key string
		id  int
	}{{"Uid", p.UID}, {"Gid", p.GID}} {
		id := uint32(owner.id)
		fmt.Fprintf(&b, "%s:\t%d\t%d\t%d\t%d\n", owner.key, id, id, id, id)
	}
	b.WriteString("FDSize:\t64\nGroups:\t \nNSpid:")
	for _, pid := range p.NSPID {
		fmt.Fprintf(&b, "\t%d", pid)
	}
	b.WriteByte('\n')
	if p.State != 'Z' {
		fmt.Fprintf(&b, "VmHWM:\t%8d kB\nVmRSS:\t%8d kB\n", p.VmHWM, p.VmRSS)
	}
	fmt.Fprintf(&b, "Threads:\t%d\nSigQ:\t0/1000\nSigPnd:\t%016x\nShdPnd:\t%016x\nSigBlk:\t%016x\nSigIgn:\t%016x\nSigCgt:\t%016x\nCapEff:\t%016x\n",
		p.Threads, p.ThreadPending, p.Pending, p.Blocked, p.Ignored, p.Caught, p.Effective)
	b.WriteString("voluntary_ctxt_switches:\t1\nnonvoluntary_ctxt_switches:\t2\n")
	return b.String()
}

// filled returns a copy of p with the default values set.
func (p Proc) filled() Proc {
	if p.Start == 0 {
		p.Start = uint64(p.PID)
	}
	if p.State == 0 {
		p.State = 'S'
	}
	if p.PGID == 0 && p.Flags&kthread == 0 {
		p.PGID = p.PID
	}
	if p.SID == 0 {
		p.SID = p.PGID
	}
	if p.TPGID == 0 {
		p.TPGID = -1
	}
	if p.Threads == 0 {
		p.Threads = 1
	}
	if p.StartCode == 0 {
		p.StartCode = 1
	}
	if p.NSPID == nil {
		p.NSPID = []int{p.PID}
	}
	return p
}

// AddThread adds a thread to the process pid in root. p.PID is the TID of the thread.
func AddThread(t testing.TB, root string, pid int, p Proc) {
	t.Helper()
	p.build(t, filepath.Join(root, strconv.Itoa(pid), "task"))
}

// build writes the directory of a process or thread below root.
func (p Proc) build(t testing.TB, root string) {
	t.Helper()
	dir := filepath.Join(root, strconv.Itoa(p.PID))
	cgroup, wchan := p.Cgroup, p.Wchan
	if cgroup == "" {
		cgroup = "/"
	}
	if wchan == "" {
		wchan = "0"
	}
	for name, content := range map[string]string{
		"stat":    p.StatLine(),
		"status":  p.StatusText(),
		"cmdline": terminated(p.Cmdline),
		"environ": terminated(p.Environ),
		"cgroup":  "0::" + cgroup + "\n",
		"wchan":   wchan,
		"comm":    p.Comm + "\n",
	} {
		write(t, filepath.Join(dir, name), content)
	}
	exe := filepath.Join(dir, "exe")
	if err := os.Remove(exe); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if p.Exe != "" {
		if err := os.Symlink(p.Exe, exe); err != nil {
			t.Fatal(err)
		}
	}
}

// writeChildren writes task/PID/children of each process. The file lists all children of the process, as if the leader
// had forked all of them.
func writeChildren(t testing.TB, root string) {
	t.Helper()
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	of := map[int][]int{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile(filepath.Join(root, e.Name(), "stat"))
		if errors.Is(err, fs.ErrNotExist) {
			continue // a directory that the test has made, without a stat file
		}
		if err != nil {
			t.Fatal(err)
		}
		var state byte
		var ppid int
		after := stat[strings.LastIndexByte(string(stat), ')')+1:]
		if _, err := fmt.Sscanf(string(after), " %c %d", &state, &ppid); err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
		of[ppid] = append(of[ppid], pid)
	}
	for _, pid := range pids {
		slices.Sort(of[pid])
		var line strings.Builder
		for _, child := range of[pid] {
			fmt.Fprintf(&line, "%d ", child)
		}
		number := strconv.Itoa(pid)
		write(t, filepath.Join(root, number, "task", number, "children"), line.String())
	}
}

func terminated(words []string) string {
	if len(words) == 0 {
		return ""
	}
	return strings.Join(words, "\x00") + "\x00"
}

func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
