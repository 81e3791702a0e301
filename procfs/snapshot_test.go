package procfs_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"killbox/procfs"
	"killbox/procfs/procfstest"

	"github.com/google/go-cmp/cmp"
)

func TestSnapshot(t *testing.T) {
	root := procfstest.Build(t,
		procfstest.Proc{PID: 1, Comm: "init"},
		procfstest.Proc{PID: 2, Comm: "kthreadd", Flags: 0x00200000},
		procfstest.Proc{PID: 10, PPID: 1, Comm: "sh"},
		procfstest.Proc{PID: 100, PPID: 10, PGID: 100, SID: 10},
		procfstest.Proc{PID: 11, PPID: 10, PGID: 100, SID: 10},
		procfstest.Proc{PID: 9, PPID: 11, PGID: 9, SID: 9},
	)
	// A process that is listed, but reaped before its stat is read.
	if err := os.Mkdir(root+"/12", 0o755); err != nil {
		t.Fatal(err)
	}
	fs := open(t, root)
	var s procfs.Snapshot
	for range 2 { // the second scan reuses the memory of the first
		if err := fs.Snapshot(&s); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]int{1, 2, 9, 10, 11, 100}, pidsOf(pointers(&s))); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	}
	if !s.NoPIDAllocated() || s.FirstPID != 100 || s.Hidden != 0 {
		t.Errorf("from %d to %d, %d hidden", s.FirstPID, s.LastPID, s.Hidden)
	}
	if p := s.Lookup(10); p == nil || p.Comm != "sh" || p != &s.Procs[3] {
		t.Errorf("Lookup(10) = %+v", p)
	}
	for _, pid := range []int{0, -1, 3, 12, 101} {
		if p := s.Lookup(pid); p != nil {
			t.Errorf("Lookup(%d) = %+v", pid, p)
		}
	}
	if diff := cmp.Diff([]int{11, 100}, pidsOf(s.Group(100))); diff != "" {
		t.Errorf("Group (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int{10, 11, 100}, pidsOf(s.Session(10))); diff != "" {
		t.Errorf("Session (-want +got):\n%s", diff)
	}
	if got := s.Group(77); got != nil {
		t.Errorf("Group(77) = %v", got)
	}
	if diff := cmp.Diff([]procfs.ID{{PID: 11, Start: 11}, {PID: 10, Start: 10}, {PID: 1, Start: 1}}, s.Ancestors(9)); diff != "" {
		t.Errorf("Ancestors (-want +got):\n%s", diff)
	}
	for _, pid := range []int{1, 2, 77} {
		if got := s.Ancestors(pid); got != nil {
			t.Errorf("Ancestors(%d) = %v", pid, got)
		}
	}

	procfstest.Remove(t, root, 100, 9)
	procfstest.Add(t, root, procfstest.Proc{PID: 13, PPID: 1})
	procfstest.SetLastPID(t, root, 13)
	if err := fs.Snapshot(&s); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{1, 2, 10, 11, 13}, pidsOf(pointers(&s))); diff != "" || s.LastPID != 13 {
		t.Errorf("after a change: %d (-want +got):\n%s", s.LastPID, diff)
	}
	for i, comm := range []string{"init", "kthreadd", "sh", "", ""} {
		if s.Procs[i].Comm != comm {
			t.Errorf("the name of %d is %q, want %q", s.Procs[i].PID, s.Procs[i].Comm, comm)
		}
	}
}

func TestMayBeNew(t *testing.T) {
	const began = 1000
	for _, tt := range []struct {
		first, last int
		during, not []int
	}{
		{100, 103, []int{101, 102, 103}, []int{1, 99, 100, 104, 4194304}},
		{100, 100, nil, []int{1, 99, 100, 101}},
		{32766, 301, []int{32767, 32768, 1, 300, 301}, []int{302, 5000, 32765, 32766}}, // PIDs have wrapped around
		{32768, 300, []int{1, 300}, []int{301, 32768}},
		{0, 0, nil, []int{1, 100}},       // no PID is known
		{100, 0, []int{1, 99, 101}, nil}, // the last PID is not known
	} {
		s := procfs.Snapshot{FirstPID: tt.first, LastPID: tt.last, Began: began}
		mayBeNew := func(pid int, start uint64) bool {
			return s.MayBeNew(&procfs.Stat{ID: procfs.ID{PID: pid, Start: start}})
		}
		for _, pid := range tt.during {
			if !mayBeNew(pid, began) {
				t.Errorf("from %d to %d: %d is not new", tt.first, tt.last, pid)
			}
			if mayBeNew(pid, began-1) {
				t.Errorf("from %d to %d: %d is new, although it was started before", tt.first, tt.last, pid)
			}
		}
		for _, pid := range tt.not {
			if mayBeNew(pid, began) {
				t.Errorf("from %d to %d: %d is new", tt.first, tt.last, pid)
			}
		}
	}
}

// TestSnapshotWithoutLoadavg covers a /proc mounted with subset=pid: if the last PID is not known, NoPIDAllocated must
// be false.
func TestSnapshotWithoutLoadavg(t *testing.T) {
	root := procfstest.Build(t, procfstest.Proc{PID: 1})
	if err := os.Remove(root + "/loadavg"); err != nil {
		t.Fatal(err)
	}
	s := procfs.Snapshot{FirstPID: 3, LastPID: 3}
	fs := open(t, root)
	if err := fs.Snapshot(&s); err != nil || len(s.Procs) != 1 {
		t.Fatalf("%d processes, %v", len(s.Procs), err)
	}
	if s.NoPIDAllocated() {
		t.Error("NoPIDAllocated is true, although the last PID is not known")
	}
	if err := os.Remove(root + "/uptime"); err != nil {
		t.Fatal(err)
	}
	if up, err := fs.Uptime(); err != nil || up <= 0 {
		t.Errorf("Uptime without the file: %v, %v", up, err)
	}
}

func TestSnapshotAllocations(t *testing.T) {
	var procs []procfstest.Proc
	for pid := 1; pid <= 50; pid++ {
		procs = append(procs, procfstest.Proc{PID: pid, Comm: fmt.Sprint("name", pid)})
	}
	fs := open(t, procfstest.Build(t, procs...))
	var s procfs.Snapshot
	if n := testing.AllocsPerRun(10, func() {
		if err := fs.Snapshot(&s); err != nil {
			t.Error(err)
		}
	}); n > 4*50 {
		t.Errorf("%v allocations for 50 processes", n)
	}
}

func pointers(s *procfs.Snapshot) []*procfs.Stat {
	var out []*procfs.Stat
	for i := range s.Procs {
		out = append(out, &s.Procs[i])
	}
	return out
}

func pidsOf(procs []*procfs.Stat) []int {
	var pids []int
	for _, p := range procs {
		pids = append(pids, p.PID)
	}
	return pids
}

// proc returns a process for a snapshot. Its start time equals its PID. Its PGID equals its session ID.
func proc(pid, ppid, sid int) procfs.Stat {
	return procfs.Stat{ID: id(pid), PPID: ppid, SID: sid, PGID: sid}
}

func id(pid int) procfs.ID { return procfs.ID{PID: pid, Start: uint64(pid)} }

func ids(pids ...int) map[procfs.ID]bool {
	known := map[procfs.ID]bool{}
	for _, pid := range pids {
		known[id(pid)] = true
	}
	return known
}

func TestAncestorsInALoop(t *testing.T) {
	s := procfs.Snapshot{Procs: []procfs.Stat{proc(5, 7, 5), proc(6, 5, 5), proc(7, 6, 5), proc(8, 8, 8), proc(9, 5, 5)}}
	if diff := cmp.Diff([]procfs.ID{id(7), id(6)}, s.Ancestors(5)); diff != "" {
		t.Errorf("in the loop (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]procfs.ID{id(5), id(7), id(6)}, s.Ancestors(9)); diff != "" {
		t.Errorf("below the loop (-want +got):\n%s", diff)
	}
	if got := s.Ancestors(8); got != nil {
		t.Errorf("a process that is its own parent: %v", got)
	}
}

var descendantsTests = []struct {
	name     string
	procs    []procfs.Stat
	query    procfs.TreeQuery
	want     []int
	sessions map[int]bool // the content of query.Sessions afterwards
}{
	{
		name:  "no roots",
		procs: []procfs.Stat{proc(1, 0, 1)},
		query: procfs.TreeQuery{IncludeSessions: true},
	},
	{
		name: "descendants, also those with lower PIDs than their parents",
		procs: []procfs.Stat{proc(1, 0, 1), proc(3, 20, 1), proc(10, 1, 1), proc(11, 1, 1), proc(20, 10, 1), proc(21, 3, 1),
			proc(22, 11, 1)},
		query: procfs.TreeQuery{Roots: []procfs.ID{id(10)}, IncludeSessions: true},
		want:  []int{3, 10, 20, 21},
	},
	{
		name:  "a root whose PID was reused is no member",
		procs: []procfs.Stat{proc(1, 0, 1), proc(10, 1, 1), proc(11, 10, 1)},
		query: procfs.TreeQuery{Roots: []procfs.ID{{PID: 10, Start: 9}}, Known: map[procfs.ID]bool{{PID: 11, Start: 9}: true}},
	},
	{
		name:  "the children of a known member that was orphaned",
		procs: []procfs.Stat{proc(1, 0, 1), proc(11, 1, 1), proc(12, 11, 1), proc(13, 1, 1)},
		query: procfs.TreeQuery{Roots: []procfs.ID{id(10)}, Known: ids(10, 11)},
		want:  []int{11, 12},
	},
	{
		name:  "an orphan that is older than its adopter, a subreaper",
		procs: []procfs.Stat{proc(1, 0, 1), {ID: procfs.ID{PID: 11, Start: 2}, PPID: 50}, proc(50, 1, 50)},
		query: procfs.TreeQuery{Roots: []procfs.ID{id(50)}},
		want:  []int{11, 50},
	},
	{
		name:  "loops among parents",
		procs: []procfs.Stat{proc(5, 6, 1), proc(6, 5, 1), proc(7, 7, 1), proc(8, 9, 1), proc(9, 8, 1)},
		query: procfs.TreeQuery{Roots: []procfs.ID{id(5), id(7)}},
		want:  []int{5, 6, 7},
	},
	{
		name:     "processes in the session of a member, and their descendants",
		procs:    []procfs.Stat{proc(1, 0, 1), proc(10, 1, 1), proc(11, 10, 11), proc(12, 1, 11), proc(13, 12, 13), proc(14, 1, 13)},
		query:    procfs.TreeQuery{Roots: []procfs.ID{id(10)}, IncludeSessions: true, Sessions: map[int]bool{}},
		want:     []int{10, 11, 12, 13, 14},
		sessions: map[int]bool{11: true, 13: true},
	},
	{
		name:     "the same without IncludeSessions; the sessions are recorded all the same",
		procs:    []procfs.Stat{proc(1, 0, 1), proc(10, 1, 1), proc(11, 10, 11), proc(12, 1, 11), proc(13, 12, 13), proc(14, 1, 13)},
		query:    procfs.TreeQuery{Roots: []procfs.ID{id(10)}, Sessions: map[int]bool{}},
		want:     []int{10, 11},
		sessions: map[int]bool{11: true},
	},
	{
		name:  "IncludeSessions without a map to record the sessions in",
		procs: []procfs.Stat{proc(10, 1, 10), proc(12, 1, 10)},
		query: procfs.TreeQuery{Roots: []procfs.ID{id(10)}, IncludeSessions: true},
		want:  []int{10, 12},
	},
	{
		name:  "processes in the session of the root, which the root does not lead, are not members",
		procs: []procfs.Stat{proc(9, 1, 9), proc(10, 9, 9), proc(11, 9, 9)},
		query: procfs.TreeQuery{Roots: []procfs.ID{id(10)}, IncludeSessions: true, Sessions: map[int]bool{}},
		want:  []int{10},
	},
	{
		name:     "the session leader is gone, but a known member is in the session",
		procs:    []procfs.Stat{proc(1, 0, 1), proc(12, 1, 11), proc(13, 1, 11), proc(14, 13, 1)},
		query:    procfs.TreeQuery{Roots: []procfs.ID{id(10)}, Known: ids(10, 11, 12), Sessions: map[int]bool{11: true}, IncludeSessions: true},
		want:     []int{12, 13, 14},
		sessions: map[int]bool{11: true},
	},
	{
		name:     "the session leader is gone, no known member is in the session, and an unrelated process has the PID",
		procs:    []procfs.Stat{proc(1, 0, 1), {ID: procfs.ID{PID: 11, Start: 999}, PPID: 1, SID: 11}, proc(13, 11, 11)},
		query:    procfs.TreeQuery{Roots: []procfs.ID{id(10)}, Known: ids(10, 11, 12), Sessions: map[int]bool{11: true}, IncludeSessions: true},
		sessions: map[int]bool{11: true},
	},
	{
		name:     "the session leader and all known members are gone, but no process has the PID",
		procs:    []procfs.Stat{proc(1, 0, 1), proc(13, 1, 11), proc(14, 13, 14)},
		query:    procfs.TreeQuery{Roots: []procfs.ID{id(10)}, Known: ids(10, 11, 12), Sessions: map[int]bool{11: true}, IncludeSessions: true},
		want:     []int{13, 14},
		sessions: map[int]bool{11: true, 14: true},
	},
	{
		name:  "kernel threads and processes of outer namespaces share session 0, processes being reaped -1",
		procs: []procfs.Stat{proc(1, 0, 0), proc(2, 0, 0), proc(10, 1, 0), proc(11, 10, -1), proc(12, 1, -1)},
		query: procfs.TreeQuery{Roots: []procfs.ID{id(10)}, IncludeSessions: true, Sessions: map[int]bool{}},
		want:  []int{10, 11},
	},
}

func TestDescendants(t *testing.T) {
	for _, tt := range descendantsTests {
		t.Run(tt.name, func(t *testing.T) {
			s := procfs.Snapshot{Procs: tt.procs}
			known := len(tt.query.Known)
			// The first call adds sessions to query.Sessions. The second call, with these sessions, must return the
			// same members.
			for range 2 {
				if diff := cmp.Diff(tt.want, pidsOf(s.Descendants(tt.query))); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			}
			if len(tt.sessions)+len(tt.query.Sessions) > 0 {
				if diff := cmp.Diff(tt.sessions, tt.query.Sessions); diff != "" {
					t.Errorf("sessions (-want +got):\n%s", diff)
				}
			}
			if len(tt.query.Known) != known {
				t.Error("Known was changed")
			}
		})
	}
}

// TestDescendantsAgainstRules compares Descendants with descendantsByRules on random snapshots. They have only few
// PIDs, so that PIDs, parents and sessions often coincide.
func TestDescendantsAgainstRules(t *testing.T) {
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 0))
		var s procfs.Snapshot
		f := procfs.TreeQuery{Known: map[procfs.ID]bool{}, Sessions: map[int]bool{}, IncludeSessions: r.IntN(3) > 0}
		for pid := 1; pid <= 14; pid++ {
			p := procfs.Stat{ID: procfs.ID{PID: pid, Start: r.Uint64N(2)}, PPID: r.IntN(15), SID: r.IntN(16) - 1}
			if r.IntN(3) == 0 {
				p.SID = pid
			}
			if r.IntN(4) > 0 {
				s.Procs = append(s.Procs, p)
			}
			if r.IntN(5) == 0 {
				f.Known[procfs.ID{PID: pid, Start: 1}] = true
			}
			if r.IntN(5) == 0 {
				f.Sessions[pid] = true
			}
		}
		f.Roots = []procfs.ID{{PID: 1 + r.IntN(14), Start: 1}}
		want := descendantsByRules(&s, f)
		if diff := cmp.Diff(want, pidsOf(s.Descendants(f))); diff != "" {
			t.Fatalf("seed %d: %+v in %+v (-want +got):\n%s", seed, f, s.Procs, diff)
		}
		for _, pid := range want {
			if p := s.Lookup(pid); p.SID == pid && !f.Sessions[pid] {
				t.Fatalf("seed %d: session %d was not added", seed, pid)
			}
		}
	}
}

// descendantsByRules applies the rules in the comment of Descendants again and again until they add no more members.
func descendantsByRules(s *procfs.Snapshot, f procfs.TreeQuery) []int {
	member := map[int]bool{}
	ofTree := map[int]bool{} // true for the sessions in f.Sessions that have not ended
	for _, p := range s.Procs {
		if f.Known[p.ID] || slices.Contains(f.Roots, p.ID) {
			member[p.PID] = true
			ofTree[p.SID] = f.Sessions[p.SID]
		}
	}
	for sid := range f.Sessions {
		if s.Lookup(sid) == nil {
			ofTree[sid] = true
		}
	}
	for again := true; again; {
		again = false
		for _, p := range s.Procs {
			leader := s.Lookup(p.SID)
			isMember := member[p.PPID] || f.IncludeSessions && (ofTree[p.SID] || leader != nil && member[leader.PID] && leader.SID == leader.PID)
			if isMember && !member[p.PID] {
				member[p.PID], again = true, true
			}
		}
	}
	var out []int
	for _, p := range s.Procs {
		if member[p.PID] {
			out = append(out, p.PID)
		}
	}
	return out
}

func BenchmarkDescendants(b *testing.B) {
	for _, n := range []int{1000, 8000, 64000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var s procfs.Snapshot
			for pid := 1; pid <= n; pid++ {
				s.Procs = append(s.Procs, proc(pid, pid-1, pid-pid%100))
			}
			f := procfs.TreeQuery{Roots: []procfs.ID{id(1)}, IncludeSessions: true}
			for b.Loop() {
				s.Descendants(f)
			}
		})
	}
}

// TestSnapshotVanished checks that a process that was forked and has exited since the previous scan is counted once,
// whether it is a zombie or has been reaped.
func TestSnapshotVanished(t *testing.T) {
	root := procfstest.Build(t, procfstest.Proc{PID: 1}, procfstest.Proc{PID: 7, State: 'Z'})
	addReaped := func(pid string) { // a process that is listed, but reaped before its stat is read
		if err := os.Mkdir(root+"/"+pid, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	addReaped("8")
	fs := open(t, root)
	var s procfs.Snapshot
	for i, step := range []struct {
		happens func()
		want    int
	}{
		{func() {}, 2},
		{func() {}, 0},
		{func() { procfstest.Add(t, root, procfstest.Proc{PID: 9}); addReaped("10") }, 1},
		{func() { procfstest.Add(t, root, procfstest.Proc{PID: 9, State: 'Z'}) }, 0}, // listed by the scan before
	} {
		step.happens()
		if err := fs.Snapshot(&s); err != nil {
			t.Fatal(err)
		}
		if s.Vanished != step.want {
			t.Errorf("step %d: %d vanished, want %d", i, s.Vanished, step.want)
		}
	}
}
