package procfs_test

import (
	"fmt"
	"os"
	"testing"

	"killbox/procfs"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

const (
	pfForkNoExec = 0x40
	pfRandomize  = 0x00400000
)

// imageProcess is a process as a scan shows it, and the image that is read of it afterwards.
type imageProcess struct {
	procfs.Stat
	image procfs.Image
	err   error // the error of Image
	// reaped: Exists fails. Image still has a result, because an unrelated process with the same ID may have the PID.
	reaped bool
}

// execed returns a process that has called execve(2). Its image differs from that of a process with another seed.
func execed(pid, ppid int, seed uint64) imageProcess {
	p := imageProcess{Stat: procfs.Stat{ID: id(pid), State: 'S', PPID: ppid, Flags: pfRandomize, Threads: 1}}
	p.StartCode, p.StartStack = 0x5500_0000_0000+seed<<12, 0x7ffc_0000_0000+seed<<4
	p.image = procfs.Image{ID: p.ID, Auxv: procfs.Auxv(fmt.Sprint("vector ", seed)), UID: [3]int{1000, 1000, 1000},
		PIDNamespace: "pid:[1]", StartCode: p.StartCode, StartStack: p.StartStack}
	return p
}

// forked returns a process that was forked from one with the seed.
func forked(pid, ppid int, seed uint64) imageProcess {
	p := execed(pid, ppid, seed)
	p.Flags |= pfForkNoExec
	p.image.Forked = true
	return p
}

// imageTable is a scripted ImageReader.
type imageTable struct {
	procs map[int]*imageProcess
	reads map[int]int // by PID: the number of calls of Image
}

func newImageTable(procs ...*imageProcess) *imageTable {
	t := &imageTable{procs: make(map[int]*imageProcess), reads: make(map[int]int)}
	for _, p := range procs {
		t.procs[p.PID] = p
	}
	return t
}

func (t *imageTable) Image(pid int) (procfs.Image, error) {
	t.reads[pid]++
	switch p := t.procs[pid]; {
	case p == nil:
		return procfs.Image{}, procfs.ErrNoProcess
	case p.err != nil:
		return procfs.Image{}, p.err
	default:
		return p.image, nil
	}
}

func (t *imageTable) Exists(id procfs.ID) error {
	if p := t.procs[id.PID]; p == nil || p.ID != id || p.reaped {
		return procfs.ErrNoProcess
	}
	return nil
}

// snapshotOf returns a scan that shows the processes, which are in ascending order of PID.
func snapshotOf(procs ...*imageProcess) *procfs.Snapshot {
	var s procfs.Snapshot
	for _, p := range procs {
		s.Procs = append(s.Procs, p.Stat)
	}
	return &s
}

// orphanScene is a member, 10, that has forked an orphan, 20, and an unrelated program, 30.
type orphanScene struct{ member, orphan, other imageProcess }

// What happens to the orphan of a scene.
const (
	noCandidate = "no candidate" // the scan is enough to know, and the image of the orphan is not read
	rejected    = "rejected"     // the images are read, and then the orphan is no candidate any more
	attributed  = "attributed"
)

// findOrphan returns what happens to the orphan.
func (c *orphanScene) findOrphan(t *testing.T) string {
	t.Helper()
	table := newImageTable(&c.member, &c.orphan, &c.other)
	s := snapshotOf(&c.member, &c.orphan, &c.other)
	w := procfs.NewWitnesses(table)
	w.Add(&c.member.Stat)
	w.Refute(s)
	adopters := map[int]bool{1: true, 5: true}
	candidates := pidsOf(w.Candidates(s, adopters))
	if len(candidates) == 0 {
		if table.reads[20] > 0 && c.orphan.Forked() {
			t.Error("the image of the orphan was read")
		}
		return noCandidate
	}
	if diff := cmp.Diff([]int{20}, candidates); diff != "" {
		t.Errorf("candidates (-want +got):\n%s", diff)
	}
	from, ok := w.Attribute(c.orphan.ID)
	if again := w.Candidates(s, adopters); ok != (len(again) == 1) {
		t.Errorf("attributed %v, candidates afterwards: %v", ok, pidsOf(again))
	}
	if !ok {
		if from != (procfs.ID{}) {
			t.Errorf("not attributed, but the image is that of %v", from)
		}
		return rejected
	}
	if from != c.member.ID {
		t.Errorf("attributed to %v", from)
	}
	return attributed
}

// run runs the test for one row: change changes a scene in which the orphan is attributed.
func (c orphanScene) run(t *testing.T, change func(*orphanScene), want string) {
	t.Helper()
	change(&c)
	if got := c.findOrphan(t); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func newOrphanScene() orphanScene {
	return orphanScene{member: execed(10, 9, 7), orphan: forked(20, 1, 7), other: execed(30, 1, 8)}
}

// TestWitnessAttributes has a row for each condition of the rule.
func TestWitnessAttributes(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*orphanScene)
		want   string
	}{
		{"forked from the member", func(*orphanScene) {}, attributed},
		{"the adopter is a subreaper", func(c *orphanScene) { c.orphan.PPID = 5 }, attributed},

		// The scan.
		{"its parent is no adopter", func(c *orphanScene) { c.orphan.PPID = 30 }, noCandidate},
		{"the member was itself forked", func(c *orphanScene) { c.member.Flags |= pfForkNoExec }, noCandidate},
		{"the member is a zombie", func(c *orphanScene) { c.member.State = 'Z' }, noCandidate},
		{"the leader of the member has exited", func(c *orphanScene) { c.member.State, c.member.Threads = 'Z', 2 }, attributed},
		{"the member is not randomised", func(c *orphanScene) { c.member.Flags = 0 }, noCandidate},
		{"neither is randomised", func(c *orphanScene) { c.member.Flags, c.orphan.Flags = 0, pfForkNoExec }, noCandidate},
		{"the layout is hidden", func(c *orphanScene) { c.member.hideLayout(1); c.orphan.hideLayout(1) }, noCandidate},
		{"no layout", func(c *orphanScene) { c.member.hideLayout(0); c.orphan.hideLayout(0) }, noCandidate},
		{"the orphan has called execve", func(c *orphanScene) { c.orphan.Flags = pfRandomize }, noCandidate},
		{"the orphan is a zombie", func(c *orphanScene) { c.orphan.State = 'Z' }, noCandidate},
		{"the leader of the orphan has exited", func(c *orphanScene) { c.orphan.State, c.orphan.Threads = 'Z', 2 }, attributed},
		{"the orphan is not randomised", func(c *orphanScene) { c.orphan.Flags = pfForkNoExec }, noCandidate},
		{"another code address", func(c *orphanScene) { c.orphan.StartCode++ }, noCandidate},
		{"another stack address", func(c *orphanScene) { c.orphan.StartStack++ }, noCandidate},
		{"older than the member", func(c *orphanScene) { c.member.setStart(21) }, noCandidate},
		{"started in the tick of the member", func(c *orphanScene) { c.member.setStart(20) }, attributed},

		// The image of the member.
		{"since the scan, the member's PID was reused", func(c *orphanScene) { c.member.image.Start++ }, rejected},
		{"since the scan, the member's PID was reused within the tick", func(c *orphanScene) { c.member.reaped = true }, rejected},
		{"since the scan, the member has ended", func(c *orphanScene) { c.member.err = procfs.ErrNoProcess }, rejected},
		{"since the scan, the member has called execve", func(c *orphanScene) { c.member.image = execed(10, 9, 9).image }, rejected},
		{"the member has no image", func(c *orphanScene) { c.member.err = procfs.ErrNoImage }, rejected},
		{"the member's image cannot be read", func(c *orphanScene) { c.member.err = unix.EACCES }, rejected},
		{"the member's image is that of its parent", func(c *orphanScene) { c.member.image.Forked = true }, rejected},

		// The image of the orphan.
		{"another vector", func(c *orphanScene) { c.orphan.image.Auxv = "another" }, rejected},
		{"a vector that begins like the member's", func(c *orphanScene) { c.orphan.image.Auxv += "." }, rejected},
		{"since the scan, the orphan has called execve", func(c *orphanScene) { c.orphan.image = execed(20, 1, 9).image }, rejected},
		{"the same vector, but the orphan has called execve", func(c *orphanScene) { c.orphan.image.Forked = false }, rejected},
		{"since the scan, the code address has changed", func(c *orphanScene) { c.orphan.image.StartCode++ }, rejected},
		{"the vector of the member's next program, the layout of this one",
			func(c *orphanScene) { c.member.image.StartCode++; c.orphan.image.Auxv = c.member.image.Auxv }, rejected},
		{"another PID namespace", func(c *orphanScene) { c.orphan.image.PIDNamespace = "pid:[2]" }, rejected},
		{"since the scan, the orphan's PID was reused", func(c *orphanScene) { c.orphan.image.Start++ }, rejected},
		{"since the scan, the orphan's PID was reused within the tick", func(c *orphanScene) { c.orphan.reaped = true }, rejected},
		{"since the scan, the orphan has ended", func(c *orphanScene) { c.orphan.err = procfs.ErrNoProcess }, rejected},
		{"the orphan's image cannot be read", func(c *orphanScene) { c.orphan.err = unix.EACCES }, rejected},
	} {
		t.Run(tt.name, func(t *testing.T) { newOrphanScene().run(t, tt.change, tt.want) })
	}
}

// hideLayout sets the layout to a value that the kernel prints if it does not show it.
func (p *imageProcess) hideLayout(value uint64) { p.StartCode, p.StartStack = value, value }

func (p *imageProcess) setStart(tick uint64) { p.Start, p.image.Start = tick, tick }

func TestWitnessUserIDs(t *testing.T) {
	const user, other, third = 1000, 1001, 1002
	for _, tt := range []struct {
		member, orphan [3]int // real, effective, saved
		want           string
	}{
		{[3]int{user, user, user}, [3]int{user, user, user}, attributed},
		{[3]int{user, user, user}, [3]int{other, user, user}, rejected},
		{[3]int{user, user, user}, [3]int{user, other, user}, rejected},
		{[3]int{user, user, user}, [3]int{user, user, other}, rejected},
		{[3]int{user, user, user}, [3]int{0, 0, 0}, rejected},
		{[3]int{user, user, user}, [3]int{user, 0, 0}, rejected},
		{[3]int{user, other, third}, [3]int{user, other, third}, attributed},
		{[3]int{user, other, third}, [3]int{third, third, third}, attributed},
		{[3]int{user, other, third}, [3]int{other, other, user}, attributed},
		{[3]int{user, other, third}, [3]int{user, other, 0}, rejected},
		{[3]int{user, 0, 0}, [3]int{user, user, user}, attributed}, // a set-user-ID program without its privileges
		{[3]int{user, 0, 0}, [3]int{user, other, user}, rejected},
		{[3]int{0, 0, 0}, [3]int{user, other, third}, attributed},
		{[3]int{user, 0, 0}, [3]int{other, other, other}, rejected},
		{[3]int{0, user, 0}, [3]int{other, other, other}, rejected},
		{[3]int{0, 0, user}, [3]int{other, other, other}, rejected},
	} {
		t.Run(fmt.Sprint(tt.member, tt.orphan), func(t *testing.T) {
			newOrphanScene().run(t, func(c *orphanScene) { c.member.image.UID, c.orphan.image.UID = tt.member, tt.orphan }, tt.want)
		})
	}
}

// TestWitnessTwin has a row for each condition under which another process with the image of a member refutes it.
func TestWitnessTwin(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*orphanScene) // other is a twin of member before
		want   string
	}{
		{"a twin", func(*orphanScene) {}, noCandidate},
		{"a twin whose leader has exited", func(c *orphanScene) { c.other.State, c.other.Threads = 'Z', 2 }, noCandidate},
		{"a twin of another user", func(c *orphanScene) { c.other.image.UID = [3]int{1, 2, 3} }, noCandidate},
		{"a twin in another PID namespace", func(c *orphanScene) { c.other.image.PIDNamespace = "pid:[2]" }, noCandidate},
		{"an older twin", func(c *orphanScene) { c.other.setStart(1) }, noCandidate},
		{"a twin whose image cannot be read", func(c *orphanScene) { c.other.err = unix.EACCES }, noCandidate},
		{"an error of a method of FS", func(c *orphanScene) { c.other.err = &os.PathError{Err: unix.EMFILE} }, noCandidate},
		{"a process forked from the member", func(c *orphanScene) { c.other = forked(30, 10, 7) }, attributed},
		{"forked, but the scan shows the flag of after an execve", func(c *orphanScene) { c.other.image.Forked = true }, attributed},
		{"the layout alone", func(c *orphanScene) { c.other.image.Auxv = "another" }, attributed},
		{"the vector alone", func(c *orphanScene) { c.other.StartCode++; c.other.image.StartCode++ }, attributed},
		{"since the scan, the layout has changed", func(c *orphanScene) { c.other.image.StartStack++ }, attributed},
		{"since the scan, the process has called execve", func(c *orphanScene) { c.other.image = execed(30, 1, 9).image }, attributed},
		{"since the scan, the process has ended", func(c *orphanScene) { c.other.err = procfs.ErrNoProcess }, attributed},
		{"the process has no image", func(c *orphanScene) { c.other.err = procfs.ErrNoImage }, attributed},
		{"the process has no image, in a longer error", func(c *orphanScene) { c.other.err = fmt.Errorf("30: %w", procfs.ErrNoImage) }, attributed},
		{"not randomised", func(c *orphanScene) { c.other.Flags = 0 }, attributed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newOrphanScene()
			c.other = execed(30, 1, 7)
			c.run(t, tt.change, tt.want)
		})
	}
}

// TestForkedProcessesAreNotTwins checks that Refute does not read the processes that were forked from a member: it can
// have thousands of them.
func TestForkedProcessesAreNotTwins(t *testing.T) {
	member, child := execed(10, 9, 7), forked(11, 10, 7)
	table := newImageTable(&member, &child)
	w := procfs.NewWitnesses(table)
	w.Add(&member.Stat)
	w.Refute(snapshotOf(&member, &child))
	if diff := cmp.Diff(map[int]int{}, table.reads); diff != "" {
		t.Errorf("reads (-want +got):\n%s", diff)
	}
}

// TestRefutedForGood checks that a witness remains refuted after its twin has ended, whether the twin was found before
// or after an orphan was attributed.
func TestRefutedForGood(t *testing.T) {
	adopters := map[int]bool{1: true}
	member, orphan, younger, twin := execed(10, 9, 7), forked(20, 1, 7), forked(21, 1, 7), execed(30, 1, 7)
	table := newImageTable(&member, &orphan, &younger, &twin)
	w := procfs.NewWitnesses(table)
	w.Read(&member.Stat)
	if _, ok := w.Attribute(orphan.ID); !ok {
		t.Fatal("not attributed before there was a twin")
	}
	w.Refute(snapshotOf(&member, &orphan, &younger, &twin))
	delete(table.procs, twin.PID)
	without := snapshotOf(&member, &orphan, &younger)
	w.Add(&member.Stat)
	w.Read(&member.Stat)
	w.Refute(without)
	if list := w.Candidates(without, adopters); list != nil {
		t.Errorf("candidates: %v", pidsOf(list))
	}
	if member, ok := w.Attribute(younger.ID); ok {
		t.Errorf("attributed to %v", member)
	}
}

// TestMembersWithOneImage checks that two members with the same image refute each other: one image is forged.
func TestMembersWithOneImage(t *testing.T) {
	one, two, orphan := execed(10, 9, 7), execed(11, 9, 7), forked(20, 1, 7)
	table := newImageTable(&one, &two, &orphan)
	s := snapshotOf(&one, &two, &orphan)
	w := procfs.NewWitnesses(table)
	w.Add(&one.Stat)
	w.Add(&two.Stat)
	w.Refute(s)
	if list := w.Candidates(s, map[int]bool{1: true}); list != nil {
		t.Errorf("candidates: %v", pidsOf(list))
	}
}

// TestMembersWithOneLayout checks that a member whose layout is that of another member by chance, or in whose stead
// nothing can be read, does not prevent that an orphan is attributed to the other one.
func TestMembersWithOneLayout(t *testing.T) {
	for name, change := range map[string]func(*imageProcess){
		"another vector": func(p *imageProcess) { p.image.Auxv = "another" },
		"ended":          func(p *imageProcess) { p.err = procfs.ErrNoProcess },
		"younger":        func(p *imageProcess) { p.setStart(25); p.image.Auxv = "another" },
	} {
		one, two, orphan := execed(10, 9, 7), execed(11, 9, 7), forked(20, 1, 7)
		change(&one)
		s := snapshotOf(&one, &two, &orphan)
		w := procfs.NewWitnesses(newImageTable(&one, &two, &orphan))
		w.Add(&one.Stat)
		w.Add(&two.Stat)
		w.Refute(s)
		if list := w.Candidates(s, map[int]bool{1: true}); len(list) != 1 {
			t.Errorf("%s: candidates %v", name, pidsOf(list))
		}
		if member, ok := w.Attribute(orphan.ID); !ok || member != two.ID {
			t.Errorf("%s: %v, %v", name, member, ok)
		}
	}
}

// TestAttributeOlder checks that Attribute compares the start times itself: a candidate may be younger than one witness
// with its layout, and older than another with its image.
func TestAttributeOlder(t *testing.T) {
	one, two, orphan := execed(10, 9, 7), execed(11, 9, 7), forked(20, 1, 7)
	one.image.Auxv = "another"
	two.setStart(21)
	w := procfs.NewWitnesses(newImageTable(&one, &two, &orphan))
	w.Add(&one.Stat)
	w.Add(&two.Stat)
	if list := w.Candidates(snapshotOf(&one, &two, &orphan), map[int]bool{1: true}); len(list) != 1 {
		t.Errorf("candidates: %v", pidsOf(list))
	}
	if member, ok := w.Attribute(orphan.ID); ok {
		t.Errorf("attributed to %v, which is younger", member)
	}
}

// TestReadKeepsImage checks that the image of a member that has ended counts if, and only if, it was read before.
func TestReadKeepsImage(t *testing.T) {
	for _, read := range []bool{true, false} {
		member, orphan := execed(10, 9, 7), forked(20, 1, 7)
		table := newImageTable(&member, &orphan)
		w := procfs.NewWitnesses(table)
		if read {
			w.Read(&member.Stat)
		} else {
			w.Add(&member.Stat)
		}
		delete(table.procs, member.PID)
		s := snapshotOf(&orphan)
		w.Refute(s)
		if list := w.Candidates(s, map[int]bool{1: true}); len(list) != 1 {
			t.Errorf("read %v: candidates %v", read, pidsOf(list))
		}
		if from, ok := w.Attribute(orphan.ID); ok != read || ok && from != member.ID {
			t.Errorf("read %v: %v, %v", read, from, ok)
		}
	}
}

// TestImageOfWitnessIsReadOnce checks that the methods of Witnesses read an image only when they need it, and that of a
// member once.
func TestImageOfWitnessIsReadOnce(t *testing.T) {
	member, one, two, twin := execed(10, 9, 7), forked(20, 1, 7), forked(21, 1, 7), execed(30, 1, 7)
	twin.image.Auxv = "another"
	unreadable := execed(40, 9, 8)
	unreadable.err = procfs.ErrNoImage
	table := newImageTable(&member, &one, &two, &twin, &unreadable)
	w := procfs.NewWitnesses(table)
	reads := func(want map[int]int) {
		t.Helper()
		if diff := cmp.Diff(want, table.reads); diff != "" {
			t.Errorf("reads (-want +got):\n%s", diff)
		}
	}
	for range 2 {
		w.Add(&member.Stat)
		w.Add(&unreadable.Stat)
	}
	quiet := snapshotOf(&member, &one, &two, &unreadable)
	w.Refute(quiet)
	w.Candidates(quiet, map[int]bool{1: true})
	reads(map[int]int{})
	w.Refute(snapshotOf(&member, &one, &two, &twin, &unreadable))
	reads(map[int]int{10: 1, 30: 1})
	for range 2 {
		w.Read(&member.Stat)
		w.Read(&unreadable.Stat)
	}
	reads(map[int]int{10: 1, 30: 1, 40: 1})
	for _, orphan := range []*imageProcess{&one, &two} {
		if _, ok := w.Attribute(orphan.ID); !ok {
			t.Errorf("%d was not attributed", orphan.PID)
		}
	}
	reads(map[int]int{10: 1, 20: 1, 21: 1, 30: 1, 40: 1})
}

// TestSecondExecve checks that a member that calls execve(2) again is a further witness.
func TestSecondExecve(t *testing.T) {
	before, after := execed(10, 9, 7), execed(10, 9, 8)
	of7, of8, of9 := forked(20, 1, 7), forked(21, 1, 8), forked(22, 1, 9)
	table := newImageTable(&before, &of7, &of8, &of9)
	w := procfs.NewWitnesses(table)
	w.Read(&before.Stat)
	table.procs[10] = &after
	s := snapshotOf(&after, &of7, &of8, &of9)
	w.Add(&after.Stat)
	w.Refute(s)
	if diff := cmp.Diff([]int{20, 21}, pidsOf(w.Candidates(s, map[int]bool{1: true}))); diff != "" {
		t.Errorf("candidates (-want +got):\n%s", diff)
	}
	for _, orphan := range []*imageProcess{&of7, &of8} {
		if from, ok := w.Attribute(orphan.ID); !ok || from != id(10) {
			t.Errorf("%d: %v, %v", orphan.PID, from, ok)
		}
	}
	if from, ok := w.Attribute(of9.ID); ok {
		t.Errorf("the orphan of an unrelated program was attributed to %v", from)
	}
}

// TestStaleLayout covers a member that a scan shows with the layout of before its execve(2) and the flags of after it.
// Such a member must not refute its parent, and counts with its new layout from the next scan on.
func TestStaleLayout(t *testing.T) {
	parent, stale, child := execed(10, 9, 7), execed(11, 10, 7), execed(11, 10, 8)
	ofParent, ofChild := forked(20, 1, 7), forked(21, 1, 8)
	stale.image = child.image
	table := newImageTable(&parent, &stale, &ofParent, &ofChild)
	w := procfs.NewWitnesses(table)
	for _, scan := range []*procfs.Snapshot{
		snapshotOf(&parent, &stale, &ofParent, &ofChild), snapshotOf(&parent, &child, &ofParent, &ofChild),
	} {
		w.Add(&scan.Procs[0])
		w.Add(&scan.Procs[1])
		w.Refute(scan)
	}
	for orphan, want := range map[procfs.ID]procfs.ID{ofParent.ID: parent.ID, ofChild.ID: child.ID} {
		if from, ok := w.Attribute(orphan); !ok || from != want {
			t.Errorf("%v: %v, %v, want %v", orphan, from, ok, want)
		}
	}
}

func TestReject(t *testing.T) {
	member, one, two := execed(10, 9, 7), forked(20, 1, 7), forked(21, 1, 7)
	reused := forked(20, 1, 7)
	reused.setStart(99)
	w := procfs.NewWitnesses(newImageTable(&member, &one, &two))
	w.Add(&member.Stat)
	w.Reject(one.ID)
	if diff := cmp.Diff([]int{21}, pidsOf(w.Candidates(snapshotOf(&member, &one, &two), map[int]bool{1: true}))); diff != "" {
		t.Errorf("candidates (-want +got):\n%s", diff)
	}
	// Another process with the PID is a candidate.
	if diff := cmp.Diff([]int{20, 21}, pidsOf(w.Candidates(snapshotOf(&member, &reused, &two), map[int]bool{1: true}))); diff != "" {
		t.Errorf("candidates after reuse of the PID (-want +got):\n%s", diff)
	}
}

func TestWitnessesEmpty(t *testing.T) {
	root, ended, fixed, orphan := forked(10, 9, 7), execed(11, 10, 7), execed(12, 10, 7), forked(20, 1, 7)
	ended.State = 'Z'
	fixed.Flags = 0
	table := newImageTable(&root, &ended, &fixed, &orphan)
	s := snapshotOf(&root, &ended, &fixed, &orphan)
	w := procfs.NewWitnesses(table)
	for _, p := range []*imageProcess{&root, &ended, &fixed} {
		w.Add(&p.Stat)
		w.Read(&p.Stat)
	}
	w.Refute(s)
	if list := w.Candidates(s, map[int]bool{1: true}); !w.Empty() || list != nil || len(table.reads) != 0 {
		t.Errorf("empty %v, candidates %v, reads %v", w.Empty(), pidsOf(list), table.reads)
	}
	if from, ok := w.Attribute(orphan.ID); ok {
		t.Errorf("attributed to %v", from)
	}
	member := execed(13, 10, 8)
	if w.Add(&member.Stat); w.Empty() {
		t.Error("empty, with a witness")
	}
}

func TestAdopters(t *testing.T) {
	s := procfs.Snapshot{Procs: []procfs.Stat{
		proc(1, 0, 1), proc(2, 0, 2), proc(5, 1, 5), proc(6, 5, 5), proc(7, 6, 5), proc(8, 5, 5), proc(20, 2, 20), proc(21, 20, 20),
		proc(40, 41, 40), proc(41, 40, 40),
	}}
	for _, tt := range []struct {
		roots []int
		want  []int
	}{
		{nil, []int{1}},
		{[]int{1}, []int{1}},
		{[]int{5}, []int{1}},
		{[]int{7}, []int{1, 5, 6}},
		{[]int{8}, []int{1, 5}},
		{[]int{7, 21}, []int{1, 2, 5, 6, 20}},
		{[]int{21}, []int{1, 2, 20}},  // its ancestors do not include PID 1
		{[]int{41}, []int{1, 40}},     // the parents form a loop
		{[]int{77}, []int{1}},         // ended
		{[]int{7, 6}, []int{1, 5, 6}}, // nested
	} {
		var roots []procfs.ID
		for _, pid := range tt.roots {
			roots = append(roots, id(pid))
		}
		if diff := cmp.Diff(pidSet(tt.want), s.Adopters(roots)); diff != "" {
			t.Errorf("Adopters(%v) (-want +got):\n%s", tt.roots, diff)
		}
	}
	for parent, want := range map[int][]int{1: {1}, 5: {1, 5}, 7: {1, 5, 6, 7}, 20: {1, 2, 20}, 77: {1, 77}} {
		if diff := cmp.Diff(pidSet(want), s.AdoptersAbove(parent)); diff != "" {
			t.Errorf("AdoptersAbove(%d) (-want +got):\n%s", parent, diff)
		}
	}
	if diff := cmp.Diff(pidSet([]int{1, 5}), new(procfs.Snapshot).AdoptersAbove(5)); diff != "" {
		t.Errorf("of an empty snapshot (-want +got):\n%s", diff)
	}
}

func pidSet(pids []int) map[int]bool {
	set := make(map[int]bool)
	for _, pid := range pids {
		set[pid] = true
	}
	return set
}
