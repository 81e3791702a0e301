package escalate

import (
	"testing"

	"killbox/procfs"
)

const randomized = 0x00400000 // PF_RANDOMIZE

// image returns st with the memory layout number n: each execve(2) gives a process another one.
func image(st procfs.Stat, n uint64) procfs.Stat {
	st.Flags, st.StartCode, st.StartStack = randomized, 1000*n, 2000*n
	return st
}

// takeOver replaces p by an unrelated process with the same PID and start time.
func (w *world) takeOver(p *process, by process) *process {
	p.die()
	by.ID = p.ID
	if by.PPID == 0 {
		by.PPID = initPID
	}
	by.Comm = "unrelated"
	return w.add(by)
}

// TestPIDReusedWithinATick: parent, session and memory layout (image) distinguish a member from an unrelated process
// with the same PID and start time.
func TestPIDReusedWithinATick(t *testing.T) {
	for _, test := range []struct {
		name     string
		sameTick bool
		parent   bool // the member's parent still exists
		by       process
		hit      bool
	}{
		{"another parent", true, true, process{}, false},
		{"another parent, image unknown", true, true, process{Stat: procfs.Stat{SID: 40}}, false},
		{"another parent and image", true, true, process{Stat: image(procfs.Stat{}, 2)}, false},
		{"a child of the member's parent", true, true, process{Stat: procfs.Stat{PPID: 100}}, true},
		{"the parent is gone, the same image", true, false, process{Stat: image(procfs.Stat{}, 1)}, true},
		{"the parent is gone, another image", true, false, process{Stat: image(procfs.Stat{}, 2)}, false},
		{"the tick was over", false, false, process{}, true}, // the kernel would give a later start time
	} {
		bubble(t, test.name, func(t *testing.T) {
			w := newWorld(t)
			root := w.add(process{Stat: image(stat(100), 1)})
			child := w.add(process{Stat: image(procfs.Stat{PPID: 100, PGID: 40}, 1)})
			w.sameTick = test.sameTick
			var other *process
			child.opening = func(p *process) {
				if !test.parent {
					root.die()
				}
				other = w.takeOver(p, test.by)
			}
			carryOut(w, freezing("TERM/5/KILL/2"), root)
			if hit := len(other.got) > 0; hit != test.hit {
				t.Errorf("the process that reused the PID got %v", other.got)
			}
		})
	}
}

// TestRootReusedWithinATick: children of an unrelated process that has the ID of a root are not attributed to the tree.
func TestRootReusedWithinATick(t *testing.T) {
	for _, test := range []struct {
		name               string
		children, sameTick bool
	}{
		{"the tree", false, true},
		{"its descendants", true, true},
		{"the tree, scanned when the tick is over", false, false},
		{"its descendants, scanned when the tick is over", true, false},
	} {
		bubble(t, test.name, func(t *testing.T) {
			w := newWorld(t)
			w.sameTick = test.sameTick
			plan := freezing("TERM/1/KILL/1")
			plan.Tree.Children = test.children
			root := w.add(process{Stat: stat(100)})
			w.at = map[int]func(){2: func() { // call 1 opens the root
				w.takeOver(root, process{})
				w.children(100, 2, process{})
			}}
			carryOut(w, plan, root).endedBut(100, 101, 102)
		})
	}
}

// TestRootEndsDuringTheScan: if the root ends during the scan, the children that the scan shows below it are members.
// If the entry of the root could belong to another process, the result is unproved.
func TestRootEndsDuringTheScan(t *testing.T) {
	for _, test := range []struct {
		name            string
		image, sameTick bool
	}{
		{"a known image", true, false},
		{"a known image, all in one tick", true, true},
		{"an unknown image", false, false},
		{"an unknown image, all in one tick", false, true},
	} {
		bubble(t, test.name, func(t *testing.T) {
			w := newWorld(t)
			w.sameTick = test.sameTick
			kind := func(st procfs.Stat) process {
				if test.image {
					st = image(st, 1)
				}
				return process{Stat: st}
			}
			root := w.add(kind(stat(100)))
			w.fork(root, kind(procfs.Stat{Comm: "other"}))
			w.reading = func(n int) {
				if n == 1 {
					root.die()
				}
			}
			out := carryOut(w, freezing("TERM/5/KILL/2"), root)
			if ended := len(w.alive()) == 0; ended != test.image || out.Proved && !ended {
				t.Errorf("alive %v, proved %v", w.alive(), out.Proved)
			}
		})
	}
}

// TestParentsFirst: each member comes after its parent, in whatever order their PIDs are.
func TestParentsFirst(t *testing.T) {
	var members []*procfs.Stat
	for _, p := range [][2]int{{10, 90}, {20, 10}, {30, 31}, {31, 30}, {50, 1}, {90, 50}} {
		members = append(members, &procfs.Stat{ID: procfs.ID{PID: p[0]}, PPID: p[1]})
	}
	seen := make(map[int]bool)
	ordered := parentsFirst(members)
	for _, st := range ordered {
		if seen[st.PID] || (st.PPID == 90 || st.PPID == 10 || st.PPID == 50) && !seen[st.PPID] {
			t.Errorf("%d comes before %d", st.PID, st.PPID)
		}
		seen[st.PID] = true
	}
	if len(ordered) != len(members) {
		t.Errorf("%d of %d", len(ordered), len(members))
	}
}
