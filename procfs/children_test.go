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
		ok := fs.SnapshotTree(procfs.PartialScan{Roots: []procfs.ID{tt.root}, IncludeSessions: tt.includeSessions}, &tree)
		if ok != (tt.want != nil) {
			t.Errorf("%v: %v", tt.root, ok)
		}
		if !ok {
			continue
		}
		if tree.Lookup(1) != nil {
			t.Errorf("%v: PID 1 was read, although Adopted is not set", tt.root)
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
		if fs.SnapshotTree(procfs.PartialScan{Roots: []procfs.ID{id(10)}, IncludeSessions: true}, new(procfs.Snapshot)) {
			t.Errorf("true without the children file of %s", pid)
		}
	}
}

// TestSnapshotTreeAdopted checks that SnapshotTree also reads the processes that can adopt orphans of the tree and
// their children, and no others.
func TestSnapshotTreeAdopted(t *testing.T) {
	root := procfstest.Build(t,
		procfstest.Proc{PID: 1, SID: 1},
		procfstest.Proc{PID: 2, SID: 2}, // parent outside of the PID namespace
		procfstest.Proc{PID: 5, PPID: 1, SID: 1, Threads: 2},
		procfstest.Proc{PID: 6, PPID: 5, SID: 1},
		procfstest.Proc{PID: 7, PPID: 6, SID: 1},
		procfstest.Proc{PID: 10, PPID: 5, SID: 1},
		procfstest.Proc{PID: 11, PPID: 10, SID: 1},
		procfstest.Proc{PID: 12, PPID: 10, SID: 1, State: 'Z'},
		procfstest.Proc{PID: 13, PPID: 11, SID: 1},
		procfstest.Proc{PID: 14, PPID: 5, SID: 1},
		procfstest.Proc{PID: 20, PPID: 1, SID: 20},
		procfstest.Proc{PID: 21, PPID: 20, SID: 20},
		procfstest.Proc{PID: 22, PPID: 21, SID: 20},
		procfstest.Proc{PID: 30, PPID: 2, SID: 30},
		procfstest.Proc{PID: 31, PPID: 30, SID: 30},
		procfstest.Proc{PID: 40, PPID: 41, SID: 40},
		procfstest.Proc{PID: 41, PPID: 40, SID: 40},
		procfstest.Proc{PID: 42, PPID: 41, SID: 40},
	)
	if err := os.Mkdir(root+"/23", 0o755); err != nil { // a child that is listed, but reaped before its stat is read
		t.Fatal(err)
	}
	overwrite(t, root+"/1/task/1/children", "5 20 23 ")
	// Another thread of 5 has forked 14.
	procfstest.AddThread(t, root, 5, procfstest.Proc{PID: 8})
	overwrite(t, root+"/5/task/5/children", "6 10 ")
	overwrite(t, root+"/5/task/8/children", "14 ")
	fs := open(t, root)
	for _, tt := range []struct {
		roots           []procfs.ID
		includeSessions bool
		want            []int
	}{
		{[]procfs.ID{id(10)}, true, []int{1, 5, 6, 10, 11, 12, 13, 14, 20}},
		{[]procfs.ID{id(11)}, true, []int{1, 5, 6, 10, 11, 12, 13, 14, 20}},
		{[]procfs.ID{id(20)}, false, []int{1, 5, 20, 21, 22}},
		{[]procfs.ID{id(13), id(22)}, true, []int{1, 5, 6, 10, 11, 12, 13, 14, 20, 21, 22}},
		{[]procfs.ID{id(30)}, false, []int{1, 2, 5, 20, 30, 31}},
		{[]procfs.ID{id(1)}, false, []int{1, 5, 6, 7, 10, 11, 12, 13, 14, 20, 21, 22}},
		{[]procfs.ID{id(42)}, true, []int{1, 5, 20, 40, 41, 42}}, // the ancestors form a loop
		{[]procfs.ID{id(77)}, true, []int{1, 5, 20}},             // the root has ended
	} {
		var tree procfs.Snapshot
		scan := procfs.PartialScan{Roots: tt.roots, IncludeSessions: tt.includeSessions, Adopted: true}
		if !fs.SnapshotTree(scan, &tree) {
			t.Errorf("%v: false", tt.roots)
			continue
		}
		if diff := cmp.Diff(tt.want, pidsOf(pointers(&tree))); diff != "" {
			t.Errorf("%v (-want +got):\n%s", tt.roots, diff)
		}
		var table procfs.Snapshot
		if err := fs.Snapshot(&table); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(table.Adopters(tt.roots), tree.Adopters(tt.roots)); diff != "" {
			t.Errorf("%v: adopters (-table +tree):\n%s", tt.roots, diff)
		}
	}
}
