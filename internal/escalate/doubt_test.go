package escalate

import (
	"errors"
	"strings"
	"testing"
	"time"

	"killbox/internal/freeze"
	"killbox/internal/signals"
	"killbox/procfs"
)

// TestGroupDoubt: the doubt names the reason why the last scan is no proof.
func TestGroupDoubt(t *testing.T) {
	churn := procfs.Snapshot{FirstPID: 20, LastPID: 21}
	noLast := procfs.Snapshot{LastPIDErr: errors.New("/proc/loadavg is faked")}
	const unseen = "group 10 exists, and none of its members can be seen"
	for _, test := range []struct {
		name string
		scan groupScan
		want string
	}{
		{"churn", groupScan{snap: churn, list: map[int]*group{10: {pgid: 10, seen: true}}}, freeze.TooFast},
		{"no loadavg", groupScan{snap: noLast, list: map[int]*group{10: {pgid: 10, seen: true}}}, "/proc/loadavg is faked"},
		{"not seen", groupScan{snap: noLast, list: map[int]*group{10: {pgid: 10}}}, unseen},
		{"refused", groupScan{snap: churn, list: map[int]*group{10: {pgid: 10, refused: true}}}, freeze.TooFast},
	} {
		g := groups{groupScan: &test.scan}
		if got := g.doubt(); !strings.HasPrefix(got, test.want) {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// TestUnseenGroupOfATree: if a group still exists and the scan shows no member of it, the doubt names the group.
func TestUnseenGroupOfATree(t *testing.T) {
	member := []procfs.Stat{{ID: procfs.ID{PID: 10, Start: 1}, PGID: 10}}
	for _, test := range []struct {
		name  string
		procs []procfs.Stat
		lives bool
		want  string
	}{
		{"a group without members", nil, true, "group 10 exists, and none of its members can be seen"},
		{"a group that is gone", nil, false, freeze.TooFast},
		{"a group with a member", member, true, freeze.TooFast},
	} {
		a := &attribution{tree: &Tree{Groups: []int{10}}, groups: map[int]bool{10: test.lives}, proof: freeze.NewProof(freeze.Claim{})}
		scan := treeScan{attribution: a, snap: procfs.Snapshot{FirstPID: 20, LastPID: 21, Procs: test.procs}}
		if got := scan.doubtOf(nil); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// TestSuspectOfLaterFreeze: in the freeze of a later step, an orphan of a member that has just ended is a suspect,
// although the root is gone and no longer shows that a subreaper above it adopts orphans of the tree.
func TestSuspectOfLaterFreeze(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		w := newWorld(t)
		reaper := w.add(process{subreaper: true})
		root := w.add(process{Stat: procfs.Stat{PPID: reaper.PID}})
		member := w.add(process{Stat: procfs.Stat{PPID: root.PID}, handle: ignores(signals.TERM)})
		w.after(time.Second, func() {
			child := w.fork(member, process{})
			child.opening = func(p *process) {
				p.opening = nil
				w.fork(p, process{}).setsid()
				p.die()
			}
		})
		out := carryOut(w, freezing("TERM/5/KILL/2"), root)
		if out.Proved || !strings.Contains(out.Doubt, "may descend from the tree") {
			t.Errorf("proved %v, doubt %q, alive %v", out.Proved, out.Doubt, w.alive())
		}
	})
}
