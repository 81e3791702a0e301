package target

import (
	"errors"
	"io/fs"
	"testing"

	"killbox/procfs"
	"killbox/procfs/procfstest"

	"github.com/google/go-cmp/cmp"
)

// identifier is an Identifier with scripted results by PID: one for each call, the last one for all further calls.
type identifier map[int][]identified

type identified struct {
	st  procfs.Stat
	err error
}

func (k identifier) Identify(pid int) (procfs.Stat, error) {
	list := k[pid]
	if len(list) == 0 {
		return procfs.Stat{}, procfs.ErrNoProcess
	}
	if len(list) > 1 {
		k[pid] = list[1:]
	}
	return list[0].st, list[0].err
}

// shows is the result of Identify for a process that has never changed.
func shows(state byte, threads, pid int, start, inode uint64) []identified {
	return []identified{{procfs.Stat{ID: procfs.ID{PID: pid, Start: start}, Inode: inode, State: state, Threads: threads}, nil}}
}

func TestOwnerState(t *testing.T) {
	living := shows('S', 1, 42, 7, 5)[0]
	zombie := shows('Z', 1, 42, 7, 5)[0]
	failure := errors.New("too many open files")
	for _, tt := range []struct {
		name    string
		mark    string
		shown   []identified
		shifted bool // start times have an offset here
		want    ownerState
		err     error
	}{
		{name: "alive", mark: "42@7:5/1/0123abcd", shown: shows('S', 1, 42, 7, 5), want: ownerAlive},
		{name: "alive, no inode in the mark", mark: "42@7/1/0123abcd", shown: shows('S', 1, 42, 7, 5), want: ownerAlive},
		{name: "alive, no inode here", mark: "42@7:5/1/0123abcd", shown: shows('S', 1, 42, 7, 0), want: ownerAlive},
		{name: "no such process", mark: "42@7:5/1/0123abcd", want: ownerGone},
		{name: "zombie", mark: "42@7:5/1/0123abcd", shown: shows('Z', 1, 42, 7, 5), want: ownerGone},
		{name: "dead", mark: "42@7:5/1/0123abcd", shown: shows('X', 0, 42, 7, 5), want: ownerGone},
		{name: "the first thread has exited", mark: "42@7:5/1/0123abcd", shown: shows('Z', 2, 42, 7, 5), want: ownerAlive},
		{name: "PID reused", mark: "42@7:5/1/0123abcd", shown: shows('S', 1, 42, 8, 6), want: ownerGone},
		{name: "PID reused within a tick", mark: "42@7:5/1/0123abcd", shown: shows('S', 1, 42, 7, 6), want: ownerGone},
		{name: "PID reused, no inodes", mark: "42@7/1/0123abcd", shown: shows('S', 1, 42, 8, 0), want: ownerGone},
		{name: "an older process", mark: "42@7/1/0123abcd", shown: shows('S', 1, 42, 6, 0), want: ownerUnknown},
		{name: "start time of another time namespace", mark: "42@7:5/1/0123abcd", shown: shows('S', 1, 42, 107, 5), want: ownerAlive},
		{name: "time namespace, no inodes", mark: "42@7/1/0123abcd", shown: shows('S', 1, 42, 107, 0), shifted: true, want: ownerUnknown},
		{name: "time namespace, no such process", mark: "42@7/1/0123abcd", shifted: true, want: ownerGone},
		{name: "hidden", mark: "42@7:5/1/0123abcd", shown: shows(procfs.StateHidden, 1, 42, 0, 5), want: ownerAlive},
		{name: "hidden, PID reused", mark: "42@7:5/1/0123abcd", shown: shows(procfs.StateHidden, 1, 42, 0, 6), want: ownerGone},
		{name: "hidden, no inodes", mark: "42@7/1/0123abcd", shown: shows(procfs.StateHidden, 1, 42, 0, 5), want: ownerUnknown},
		{name: "not readable", mark: "42@7/1/0123abcd", shown: []identified{{err: fs.ErrPermission}}, want: ownerUnknown},
		{name: "PID 1", mark: "1@7:5/1/0123abcd", shown: shows('S', 1, 1, 7, 5), want: ownerAlive},
		{name: "forged for PID 1", mark: "1@8:6/1/0123abcd", shown: shows('S', 1, 1, 7, 5), want: malformedMark},
		{name: "another PID namespace", mark: "42@7:5/2/0123abcd", want: otherNamespace},
		{name: "another boot", mark: "42@7:5/1/1123abcd", want: otherBoot},
		{name: "another boot and PID namespace", mark: "42@7:5/2/1123abcd", want: otherBoot},
		{name: "seen once as gone", mark: "42@7:5/1/0123abcd", shown: []identified{{err: procfs.ErrNoProcess}, living}, want: ownerAlive},
		{name: "seen once as a zombie", mark: "42@7:5/1/0123abcd", shown: []identified{zombie, living}, want: ownerAlive},
		{name: "failure", mark: "42@7:5/1/0123abcd", shown: []identified{{err: failure}}, err: failure},
	} {
		m, err := ParseOwnerMark(tt.mark)
		if err != nil {
			t.Fatal(err)
		}
		o := &Owners{kernel: identifier{m.PID: tt.shown}, namespace: 1, boot: "0123abcd", byStart: !tt.shifted, states: make(map[OwnerMark]ownerState)}
		got, err := o.find(m)
		if !errors.Is(err, tt.err) || err == nil && got != tt.want {
			t.Errorf("%s: state %d, %v, want %d", tt.name, got, err, tt.want)
		}
	}
}

// TestOwners checks which processes the selector finds, and how it counts the others.
func TestOwners(t *testing.T) {
	const gone = "KILLBOX_OWNER=42@7:5/1/0123abcd"
	marked := func(pid int, env ...string) procfstest.Proc {
		return procfstest.Proc{PID: pid, Comm: "job", Environ: append([]string{"A=1"}, env...)}
	}
	hidden := marked(112, gone)
	k := newOpener(t, processTable(
		marked(100, gone), marked(101), marked(102, "KILLBOX_OWNER=100@100/1/0123abcd"), marked(103, "KILLBOX_OWNER=42@7:5/2/0123abcd"),
		marked(104, "KILLBOX_OWNER=42@7:5/1/1123abcd"), marked(105, "KILLBOX_OWNER="), marked(106, gone, gone), marked(107, "XKILLBOX_OWNER=x", "KILLBOX_OWNERX=x"),
		marked(108, "KILLBOX_OWNER=x"), marked(109, "KILLBOX_OWNER=x"), hidden,
	)...)
	o := &Owners{kernel: k, namespace: 1, boot: "0123abcd", byStart: true, hidden: 1,
		marks: make(map[procfs.ID]OwnerMark), left: make(map[procfs.ID]leftProcess), states: make(map[OwnerMark]ownerState)}
	var found []int
	for pid := 100; pid <= 112; pid++ {
		st, err := k.proc.Stat(pid)
		if err != nil {
			continue
		}
		if pid == hidden.PID {
			st.State = procfs.StateHidden
		}
		s := Selector{Owners: o}
		ok, err := s.MatchFiles(k.proc, &st)
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			found = append(found, pid)
			if m, ok := o.Mark(st.ID); !ok || m.Handle() != "42@7:5" {
				t.Errorf("the owner of %d is %s, %v", pid, m.Handle(), ok)
			}
		}
	}
	if diff := cmp.Diff([]int{100}, found); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	exclude := func(st *procfs.Stat) string {
		if st.PID == 109 {
			return "omitted"
		}
		return ""
	}
	want := LeftAlone{OtherNamespace: 1, OtherBoot: 1, Malformed: 2, Unexamined: 2}
	if diff := cmp.Diff(want, o.LeftAlone(exclude)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
