package escalate

import (
	"errors"
	"strings"
	"testing"

	"killbox/procfs"
)

// TestDoubt: the doubt is what keeps the last scan from being a proof, and nothing else.
func TestDoubt(t *testing.T) {
	member := []procfs.Stat{{ID: procfs.ID{PID: 10, Start: 1}, PGID: 10}}
	churn := procfs.Snapshot{FirstPID: 20, LastPID: 21}
	noLast := procfs.Snapshot{LastPIDErr: errors.New("/proc/loadavg is faked")}
	hidden := procfs.Snapshot{Hidden: 1, LastPIDErr: noLast.LastPIDErr}
	seen := procfs.Snapshot{FirstPID: 20, LastPID: 21, Procs: member}
	for _, test := range []struct {
		name    string
		tree    tree
		suspect *procfs.Stat
		want    string
	}{
		{"churn", tree{snap: churn}, nil, tooFast},
		{"no loadavg", tree{snap: noLast}, nil, "/proc/loadavg is faked, so processes that were forked during the scan cannot be excluded"},
		{"no last PID", tree{}, nil, "/proc/loadavg cannot be read, so processes that were forked during the scan cannot be excluded"},
		{"hidepid=1", tree{snap: hidden}, nil, concealed},
		{"a hidden member", tree{snap: churn, unseen: true}, nil, hiddenMembers},
		{"a group without members", tree{snap: churn, groups: map[int]bool{10: true}}, nil, "group 10 exists, and none of its members can be seen"},
		{"a group that is gone", tree{snap: churn, groups: map[int]bool{10: false}}, nil, tooFast},
		{"a group with a member", tree{snap: seen, groups: map[int]bool{10: true}}, nil, tooFast},
		{"a suspect", tree{snap: noLast}, &procfs.Stat{ID: procfs.ID{PID: 7}, Comm: "x"}, "7 (x) is orphaned, and may descend from the tree"},
	} {
		test.tree.r = &run{plan: &Plan{Tree: &Tree{Groups: []int{10}}}}
		if got := test.tree.doubt(test.suspect); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
	for _, test := range []struct {
		name   string
		groups groups
		want   string
	}{
		{"churn", groups{snap: churn, list: map[int]*group{10: {pgid: 10, seen: true}}}, tooFast},
		{"no loadavg", groups{snap: noLast, list: map[int]*group{10: {pgid: 10, seen: true}}}, "/proc/loadavg is faked"},
		{"not seen", groups{snap: noLast, list: map[int]*group{10: {pgid: 10}}}, "group 10 exists, and none of its members can be seen"},
		{"refused", groups{snap: churn, list: map[int]*group{10: {pgid: 10, refused: true}}}, tooFast},
	} {
		if got := test.groups.doubt(); !strings.HasPrefix(got, test.want) {
			t.Errorf("groups, %s: %q, want %q", test.name, got, test.want)
		}
	}
}
