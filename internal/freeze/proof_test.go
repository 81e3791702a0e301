package freeze

import (
	"testing"

	"killbox/procfs"
)

// treeFake is a tree whose only member is the process 100.
type treeFake struct{ disowned, excluded int }

func (treeFake) Attributed(id procfs.ID) bool    { return id.PID == 100 }
func (t treeFake) Disowned(id procfs.ID) bool    { return id.PID == t.disowned }
func (t treeFake) Excluded(st *procfs.Stat) bool { return st.PID == t.excluded }
func (treeFake) Comms() map[string]bool          { return map[string]bool{"worker": true} }

func process(pid, ppid int, comm string) procfs.Stat {
	return procfs.Stat{ID: procfs.ID{PID: pid, Start: uint64(1000 + pid)}, PPID: ppid, Comm: comm, State: 'S', Threads: 1}
}

// TestSuspect: a new process outside of the tree is a suspect if its parent can adopt orphans of the tree.
func TestSuspect(t *testing.T) {
	root := process(100, 40, "worker")
	before := []procfs.Stat{process(1, 0, "init"), process(40, 1, "sh"), process(60, 1, "daemon"), root}
	zombie := process(300, 1, "worker")
	zombie.State = 'Z'
	for _, test := range []struct {
		name  string
		new   procfs.Stat
		churn bool
		tree  treeFake
		want  bool
	}{
		{"adopted by init", process(300, 1, "other"), true, treeFake{}, true},
		{"adopted by an ancestor of the root", process(300, 40, "other"), true, treeFake{}, true},
		{"child of an unrelated process", process(300, 60, "other"), true, treeFake{}, false},
		{"child of a process with a reused PID", process(300, 60, "other"), true, treeFake{disowned: 60}, true},
		{"child of a process that the scan does not show", process(300, 299, "other"), true, treeFake{}, true},
		{"a zombie", zombie, true, treeFake{}, false},
		{"excluded", process(300, 1, "other"), true, treeFake{excluded: 300}, false},
		{"not churning, another name", process(300, 1, "other"), false, treeFake{}, false},
		{"not churning, the name of a member", process(300, 1, "worker"), false, treeFake{}, true},
	} {
		p := NewProof(Claim{Targets: []procfs.Stat{root}})
		p.RecordBaseline(&procfs.Snapshot{Procs: before, FirstPID: 200, LastPID: 200}, []procfs.ID{root.ID}, test.tree)
		if test.churn {
			p.NoteChurn()
		}
		after := procfs.Snapshot{Procs: append(before[:len(before):len(before)], test.new)}
		suspect := p.Suspect(&after, test.tree)
		if (suspect != nil) != test.want || suspect != nil && suspect.ID != test.new.ID {
			t.Errorf("%s: %v", test.name, suspect)
		}
	}
}

// TestSuspectParent: a process is no suspect if it descends from an unrelated process that lives.
func TestSuspectParent(t *testing.T) {
	root := process(100, 40, "worker")
	before := []procfs.Stat{process(1, 0, "init"), process(40, 1, "sh"), process(60, 1, "daemon"), root}
	zombie := process(300, 60, "other")
	zombie.State = 'Z'
	for _, test := range []struct {
		name string
		new  []procfs.Stat
		want int // PID of the suspect, 0 if there is none
	}{
		{"a grandchild of an unrelated process", []procfs.Stat{process(300, 60, "other"), process(301, 300, "other")}, 0},
		{"a child of an orphan", []procfs.Stat{process(300, 1, "other"), process(301, 300, "other")}, 300},
		{"a child of a process that has ended", []procfs.Stat{zombie, process(301, 300, "other")}, 301},
		{"a loop of parents", []procfs.Stat{process(300, 301, "other"), process(301, 300, "other")}, 300},
	} {
		p := NewProof(Claim{Targets: []procfs.Stat{root}})
		p.RecordBaseline(&procfs.Snapshot{Procs: before, FirstPID: 200, LastPID: 200}, []procfs.ID{root.ID}, treeFake{})
		p.NoteChurn()
		after := procfs.Snapshot{Procs: append(before[:len(before):len(before)], test.new...)}
		got := 0
		if suspect := p.Suspect(&after, treeFake{}); suspect != nil {
			got = suspect.PID
		}
		if got != test.want {
			t.Errorf("%s: suspect %d, want %d", test.name, got, test.want)
		}
	}
}

// TestSuspectSession: an orphan is no suspect if its session has a process that is older than the tree, and never had a
// member or an adopter.
func TestSuspectSession(t *testing.T) {
	in := func(st procfs.Stat, sid int) procfs.Stat {
		st.SID = sid
		return st
	}
	root := in(process(100, 40, "worker"), 40)
	member := in(process(101, 100, "worker"), 101)
	hidden := in(procfs.Stat{ID: procfs.ID{PID: 300}, PPID: 1, State: procfs.StateHidden, Threads: 1}, 300)
	for _, test := range []struct {
		name    string
		session int // of the orphan
		other   procfs.Stat
		orphan  procfs.Stat
		suspect bool
	}{
		{"the session of an older process", 60, in(process(60, 1, "daemon"), 60), process(300, 1, "other"), false},
		{"the session of a younger process", 160, in(process(160, 1, "daemon"), 160), process(300, 1, "other"), true},
		{"the session of the root", 40, in(process(60, 1, "daemon"), 40), process(300, 1, "other"), true},
		{"the session of a member that has ended", 101, in(process(60, 1, "daemon"), 101), process(300, 1, "other"), true},
		{"the session of init", 1, in(process(60, 1, "daemon"), 1), process(300, 1, "other"), true},
		{"a session of its own", 300, in(process(60, 1, "daemon"), 60), process(300, 1, "other"), true},
		{"a session outside of the PID namespace", 0, in(process(60, 1, "daemon"), 0), process(300, 1, "other"), true},
		{"a hidden process in a session of its own", 300, in(process(60, 1, "daemon"), 60), hidden, true},
		{"a hidden process in its session", 300, hidden, in(process(301, 1, "other"), 300), true},
	} {
		p := NewProof(Claim{Targets: []procfs.Stat{root}})
		before := []procfs.Stat{in(process(1, 0, "init"), 1), in(process(40, 1, "sh"), 40), test.other, root}
		p.RecordBaseline(&procfs.Snapshot{Procs: before, FirstPID: 200, LastPID: 200}, []procfs.ID{root.ID}, treeFake{})
		p.NoteMember(&member)
		p.NoteChurn()
		after := procfs.Snapshot{Procs: append(before[:len(before):len(before)], in(test.orphan, test.session))}
		if suspect := p.Suspect(&after, treeFake{}); suspect != nil != test.suspect {
			t.Errorf("%s: suspect %v, want %v", test.name, suspect, test.suspect)
		}
	}
}

// TestBaseline: a process counts as new if it may have been forked or orphaned since the baseline.
func TestBaseline(t *testing.T) {
	root := process(100, 40, "worker")
	for _, test := range []struct {
		name        string
		first, last int
		pid         int
		ended       bool // the root ended before the first scan
		sibling     bool // the process was a child of an ancestor of the root before the first scan
		new         bool
	}{
		{"older than the scan", 200, 200, 150, false, false, false},
		{"allocated during the scan", 200, 210, 205, false, false, true},
		{"allocated during the scan, PIDs wrapped around", 32760, 310, 305, false, false, true},
		{"older than the scan, PIDs wrapped around", 32760, 310, 400, false, false, false},
		{"an orphan of a root that has ended", 200, 200, 150, true, false, true},
		{"older than the root that has ended", 200, 200, 90, true, false, false},
		{"a sibling of a root that has ended", 200, 200, 150, true, true, false},
	} {
		p := NewProof(Claim{Targets: []procfs.Stat{root}})
		if test.sibling {
			p.siblings = map[int]bool{test.pid: true}
		}
		st := process(test.pid, 1, "worker")
		procs := []procfs.Stat{process(1, 0, "init"), process(40, 1, "sh"), root, st}
		if test.ended {
			procs = append(procs[:2:2], st)
		}
		snap := procfs.Snapshot{Procs: procs, FirstPID: test.first, LastPID: test.last}
		p.RecordBaseline(&snap, []procfs.ID{root.ID}, treeFake{})
		if got := p.isNew(&st); got != test.new {
			t.Errorf("%s: new %v", test.name, got)
		}
	}
}

// TestJudge: a complete scan without a newcomer proves a freeze. So do StableScans scans if the tree is not churning.
func TestJudge(t *testing.T) {
	complete := procfs.Snapshot{FirstPID: 20, LastPID: 20}
	churn := procfs.Snapshot{FirstPID: 20, LastPID: 21}
	vanished := procfs.Snapshot{FirstPID: 20, LastPID: 20, Vanished: 1}
	for _, test := range []struct {
		name  string
		claim Claim
		note  func(*Proof)
		scan  procfs.Snapshot
		want  []Verdict // one for each repetition of the scan
		holds bool
	}{
		{"complete", Claim{}, nil, complete, []Verdict{Over}, true},
		{"PIDs allocated elsewhere", Claim{}, nil, churn, []Verdict{Stable, Stable, Over}, true},
		{"PIDs allocated elsewhere, strict", Claim{Strict: true}, nil, churn, []Verdict{Inconclusive, Inconclusive, Inconclusive}, false},
		{"complete, strict", Claim{Strict: true}, nil, complete, []Verdict{Over}, true},
		{"churning", Claim{}, (*Proof).NoteChurn, churn, []Verdict{Inconclusive, Inconclusive, Inconclusive}, false},
		{"churning, a process vanished", Claim{}, (*Proof).NoteChurn, vanished, []Verdict{Inconclusive}, false},
		{"churning, complete", Claim{}, (*Proof).NoteChurn, complete, []Verdict{Over}, true},
		{"a hidden member", Claim{Strict: true}, (*Proof).NoteHidden, complete, []Verdict{Over}, false},
	} {
		p := NewProof(test.claim)
		p.BeginFreeze()
		if test.note != nil {
			test.note(p)
		}
		for i, want := range test.want {
			if got := p.Judge(&test.scan, treeFake{}); got != want {
				t.Errorf("%s: scan %d: verdict %d, want %d", test.name, i, got, want)
			}
		}
		if p.Proved() != test.holds {
			t.Errorf("%s: proved %v", test.name, p.Proved())
		}
	}
}
