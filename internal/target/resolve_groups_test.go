package target

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"killbox/procfs/procfstest"
)

// groupOpener is an opener for tests of ResolveGroups.
type groupOpener struct{ *opener }

func newGroupOpener(t *testing.T, more ...procfstest.Proc) *groupOpener {
	t.Helper()
	return &groupOpener{newOpener(t, processTable(more...)...)}
}

// find calls ResolveGroups and returns a summary: the PGIDs, the sessions, the targets, and the other processes and
// operands with the reasons.
func (o *groupOpener) find(req GroupRequest) string {
	o.t.Helper()
	groups, err := ResolveGroups(o.proc, o, NewExclusions(o.proc, self, false), req)
	if err != nil {
		return "error: " + err.Error()
	}
	text := fmt.Sprint(groups.PGIDs)
	for _, s := range groups.Sessions {
		text += fmt.Sprintf(" session:%v", s)
	}
	text = strings.TrimSpace(text + " " + groups.summary())
	for _, p := range slices.Concat(groups.Missing, groups.Refused) {
		text += ": " + p.Err.Error()
	}
	return text
}

// jobs returns the processes of session 60, which has the groups 60 and 63, the leader of session 70, and some others.
func jobs() []procfstest.Proc {
	return []procfstest.Proc{
		{PID: 60, PPID: 30},
		{PID: 61, PPID: 60, PGID: 60},
		{PID: 62, PPID: 60, PGID: 60, State: 'Z'},
		{PID: 63, PPID: 60, SID: 60},
		{PID: 64, PPID: 63, PGID: 63, SID: 60},
		{PID: 70, PPID: 30},
		// The leaders of group 80 and of session 90 have been reaped.
		{PID: 81, PPID: 1, PGID: 80, SID: 30},
		{PID: 91, PPID: 1, PGID: 90},
		// The other member of group 45, which is the group of this process.
		{PID: 46, PPID: 40, PGID: 45},
	}
}

func TestResolveGroups(t *testing.T) {
	for _, test := range []struct {
		name string
		req  GroupRequest
		ops  string
		want string
	}{
		{"a group", GroupRequest{}, "60", "[60] 60 61"},
		{"as for kill", GroupRequest{}, "-60", "[60] 60 61"},
		{"twice", GroupRequest{}, "60 60", "[60] 60 61"},
		{"several", GroupRequest{}, "70 63", "[70 63] 70 63 64"},
		{"the leader is reaped", GroupRequest{}, "80", "[80] 81"},
		{"none", GroupRequest{}, "65 60", "[60] 60 61 missing:65: no such process group"},
		{"of a process that leads none", GroupRequest{}, "61", "[] missing:61: no such process group: it is the PID of a member of group 60 (--of ends that group)"},
		{"a kernel thread's number", GroupRequest{}, "2", "[] missing:2: no such process group"},
		{"by a member", GroupRequest{OfProcesses: true}, "61", "[60] 60 61"},
		{"by several", GroupRequest{OfProcesses: true}, "61 60 64", "[60 63] 60 61 63 64"},
		{"by a zombie", GroupRequest{OfProcesses: true}, "62", "[60] 60 61"},
		{"by a handle", GroupRequest{OfProcesses: true}, "61@61", "[60] 60 61"},
		{"by a process that is gone", GroupRequest{OfProcesses: true}, "61@9 65", "[] missing:61@9 missing:65: the process is gone, so its group is unknown: no such process"},
		{"by PID 1", GroupRequest{OfProcesses: true}, "1", "[] refused:1: the process group of PID 1 is refused"},
		{"of a kernel thread", GroupRequest{OfProcesses: true}, "2", "[] refused:2: the process group was made outside of this PID namespace, and has no number in it"},
		{"a session", GroupRequest{Sessions: true}, "60", "[60 63] session:60@60 60 61 63 64"},
		{"a session twice", GroupRequest{Sessions: true}, "60 60", "[60 63] session:60@60 60 61 63 64"},
		{"a session whose leader is reaped", GroupRequest{Sessions: true}, "90", "[90] session:90@0 91"},
		{"no session", GroupRequest{Sessions: true}, "63", "[] missing:63: no such session"},
		{"a session by a member", GroupRequest{Sessions: true, OfProcesses: true}, "64", "[60 63] session:60@60 60 61 63 64"},
		{"a session by its leader", GroupRequest{Sessions: true, OfProcesses: true}, "60", "[60 63] session:60@60 60 61 63 64"},
		{"the session of PID 1", GroupRequest{Sessions: true, OfProcesses: true}, "1", "[] refused:1: the session of PID 1 is refused"},
		{"the own group", GroupRequest{Own: 45, OwnGroup: 45}, "", "[45] 46 skip:50:this process"},
		{"the own group, by this process", GroupRequest{OfProcesses: true, OwnGroup: 45}, "50", "[45] 46 skip:50:this process"},
		{"a group with an ancestor in it", GroupRequest{OwnGroup: 45}, "40", "[40] skip:40:an ancestor of this process"},
		// This process was started in the group of an ancestor, and has left the group since.
		{"the own group, with an ancestor", GroupRequest{Own: 40, OwnGroup: 40}, "", "[40] 40(ancestor)"},
		{"the own session, whose group this process has left", GroupRequest{Sessions: true, Own: 40, OwnGroup: 40}, "", "[40] session:40@40 skip:40:an ancestor of this process"},
		{"the own group, without other members", GroupRequest{Own: 49, OwnGroup: 49}, "", "[]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := newGroupOpener(t, jobs()...)
			test.req.Operands = ops(t, strings.Fields(test.ops)...)
			if got := o.find(test.req); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// reusePID replaces a process by an unrelated one with the same PID, in a group and session of its own.
func (o *groupOpener) reusePID(pid int) {
	procfstest.Remove(o.t, o.root, pid)
	procfstest.Add(o.t, o.root, procfstest.Proc{PID: pid, Start: 7777, PPID: 1})
}

// TestPGIDReused: between the read of a PGID and the open of the group, or after the open, the process of --of changes
// its group, or the group ends and another group gets the PGID. The members of the other group must not become targets.
func TestPGIDReused(t *testing.T) {
	for _, test := range []struct {
		name   string
		req    GroupRequest
		ops    string
		before map[int]func(*groupOpener) // by PGID: called before the group is opened
		after  map[int]func(*groupOpener) // by PGID: called after the group was opened
		want   string
	}{
		{
			"of a process that changes its group", GroupRequest{OfProcesses: true}, "64",
			map[int]func(*groupOpener){63: func(o *groupOpener) {
				procfstest.Remove(o.t, o.root, 64)
				procfstest.Add(o.t, o.root, procfstest.Proc{PID: 64, PPID: 63, PGID: 60, SID: 60})
			}}, nil,
			"[] missing:64: the process has left its group or session",
		},
		{
			// The process was the last member, so an unrelated process gets the PGID.
			"of a process that was reaped", GroupRequest{OfProcesses: true}, "81",
			map[int]func(*groupOpener){80: func(o *groupOpener) {
				procfstest.Remove(o.t, o.root, 81)
				o.reusePID(80)
			}}, nil,
			"[] missing:81: the process is gone, so its group is unknown",
		},
		{
			"of a process whose PID was reused", GroupRequest{OfProcesses: true}, "81",
			map[int]func(*groupOpener){80: func(o *groupOpener) {
				o.reusePID(80)
				procfstest.Remove(o.t, o.root, 81)
				procfstest.Add(o.t, o.root, procfstest.Proc{PID: 81, Start: 7778, PPID: 80, PGID: 80})
			}}, nil,
			"[] missing:81: the process is gone, so its group is unknown",
		},
		{
			"of a leader that was reaped", GroupRequest{OfProcesses: true}, "63",
			nil, map[int]func(*groupOpener){63: func(o *groupOpener) { procfstest.Remove(o.t, o.root, 63) }},
			"[] missing:63: the process is gone, so its group is unknown",
		},
		{
			"a group of a session, whose PGID another session has got", GroupRequest{Sessions: true}, "60",
			map[int]func(*groupOpener){63: func(o *groupOpener) {
				procfstest.Remove(o.t, o.root, 64)
				o.reusePID(63)
			}}, nil,
			"[60] session:60@60 60 61",
		},
		{
			"a session whose ID was reused", GroupRequest{Sessions: true}, "70",
			map[int]func(*groupOpener){70: func(o *groupOpener) { o.reusePID(70) }}, nil,
			"[] session:70@70",
		},
		{
			"a group that ended after it was opened", GroupRequest{}, "70",
			nil, map[int]func(*groupOpener){70: func(o *groupOpener) {
				o.ended[70] = true
				o.reusePID(70)
			}},
			"[70]",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := newGroupOpener(t, jobs()...)
			for pgid, f := range test.before {
				o.beforeGroup[pgid] = func() { f(o) }
			}
			for pgid, f := range test.after {
				o.afterGroup[pgid] = func() { f(o) }
			}
			test.req.Operands = ops(t, strings.Fields(test.ops)...)
			if got := o.find(test.req); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// TestSessionIDReused: the process of an operand of --of and its session end between the open of the process and the
// scan, and another session gets the ID. The other session must not become a target.
func TestSessionIDReused(t *testing.T) {
	o := newGroupOpener(t, jobs()...)
	o.after[91] = func() {
		procfstest.Remove(o.t, o.root, 91)
		o.reusePID(90)
	}
	want := "[] missing:91: the process is gone, so its group is unknown"
	if got := o.find(GroupRequest{Sessions: true, OfProcesses: true, Operands: ops(t, "91")}); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestGroupThatCannotBeOpened(t *testing.T) {
	o := newGroupOpener(t, jobs()...)
	o.groupErr = errors.New("no memory")
	if got, want := o.find(GroupRequest{Operands: ops(t, "60")}), "[] refused:60: no memory"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got, want := o.find(GroupRequest{Sessions: true, Operands: ops(t, "60")}), "error: no memory"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	o = newGroupOpener(t, jobs()...)
	o.errs[61] = errors.New("operation not permitted")
	if got, want := o.find(GroupRequest{Operands: ops(t, "60")}), "[60] 60 refused:61: operation not permitted"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
