package freeze

import (
	"errors"
	"testing"

	"killbox/procfs"
)

// TestDoubt: the doubt names the first reason that applies, in the order suspect, unseen group, hidden member, scan.
func TestDoubt(t *testing.T) {
	churn := procfs.Snapshot{FirstPID: 20, LastPID: 21}
	noLast := procfs.Snapshot{LastPIDErr: errors.New("/proc/loadavg is faked")}
	hidden := procfs.Snapshot{Hidden: 1, LastPIDErr: noLast.LastPIDErr}
	const noPID = ", so processes forked during the scan may have been missed"
	for _, test := range []struct {
		name    string
		proof   Proof
		snap    procfs.Snapshot
		suspect *procfs.Stat
		unseen  string
		want    string
	}{
		{"churn", Proof{}, churn, nil, "", TooFast},
		{"no loadavg", Proof{}, noLast, nil, "", "/proc/loadavg is faked" + noPID},
		{"no last PID", Proof{}, procfs.Snapshot{}, nil, "", "/proc/loadavg cannot be read" + noPID},
		{"hidepid=1", Proof{}, hidden, nil, "", concealed},
		{"a hidden member", Proof{hidden: true}, churn, nil, "", hiddenMembers},
		{"an unseen group", Proof{hidden: true}, churn, nil, UnseenGroup(10), "group 10 exists, and none of its members can be seen"},
		{"a suspect", Proof{}, noLast, &procfs.Stat{ID: procfs.ID{PID: 7}, Comm: "x"}, UnseenGroup(10), "7 (x) is orphaned, and may descend from the tree"},
	} {
		if got := test.proof.Doubt(&test.snap, test.suspect, test.unseen); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}
