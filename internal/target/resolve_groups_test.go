package target

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"killbox/procfs/procfstest"
)

// groupOpener is an opener that is asked for groups.
type groupOpener struct{ *opener }

func newGroupOpener(t *testing.T, more ...procfstest.Proc) *groupOpener {
	t.Helper()
	return &groupOpener{newOpener(t, tableau(more...)...)}
}

// find returns what became of a request, in short: the groups, then who is in
// them, with the reasons.
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

// jobs are two sessions: 60 with the groups 60 and 63, and 70.
func jobs() []procfstest.Proc {
	return []procfstest.Proc{
		{PID: 60, PPID: 30},
		{PID: 61, PPID: 60, PGID: 60},
		{PID: 62, PPID: 60, PGID: 60, State: 'Z'},
		{PID: 63, PPID: 60, SID: 60},
		{PID: 64, PPID: 63, PGID: 63, SID: 60},
		{PID: 70, PPID: 30},
		// Leaders that have been reaped: of a group, and of a session too.
		{PID: 81, PPID: 1, PGID: 80, SID: 30},
		{PID: 91, PPID: 1, PGID: 90},
		// With this process in it.
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
		{"of a process that leads none", GroupRequest{}, "61", "[] missing:61: no such process group: it is a process of group 60 (--of ends that)"},
		{"a kernel thread's number", GroupRequest{}, "2", "[] missing:2: no such process group"},
		{"by a member", GroupRequest{OfProcesses: true}, "61", "[60] 60 61"},
		{"by several", GroupRequest{OfProcesses: true}, "61 60 64", "[60 63] 60 61 63 64"},
		{"by a zombie", GroupRequest{OfProcesses: true}, "62", "[60] 60 61"},
		{"by a handle", GroupRequest{OfProcesses: true}, "61@61", "[60] 60 61"},
		{"by one that is gone", GroupRequest{OfProcesses: true}, "61@9 65", "[] missing:61@9 missing:65: the process is gone, so its group cannot be told: no such process"},
		{"by PID 1", GroupRequest{OfProcesses: true}, "1", "[] refused:1: the process group of PID 1 is refused"},
		{"of a kernel thread", GroupRequest{OfProcesses: true}, "2", "[] refused:2: its process group was made outside of this PID namespace, and has no number here"},
		{"a session", GroupRequest{Sessions: true}, "60", "[60 63] session:60@60 60 61 63 64"},
		{"a session twice", GroupRequest{Sessions: true}, "60 60", "[60 63] session:60@60 60 61 63 64"},
		{"a session whose leader is reaped", GroupRequest{Sessions: true}, "90", "[90] session:90@0 91"},
		{"no session", GroupRequest{Sessions: true}, "63", "[] missing:63: no such session"},
		{"a session by a member", GroupRequest{Sessions: true, OfProcesses: true}, "64", "[60 63] session:60@60 60 61 63 64"},
		{"a session by its leader", GroupRequest{Sessions: true, OfProcesses: true}, "60", "[60 63] session:60@60 60 61 63 64"},
		{"the session of PID 1", GroupRequest{Sessions: true, OfProcesses: true}, "1", "[] refused:1: the session of PID 1 is refused"},
		{"our group", GroupRequest{Own: 45, OwnGroup: 45}, "", "[45] 46 skip:50:this process"},
		{"our group, by us", GroupRequest{OfProcesses: true, OwnGroup: 45}, "50", "[45] 46 skip:50:this process"},
		{"a group with an ancestor in it", GroupRequest{OwnGroup: 45}, "40", "[40] skip:40:an ancestor of this process"},
		// It was called in the ancestor's group, and has left it since.
		{"the group that an ancestor shares", GroupRequest{Own: 40, OwnGroup: 40}, "", "[40] 40(ancestor)"},
		{"a session of which we left the group", GroupRequest{Sessions: true, Own: 40, OwnGroup: 40}, "", "[40] session:40@40 skip:40:an ancestor of this process"},
		{"we were alone in it", GroupRequest{Own: 49, OwnGroup: 49}, "", "[]"},
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

// stranger is another process with that number, in a group and session of its
// own.
func (o *groupOpener) stranger(pid int) {
	procfstest.Remove(o.t, o.root, pid)
	procfstest.Add(o.t, o.root, procfstest.Proc{PID: pid, Start: 7777, PPID: 1})
}

// TestGroupNumberUsedAgain: what has the number when it is opened need not be
// what had it when it was found.
func TestGroupNumberUsedAgain(t *testing.T) {
	for _, test := range []struct {
		name    string
		req     GroupRequest
		ops     string
		opening map[int]func(*groupOpener)
		opened  map[int]func(*groupOpener)
		want    string
	}{
		{
			"of a process that went on to another", GroupRequest{OfProcesses: true}, "64",
			map[int]func(*groupOpener){63: func(o *groupOpener) {
				procfstest.Remove(o.t, o.root, 64)
				procfstest.Add(o.t, o.root, procfstest.Proc{PID: 64, PPID: 63, PGID: 60, SID: 60})
			}}, nil,
			"[] missing:64: the process has left its group or session",
		},
		{
			// It was the last one, so that another group got the number.
			"of a process that was reaped", GroupRequest{OfProcesses: true}, "81",
			map[int]func(*groupOpener){80: func(o *groupOpener) {
				procfstest.Remove(o.t, o.root, 81)
				o.stranger(80)
			}}, nil,
			"[] missing:81: the process is gone, so its group cannot be told",
		},
		{
			"of a process whose number is another's", GroupRequest{OfProcesses: true}, "81",
			map[int]func(*groupOpener){80: func(o *groupOpener) {
				o.stranger(80)
				procfstest.Remove(o.t, o.root, 81)
				procfstest.Add(o.t, o.root, procfstest.Proc{PID: 81, Start: 7778, PPID: 80, PGID: 80})
			}}, nil,
			"[] missing:81: the process is gone, so its group cannot be told",
		},
		{
			"of a leader that was reaped", GroupRequest{OfProcesses: true}, "63",
			nil, map[int]func(*groupOpener){63: func(o *groupOpener) { procfstest.Remove(o.t, o.root, 63) }},
			"[] missing:63: the process is gone, so its group cannot be told",
		},
		{
			"a session's group that another session has by now", GroupRequest{Sessions: true}, "60",
			map[int]func(*groupOpener){63: func(o *groupOpener) {
				procfstest.Remove(o.t, o.root, 64)
				o.stranger(63)
			}}, nil,
			"[60] session:60@60 60 61",
		},
		{
			"a session that is another by now", GroupRequest{Sessions: true}, "70",
			map[int]func(*groupOpener){70: func(o *groupOpener) { o.stranger(70) }}, nil,
			"[] session:70@70",
		},
		{
			"a group that ended after it was opened", GroupRequest{}, "70",
			nil, map[int]func(*groupOpener){70: func(o *groupOpener) {
				o.ended[70] = true
				o.stranger(70)
			}},
			"[70]",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := newGroupOpener(t, jobs()...)
			for pgid, f := range test.opening {
				o.opening[pgid] = func() { f(o) }
			}
			for pgid, f := range test.opened {
				o.opened[pgid] = func() { f(o) }
			}
			test.req.Operands = ops(t, strings.Fields(test.ops)...)
			if got := o.find(test.req); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// TestSessionNumberUsedAgain: the process that named it went between its own
// reading and that of the table, and so did its session.
func TestSessionNumberUsedAgain(t *testing.T) {
	o := newGroupOpener(t, jobs()...)
	o.after[91] = func() {
		procfstest.Remove(o.t, o.root, 91)
		o.stranger(90)
	}
	want := "[] missing:91: the process is gone, so its group cannot be told"
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
