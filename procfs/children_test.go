package procfs_test

import (
	"os"
	"testing"

	"killbox/procfs"
	"killbox/procfs/procfstest"

	"github.com/google/go-cmp/cmp"
)

// TestSnapshotTree checks that SnapshotTree finds the same members as a scan of the process table, or returns false.
func TestSnapshotTree(t *testing.T) {
	root := procfstest.Build(t,
		procfstest.Proc{PID: 1, SID: 1},
		procfstest.Proc{PID: 10, PPID: 1, SID: 1, Threads: 1},
		procfstest.Proc{PID: 11, PPID: 10, SID: 1, Threads: 2},
		procfstest.Proc{PID: 12, PPID: 11, SID: 1, State: 'Z'},
		procfstest.Proc{PID: 9, PPID: 11, SID: 1},
		procfstest.Proc{PID: 20, PPID: 1, SID: 1},
		procfstest.Proc{PID: 30, PPID: 1, SID: 1},
		procfstest.Proc{PID: 31, PPID: 30, SID: 31},
		procfstest.Proc{PID: 32, PPID: 1, SID: 31},
	)
	fs := open(t, root)
	for _, tt := range []struct {
		root            procfs.ID
		includeSessions bool
		want            []int // nil if SnapshotTree returns false
	}{
		{id(10), true, []int{9, 10, 11, 12}},
		{id(11), true, []int{9, 11, 12}},
		{id(12), true, []int{12}},
		{procfs.ID{PID: 20, Start: 19}, true, []int{}},
		{id(30), false, []int{30, 31}},
		{id(30), true, nil},
		{id(77), true, []int{}},
	} {
		var tree, table procfs.Snapshot
		ok := fs.SnapshotTree([]procfs.ID{tt.root}, tt.includeSessions, &tree)
		if ok != (tt.want != nil) {
			t.Errorf("%v: %v", tt.root, ok)
		}
		if !ok {
			continue
		}
		query := procfs.TreeQuery{Roots: []procfs.ID{tt.root}, IncludeSessions: tt.includeSessions}
		got := append([]int{}, pidsOf(tree.Descendants(query))...)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%v (-want +got):\n%s", tt.root, diff)
		}
		if err := fs.Snapshot(&table); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(append([]int{}, pidsOf(table.Descendants(query))...), got); diff != "" {
			t.Errorf("%v (-table +tree):\n%s", tt.root, diff)
		}
	}
	for _, pid := range []string{"10", "11"} {
		if err := os.Remove(root + "/" + pid + "/task/" + pid + "/children"); err != nil {
			t.Fatal(err)
		}
		if fs.SnapshotTree([]procfs.ID{id(10)}, true, new(procfs.Snapshot)) {
			t.Errorf("true without the children file of %s", pid)
		}
	}
}
