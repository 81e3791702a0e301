package report

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"killbox/internal/signals"
	"killbox/procfs"
	"killbox/procfs/procfstest"
)

// TestPermitted checks the rules of kill(2). The directory of a process without the link ns/user stands for one that
// the sender may not examine.
func TestPermitted(t *testing.T) {
	const initial, below, other = procfs.InitialUserNamespace, "user:[4026532000]", "user:[4026532001]"
	root := procfstest.Build(t)
	proc, err := procfs.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	defer proc.Close()
	for i, test := range []struct {
		name      string
		sender    sender
		uids      [4]int // of the receiver
		sid       int
		namespace string // of the receiver; "" if it cannot be read
		sig       signals.Signal
		ok, known bool
	}{
		{"same real user", sender{uids: []int{5, 5}, namespace: initial}, [4]int{5, 9, 9, 9}, 1, "", signals.TERM, true, true},
		{"same saved user", sender{uids: []int{4, 5}, namespace: initial}, [4]int{9, 9, 5, 9}, 1, "", signals.TERM, true, true},
		{"the effective user does not count", sender{uids: []int{5, 5}, namespace: initial}, [4]int{9, 5, 9, 5}, 1, "", signals.TERM, false, true},
		{"other user", sender{uids: []int{5, 5}, namespace: initial}, [4]int{}, 1, "", signals.KILL, false, true},
		{"CONT in the session", sender{uids: []int{5, 5}, sid: 7, namespace: initial}, [4]int{}, 7, "", signals.CONT, true, true},
		{"CONT in another session", sender{uids: []int{5, 5}, sid: 7, namespace: initial}, [4]int{}, 8, "", signals.CONT, false, true},
		{"CAP_KILL", sender{uids: []int{5, 5}, maySend: true, namespace: initial}, [4]int{}, 1, "", signals.TERM, true, true},
		{"CAP_KILL in the same namespace", sender{uids: []int{0, 0}, maySend: true, namespace: below}, [4]int{9, 9, 9, 9}, 1, below, signals.TERM, true, true},
		{"CAP_KILL, and another namespace", sender{uids: []int{0, 0}, maySend: true, namespace: below}, [4]int{9, 9, 9, 9}, 1, other, signals.TERM, false, false},
		{"CAP_KILL, and an unknown namespace", sender{uids: []int{0, 0}, maySend: true, namespace: below}, [4]int{9, 9, 9, 9}, 1, "", signals.TERM, false, false},
		{"in a container of the user", sender{uids: []int{5, 5}, namespace: initial}, [4]int{9, 9, 9, 9}, 1, other, signals.TERM, false, false},
		{"unmapped users are not the same", sender{uids: []int{65534, 65534}, namespace: below}, [4]int{65534, 65534, 65534, 65534}, 1, "", signals.TERM, false, false},
		{"the user nobody", sender{uids: []int{65534, 65534}, namespace: initial}, [4]int{65534, 65534, 65534, 65534}, 1, "", signals.TERM, true, true},
		{"own credentials unknown", sender{uids: []int{5, 5}}, [4]int{5, 5, 5, 5}, 1, "", signals.TERM, false, false},
	} {
		pid := i + 2
		procfstest.Add(t, root, procfstest.Proc{PID: pid})
		if test.namespace != "" {
			dir := filepath.Join(root, strconv.Itoa(pid), "ns")
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(test.namespace, filepath.Join(dir, "user")); err != nil {
				t.Fatal(err)
			}
		}
		ok, known := test.sender.permitted(proc, &procfs.Stat{ID: procfs.ID{PID: pid}, SID: test.sid}, &procfs.Status{UID: test.uids}, test.sig)
		if ok != test.ok || known != test.known {
			t.Errorf("%s: %v, %v, want %v, %v", test.name, ok, known, test.ok, test.known)
		}
	}
}
