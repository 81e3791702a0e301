package target

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"killbox/internal/posixre"
	"killbox/procfs"
	"killbox/procfs/procfstest"
)

// opener is a Kernel whose processes are those of a /proc in a temporary folder. A test can change them before and
// after each open.
type opener struct {
	t      *testing.T
	root   string
	proc   *procfs.FS
	open   map[procfs.ID]int
	inodes map[int]uint64 // by PID; nil if the kernel has no pidfds
	errs   map[int]error  // by PID: the error of Open
	before map[int]func() // by PID: called before Open
	after  map[int]func() // by PID: called after Open
	stats  int            // the number of calls of Stat

	beforeGroup map[int]func() // by PGID: called before OpenGroup
	afterGroup  map[int]func() // by PGID: called after OpenGroup
	ended       map[int]bool   // by PGID: the opened group has ended
	groups      []int          // the PGIDs of the opened groups
	groupErr    error          // the error of OpenGroup
}

func newOpener(t *testing.T, procs ...procfstest.Proc) *opener {
	t.Helper()
	return openerOf(t, procfstest.Build(t, procs...))
}

func openerOf(t *testing.T, root string) *opener {
	t.Helper()
	proc, err := procfs.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { proc.Close() })
	return &opener{t: t, root: root, proc: proc, open: make(map[procfs.ID]int), errs: make(map[int]error), before: make(map[int]func()), after: make(map[int]func()),
		beforeGroup: make(map[int]func()), afterGroup: make(map[int]func()), ended: make(map[int]bool)}
}

func (o *opener) OpenBatch([]int) {}

func (o *opener) RunParallel(n int, do func(*procfs.FS, int)) {
	for i := range n {
		do(o.proc, i)
	}
}

func (o *opener) Identify(pid int) (procfs.Stat, error) {
	st, err := o.proc.Stat(pid)
	st.Inode = o.inodes[pid]
	return st, err
}

func (o *opener) Open(pid int) (procfs.Stat, error) {
	if f := o.before[pid]; f != nil {
		f()
	}
	if err := o.errs[pid]; err != nil {
		return procfs.Stat{}, err
	}
	st, err := o.proc.Stat(pid)
	if err != nil {
		return st, err
	}
	o.open[st.ID] = 1
	st.Inode = o.inodes[pid]
	if f := o.after[pid]; f != nil {
		f()
	}
	return st, nil
}

func (o *opener) OpenGroup(pgid int) error {
	if f := o.beforeGroup[pgid]; f != nil {
		f()
	}
	if o.groupErr != nil {
		return o.groupErr
	}
	table := new(procfs.Snapshot)
	if err := o.Snapshot(table); err != nil {
		return err
	}
	if len(table.Group(pgid)) == 0 {
		return procfs.ErrNoProcess
	}
	o.groups = append(o.groups, pgid)
	if f := o.afterGroup[pgid]; f != nil {
		f()
	}
	return nil
}

func (o *opener) GroupLives(pgid int, _ []procfs.ID) bool {
	return slices.Contains(o.groups, pgid) && !o.ended[pgid]
}

func (o *opener) Close(id procfs.ID) {
	if o.open[id] == 0 {
		o.t.Errorf("%v is closed, but was not open", id)
	}
	delete(o.open, id)
}

func (o *opener) Stat(id procfs.ID) (procfs.Stat, error) {
	o.stats++
	st, err := o.proc.Stat(id.PID)
	if err == nil && st.ID != id {
		err = procfs.ErrNoProcess
	}
	return st, err
}

func (o *opener) Exists(id procfs.ID) error {
	_, err := o.Stat(id)
	return err
}

// PidfdInfoReader returns a function that reads stat and status instead of a pidfd. It is nil if the kernel has no
// pidfds.
func (o *opener) PidfdInfoReader() func(int) (int, int, error) {
	if o.inodes == nil {
		return nil
	}
	return func(pid int) (int, int, error) {
		st, err := o.proc.Stat(pid)
		if err != nil {
			return 0, 0, err
		}
		status, err := o.proc.Status(pid)
		return st.PPID, status.UID[1], err
	}
}

func (o *opener) Snapshot(s *procfs.Snapshot) error { return o.proc.Snapshot(s) }

// self is the PID of killbox in the tests.
const self = 50

// processTable returns killbox, its ancestors, a kernel thread and more processes.
func processTable(more ...procfstest.Proc) []procfstest.Proc {
	return append([]procfstest.Proc{
		{PID: 1, Comm: "init"},
		{PID: 2, Comm: "kthreadd", Flags: 0x00200000},
		{PID: 30, Comm: "sshd", PPID: 1},
		{PID: 40, Comm: "bash", PPID: 30},
		{PID: self, Comm: "killbox", PPID: 40, PGID: 45},
	}, more...)
}

func ops(t *testing.T, words ...string) []Operand {
	t.Helper()
	list, _, err := ParseOperands(words, strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// summary describes the result of a request in one line.
func (f *Found) summary() string {
	var words []string
	for _, p := range f.Processes {
		word := fmt.Sprint(p.PID)
		if p.Ancestor {
			word += "(ancestor)"
		}
		words = append(words, word)
	}
	for _, s := range f.Skipped {
		words = append(words, fmt.Sprintf("skip:%d:%s", s.PID, s.Reason))
	}
	for _, p := range f.Missing {
		words = append(words, "missing:"+p.Operand.String())
	}
	for _, p := range f.Refused {
		words = append(words, fmt.Sprintf("refused:%d", p.Operand.PID))
	}
	for _, op := range f.Ended {
		words = append(words, "ended:"+op.String())
	}
	return strings.Join(words, " ")
}

// resolve calls Resolve, and checks that of all opened processes only the targets stay open.
func (o *opener) resolve(req Request, force bool) *Found {
	o.t.Helper()
	found, err := Resolve(o.proc, o, NewExclusions(o.proc, self, force), req)
	if err != nil {
		o.t.Fatal(err)
	}
	want := make(map[procfs.ID]bool)
	for _, p := range found.Processes {
		want[p.ID] = true
	}
	for id := range o.open {
		if !want[id] {
			o.t.Errorf("%v is no target, but still open", id)
		}
	}
	for id := range want {
		if o.open[id] == 0 {
			o.t.Errorf("%v is a target, but not open", id)
		}
	}
	return found
}

func TestResolveOperands(t *testing.T) {
	for _, test := range []struct {
		words string
		omit  string
		force bool
		want  string
	}{
		{"100", "", false, "100"},
		{"100 101 100 100@100", "", false, "100 101"},
		{"100@100", "", false, "100"},
		{"100@99 100", "", false, "100 ended:100@99"},
		{"100 100@99", "", false, "100 ended:100@99"},
		// A process that is gone counts once.
		{"100@99 100@99 100@99:8 100@98", "", false, "ended:100@99 ended:100@98"},
		{"100:7", "", false, "100"},
		{"100:8", "", false, "ended:100:8"},
		{"999", "", false, "missing:999"},
		{"999@5 999:5", "", false, "ended:999@5 ended:999:5"},
		{"100 999 101", "", false, "100 101 missing:999"},
		{"100 101", "100", false, "101 skip:100:omitted"},
		{"100 101", "100@100,101@5", false, "101 skip:100:omitted"},
		{"100 101", "100:7,101:5", false, "101 skip:100:omitted"},
		{"100 101", "-100", false, "101 skip:100:omitted"},
		{"100 101 102", "-100", false, "101 skip:100:omitted skip:102:omitted"},
		{"1", "", false, "refused:1"},
		{"1", "", true, "1(ancestor)"},
		{"2", "", false, "refused:2"},
		{"2", "", true, "2"},
		{"50", "", false, "refused:50"},
		{"50", "", true, "refused:50"},
		{"40 30", "", false, "40(ancestor) 30(ancestor)"},
		{"-100", "", false, "100 102"},
		{"-777", "", false, "missing:-777"},
		{"-100 102", "", false, "100 102"},
		{"102 -100", "", false, "102 100"},
		// The group of this process.
		{"-45", "", false, "103 skip:50:this process"},
		{"-40", "", false, "skip:40:an ancestor of this process"},
		{"-1000", "", true, "missing:-1000"},
	} {
		t.Run(test.words+" omit "+test.omit, func(t *testing.T) {
			o := newOpener(t, processTable(
				procfstest.Proc{PID: 100}, procfstest.Proc{PID: 101}, procfstest.Proc{PID: 102, PGID: 100}, procfstest.Proc{PID: 103, PGID: 45})...)
			o.inodes = map[int]uint64{100: 7, 101: 9}
			req := Request{}
			for _, word := range strings.Fields(test.words) {
				op, err := ParseOperand(word)
				if err != nil {
					t.Fatal(err)
				}
				req.Operands = append(req.Operands, op)
			}
			if test.omit != "" {
				req.Omit = ops(t, strings.Split(test.omit, ",")...)
			}
			if got := o.resolve(req, test.force).summary(); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}

func TestResolveWithoutInodes(t *testing.T) {
	o := newOpener(t, processTable(procfstest.Proc{PID: 100}, procfstest.Proc{PID: 101})...)
	if got := o.resolve(Request{Operands: ops(t, "100:7")}, false).summary(); got != "refused:100" {
		t.Errorf("a handle that cannot be compared: %s", got)
	}
	// A handle of --omit that cannot be compared excludes the process.
	if got := o.resolve(Request{Operands: ops(t, "100", "101"), Omit: ops(t, "100:7")}, false).summary(); got != "101 skip:100:omitted" {
		t.Errorf("a handle of --omit that cannot be compared: %s", got)
	}
}

func TestResolveNotPermitted(t *testing.T) {
	o := newOpener(t, processTable(procfstest.Proc{PID: 100}, procfstest.Proc{PID: 101})...)
	o.errs[100] = fs.ErrPermission
	if got := o.resolve(Request{Operands: ops(t, "100", "101")}, false).summary(); got != "101 refused:100" {
		t.Errorf("%s", got)
	}
}

// TestPIDReusedAfterScan: between the scan and the open, and while the selector is compared, a process may end and its
// PID may be reused. Then it is no target.
func TestPIDReusedAfterScan(t *testing.T) {
	unrelated := procfstest.Proc{PID: 100, Start: 5000, Comm: "victim", PGID: 100}
	for name, req := range map[string]Request{
		"selector": {Selector: Selector{Name: "victim"}},
		"group":    {Operands: []Operand{{Form: Group, PID: 100}}},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOpener(t, processTable(procfstest.Proc{PID: 100, Comm: "victim"})...)
			o.before[100] = func() { procfstest.Add(t, o.root, unrelated) }
			if got := o.resolve(req, false).summary(); got != "" {
				t.Errorf("before the open: %s", got)
			}
			o = newOpener(t, processTable(procfstest.Proc{PID: 100, Comm: "victim"})...)
			o.after[100] = func() { procfstest.Add(t, o.root, unrelated) }
			if got := o.resolve(req, false).summary(); got != "" {
				t.Errorf("while it is compared: %s", got)
			}
			o = newOpener(t, processTable(procfstest.Proc{PID: 100, Comm: "victim"})...)
			o.before[100] = func() { procfstest.Remove(t, o.root, 100) }
			if got := o.resolve(req, false).summary(); got != "" {
				t.Errorf("gone: %s", got)
			}
		})
	}
	// After the group was opened, it ends, and another group gets the PGID.
	o := newOpener(t, processTable(procfstest.Proc{PID: 100})...)
	o.afterGroup[100] = func() {
		procfstest.Add(t, o.root, unrelated)
		o.ended[100] = true
	}
	group := Request{Operands: ops(t, "-100")}
	if got := o.resolve(group, false).summary(); got != "missing:-100" {
		t.Errorf("another group: %s", got)
	}
	o = newOpener(t, processTable()...)
	o.groupErr = fs.ErrPermission
	if got := o.resolve(group, false).summary(); got != "refused:100" {
		t.Errorf("a group that cannot be opened: %s", got)
	}
	// Between the scan and the open, the process changes its program or its group.
	o = newOpener(t, processTable(procfstest.Proc{PID: 100, Comm: "victim"})...)
	o.before[100] = func() { procfstest.Add(t, o.root, procfstest.Proc{PID: 100, Comm: "other", PGID: 99}) }
	if got := o.resolve(Request{Selector: Selector{Name: "victim"}}, false).summary(); got != "" {
		t.Errorf("a process that runs another program: %s", got)
	}
	o = newOpener(t, processTable(procfstest.Proc{PID: 100, Comm: "victim"})...)
	o.before[100] = func() { procfstest.Add(t, o.root, procfstest.Proc{PID: 100, Comm: "victim", PGID: 99}) }
	if got := o.resolve(Request{Operands: ops(t, "-100")}, false).summary(); got != "" {
		t.Errorf("a process that has left the group: %s", got)
	}
}

// TestVanished checks that Vanished is set if a process that the selector matches ends before the open. Such a process
// may have left children.
func TestVanished(t *testing.T) {
	o := newOpener(t, processTable(procfstest.Proc{PID: 100, Comm: "victim"}, procfstest.Proc{PID: 101, Comm: "victim"})...)
	if o.resolve(Request{Selector: Selector{Name: "victim"}}, false).Vanished {
		t.Error("Vanished is set, but no process has ended")
	}
	clear(o.open)
	o.before[100] = func() { procfstest.Remove(t, o.root, 100) }
	if !o.resolve(Request{Selector: Selector{Name: "victim"}}, false).Vanished {
		t.Error("Vanished is not set, but a process has ended")
	}
}

func regex(pattern string) *posixre.Regexp {
	re, err := posixre.Compile(pattern, false)
	if err != nil {
		panic(err)
	}
	return re
}

var selectorTests = []struct {
	name string
	s    Selector
	want string
}{
	{"comm", Selector{Name: "nginx"}, "100"},
	{"part of a comm", Selector{Name: "ngin"}, ""},
	{"argv[0] with a title is no name", Selector{Name: "nginx: worker process"}, "100"},
	{"truncated comm does not match", Selector{Name: "a-very-long-nam"}, ""},
	{"name whose comm is truncated", Selector{Name: "a-very-long-name-indeed"}, "101"},
	{"longer than the name", Selector{Name: "a-very-long-name-indeed-not"}, ""},
	{"15 characters", Selector{Name: "exactly15chars!"}, "102"},
	{"a comm of its own", Selector{Name: "fifteen-letters"}, "103"},
	{"argv[0]", Selector{Name: "python3"}, "103"},
	{"executable", Selector{Name: "python3.11"}, "103"},
	{"deleted", Selector{Name: "daemon"}, "104"},
	{"login shell", Selector{Name: "zsh"}, "105"},
	{"login shell by argv[0]", Selector{Name: "-zsh"}, "105"},
	{"no command line", Selector{Name: "busybox"}, "106"},
	{"zombie", Selector{Name: "dead"}, ""},
	{"zombie, asked for", Selector{Name: "dead", State: "Z"}, "107"},
	{"hostile comm", Selector{Name: "a) R 1 ("}, "108"},
	{"an empty argv[0] is no dot", Selector{Name: "."}, ""},
	{"kernel thread", Selector{Name: "kworker/u16:2-events_unbound"}, "skip:109:a kernel thread"},
	{"this process", Selector{Name: "killbox"}, "skip:50:this process"},
	{"an ancestor", Selector{Name: "bash"}, "skip:40:an ancestor of this process"},
	{"full", Selector{Full: regex(`^/srv/daemon$`)}, "104"},
	{"full joins by spaces", Selector{Full: regex(`python3 app`)}, "103"},
	{"full of a zombie", Selector{Full: regex(`^dead$`), State: "Z"}, "107"},
	{"full with bytes", Selector{Full: regex("\x1b\\[2J")}, "108"},
	{"user", Selector{HasUID: true, UID: 33}, "100"},
	{"tty", Selector{HasTTY: true, TTY: 0x8803}, "105"},
	{"group", Selector{Group: 107}, "108"},
	{"session", Selector{Session: 105}, "105 108"},
	{"parent", Selector{Parent: 105}, "108"},
	{"cgroup and below", Selector{Cgroup: "/web"}, "100 110"},
	{"cgroup", Selector{Cgroup: "/web/nginx"}, "100"},
	{"state", Selector{State: "TZ"}, "107 110"},
	{"env", Selector{EnvName: "A", EnvValue: "1"}, "105"},
	{"env, another value", Selector{EnvName: "A", EnvValue: "2"}, ""},
	{"env, any value", Selector{EnvName: "B", EnvAny: true}, "105"},
	{"env, empty value", Selector{EnvName: "B"}, "105"},
	{"env without an equals sign", Selector{EnvName: "noequals", EnvAny: true}, ""},
	{"older", Selector{HasOlder: true, Older: 10*time.Second + 500*time.Millisecond, Cgroup: "/web2"}, "111"},
	{"not older", Selector{HasOlder: true, Older: 10*time.Second + 510*time.Millisecond, Cgroup: "/web2"}, ""},
	{"newer", Selector{HasNewer: true, Newer: 20 * time.Second}, "110 111"},
	{"all must hold", Selector{Name: "nginx", HasUID: true, UID: 0}, ""},
	{"pidfile with a handle", Selector{Pidfile: &Pidfile{Operand: Operand{Form: Handle, PID: 104, Start: 104}}}, "104"},
	{"pidfile with a handle, PID reused", Selector{Pidfile: &Pidfile{Operand: Operand{Form: Handle, PID: 104, Start: 7}}}, "ended:104@7"},
	{"pidfile with an inode", Selector{Pidfile: &Pidfile{Operand: Operand{Form: Inode, PID: 104, Inode: 4}}}, "104"},
	{"pidfile with an inode, no such process", Selector{Pidfile: &Pidfile{Operand: Operand{Form: Inode, PID: 999, Inode: 4}}}, "ended:999:4"},
	{"pidfile with a PID", Selector{Pidfile: &Pidfile{Operand: Operand{Form: PID, PID: 104}}}, "104"},
	{"pidfile with a PID, no such process", Selector{Pidfile: &Pidfile{Operand: Operand{Form: PID, PID: 999}}}, "missing:0"},
	{"empty pidfile", Selector{Pidfile: &Pidfile{namesNone: "it is"}}, "missing:0"},
	{"pidfile of root", Selector{Pidfile: &Pidfile{Operand: Operand{Form: PID, PID: 104}, owners: []int{0}}}, "104"},
	{"pidfile with a PID, and the name of the process", Selector{Pidfile: &Pidfile{Operand: Operand{Form: PID, PID: 104}}, Name: "daemon"}, "104"},
	{"pidfile with a PID, and another name", Selector{Pidfile: &Pidfile{Operand: Operand{Form: PID, PID: 104}}, Name: "nginx"}, ""},
	{"pidfile with a PID, and an age", Selector{Pidfile: &Pidfile{Operand: Operand{Form: PID, PID: 104}}, HasNewer: true}, ""},
	{"pidfile with PID 1", Selector{Pidfile: &Pidfile{Operand: Operand{Form: PID, PID: 1}}}, "skip:1:PID 1"},
}

func TestSelectors(t *testing.T) {
	procs := processTable(
		procfstest.Proc{PID: 100, Comm: "nginx", Cmdline: []string{"nginx: worker process"}, Exe: "/usr/sbin/nginx", UID: 33, Start: procfstest.Ticks(50), Cgroup: "/web/nginx"},
		// comm is truncated to 15 characters; argv[0] and the executable are not.
		procfstest.Proc{PID: 101, Comm: "a-very-long-nam", Cmdline: []string{"/opt/a-very-long-name-indeed", "-x"}, Exe: "/opt/a-very-long-name-indeed"},
		procfstest.Proc{PID: 102, Comm: "exactly15chars!", Cmdline: []string{"./exactly15chars!"}, Exe: "/opt/exactly15chars!"},
		// The process has set a comm that differs from the name of its program (prctl(2), PR_SET_NAME).
		procfstest.Proc{PID: 103, Comm: "fifteen-letters", Cmdline: []string{"python3", "app.py"}, Exe: "/usr/bin/python3.11"},
		procfstest.Proc{PID: 104, Comm: "daemon", Cmdline: []string{"/srv/daemon"}, Exe: "/srv/daemon (deleted)"},
		procfstest.Proc{PID: 105, Comm: "zsh", Cmdline: []string{"-zsh"}, Exe: "/bin/zsh", TTY: 0x8803, Environ: []string{"A=1", "B=", "AB=2", "noequals"}},
		procfstest.Proc{PID: 106, Comm: "empty", Exe: "/bin/busybox"},
		procfstest.Proc{PID: 107, Comm: "dead", State: 'Z'},
		procfstest.Proc{PID: 108, Comm: "a) R 1 (", Cmdline: []string{"", "\n\x1b[2J", "\xff"}, PPID: 105, SID: 105, PGID: 107, Exe: "/bin/evil"},
		procfstest.Proc{PID: 109, Comm: "kworker/u16:2-events_unbound", Flags: 0x00200000},
		procfstest.Proc{PID: 110, Comm: "stopped", State: 'T', Cgroup: "/web", Start: procfstest.Ticks(10)},
		procfstest.Proc{PID: 111, Comm: "other", Cgroup: "/web2", Start: procfstest.Ticks(10.5)},
	)
	root := procfstest.Build(t, procs...)
	for _, test := range selectorTests {
		t.Run(test.name, func(t *testing.T) {
			o := openerOf(t, root)
			o.inodes = map[int]uint64{104: 4}
			if got := o.resolve(Request{Selector: test.s}, false).summary(); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
	if !new(Selector).Empty() {
		t.Error("the zero selector has conditions")
	}
}

// TestSelectorAddsToOperands checks that the targets are the operands and the selected processes, each of them once.
func TestSelectorAddsToOperands(t *testing.T) {
	o := newOpener(t, processTable(procfstest.Proc{PID: 100, Comm: "victim"}, procfstest.Proc{PID: 101, Comm: "victim"}, procfstest.Proc{PID: 102})...)
	req := Request{Operands: ops(t, "102", "101", "40"), Selector: Selector{Name: "victim"}, Omit: ops(t, "100")}
	found := o.resolve(req, false)
	if got, want := found.summary(), "102 101 40(ancestor) skip:100:omitted"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if found.Processes[0].Operand != "102" {
		t.Errorf("the operand is %q", found.Processes[0].Operand)
	}
}

// TestFilesThatVanish checks that a process whose files vanish does not match and causes no error.
func TestFilesThatVanish(t *testing.T) {
	for _, file := range []string{"status", "cmdline", "environ", "cgroup", "exe"} {
		t.Run(file, func(t *testing.T) {
			o := newOpener(t, processTable(procfstest.Proc{PID: 100, Comm: "0123456789abcde", Exe: "/bin/x"})...)
			// A process that is reaped between two reads.
			if err := os.RemoveAll(filepath.Join(o.root, "100", file)); err != nil {
				t.Fatal(err)
			}
			if err := os.RemoveAll(filepath.Join(o.root, "100", "stat")); err != nil {
				t.Fatal(err)
			}
			s := Selector{Name: "0123456789abcdef", Full: new(posixre.Regexp), HasUID: true, EnvName: "A", Cgroup: "/"}
			if got := o.resolve(Request{Selector: s}, false).summary(); got != "" {
				t.Errorf("%s", got)
			}
		})
	}
}

func TestExclusions(t *testing.T) {
	o := newOpener(t, processTable(procfstest.Proc{PID: 100, PPID: 40})...)
	g := NewExclusions(o.proc, self, false)
	var ancestors []int
	for pid := range 200 {
		if g.IsAncestor(pid) {
			ancestors = append(ancestors, pid)
		}
	}
	if !slices.Equal(ancestors, []int{1, 30, 40}) {
		t.Errorf("ancestors: %v", ancestors)
	}
	// Without /proc only this process and PID 1 are excluded.
	g = NewExclusions(nil, self, false)
	for pid, want := range map[int]bool{1: true, self: true, 40: false} {
		st := procfs.Stat{ID: procfs.ID{PID: pid}}
		if got := g.ExcludeOperand(&st) != ""; got != want {
			t.Errorf("%d refused: %v, want %v", pid, got, want)
		}
		if got := g.ExcludeImplied(&st) != ""; got != want {
			t.Errorf("%d excluded: %v, want %v", pid, got, want)
		}
	}
	// For a tree, the reason for PID 1 is another one.
	g.WithDescendants()
	for want, st := range map[string]procfs.Stat{
		"refused without --force: every process descends from PID 1":      {ID: procfs.ID{PID: 1}},
		"a kernel thread is refused without --force: it takes no signals": {ID: procfs.ID{PID: 2}, Flags: 0x00200000},
	} {
		if got := g.ExcludeOperand(&st); got != want {
			t.Errorf("%d: %q, want %q", st.PID, got, want)
		}
	}
	// The walk is not atomic, so it may meet a loop of parents. It ends all the same.
	procfstest.Add(t, o.root, procfstest.Proc{PID: 30, PPID: 40})
	NewExclusions(o.proc, self, false)
}

// TestExclusionsLoseParent: while the ancestors are read, the parent and grandparent exit, and this process is
// reparented to its adopter. Then the adopter is an ancestor.
func TestExclusionsLoseParent(t *testing.T) {
	o := newOpener(t, processTable(procfstest.Proc{PID: 100, PPID: 1}, procfstest.Proc{PID: 60, PPID: 30}, procfstest.Proc{PID: 61, PPID: 60})...)
	procfstest.Add(t, o.root, procfstest.Proc{PID: self, PPID: 61})
	g := &Exclusions{self: self, ancestors: make(map[int]bool)}
	g.readAncestors(func(pid int) (procfs.Stat, error) {
		if pid == 61 {
			procfstest.Add(t, o.root, procfstest.Proc{PID: self, PPID: 30})
			return procfs.Stat{}, procfs.ErrNoProcess
		}
		return o.proc.Stat(pid)
	})
	if !g.IsAncestor(30) || !g.IsAncestor(1) || g.IsAncestor(60) || g.IsAncestor(61) {
		t.Errorf("ancestors: %v", g.ancestors)
	}
	// If /proc hides the parent, the walk ends there.
	procfstest.Add(t, o.root, procfstest.Proc{PID: self, PPID: 61})
	if err := os.RemoveAll(filepath.Join(o.root, "61")); err != nil {
		t.Fatal(err)
	}
	if g := NewExclusions(o.proc, self, false); !g.IsAncestor(61) || g.IsAncestor(30) {
		t.Errorf("ancestors: %v", g.ancestors)
	}
}
