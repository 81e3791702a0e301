package escalate

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"killbox/internal/freeze"
	"killbox/internal/signals"
	"killbox/procfs"
)

// children adds n copies of kind as children of the process with the PID ppid.
func (w *world) children(ppid, n int, kind process) []*process {
	var list []*process
	for range n {
		child := kind
		child.PPID = ppid
		list = append(list, w.add(child))
	}
	return list
}

// rounds returns how often the log has the call.
func (out *outcome) rounds(call string) int {
	n := 0
	for _, line := range out.w.log {
		if line == call {
			n++
		}
	}
	return n
}

// TestTreeOutcomes: the outcome for a root, its child of the given behaviour, and a child of that child.
func TestTreeOutcomes(t *testing.T) {
	for _, test := range []struct {
		name   string
		is     func(w *world, p *process)
		ladder string
		rung   int // of the call
		alive  int // number of processes that are alive after the call
	}{
		{"dies at once", func(*world, *process) {}, "TERM/5/KILL/2", 1, 0},
		{"dies within the grace", func(_ *world, p *process) { p.linger = 4 * time.Second }, "TERM/5/KILL/2", 1, 0},
		{"dies too late", func(_ *world, p *process) { p.linger = 6 * time.Second }, "TERM/5/KILL/2", 2, 0},
		{"ignores", func(_ *world, p *process) { p.handle = ignores(signals.TERM) }, "TERM/5/KILL/2", 2, 0},
		{"ignores, and there is no KILL", func(_ *world, p *process) { p.handle = ignores(signals.TERM) }, "TERM/5", 1, 1},
		{"blocks", func(_ *world, p *process) {
			p.State, p.blocks = 'R', map[signals.Signal]bool{signals.TERM: true}
		}, "TERM/5/KILL/2", 2, 0},
		{"uninterruptible", func(_ *world, p *process) { p.State, p.immune = 'D', true }, "TERM/5/KILL/2", 2, 1},
		// The child of the zombie has been adopted by init, and nothing links that child to the tree.
		{"a zombie", func(_ *world, p *process) { p.reap = -1; p.die() }, "TERM/5/KILL/2", 1, 1},
		{"never reaped", func(_ *world, p *process) { p.reap = -1 }, "TERM/5/KILL/2", 1, 0},
		{"leader exited", func(_ *world, p *process) { p.Threads, p.leaderLeft = 2, true }, "TERM/5/KILL/2", 1, 0},
		{"traced", func(_ *world, p *process) { p.State = 't' }, "TERM/5/KILL/2", 1, 0},
		{"stopped before", func(_ *world, p *process) { p.State = 'T' }, "TERM/5/KILL/2", 1, 0},
		{"takes its time to stop", func(_ *world, p *process) { p.stopping = 20 * time.Millisecond }, "TERM/5/KILL/2", 1, 0},
		{"forks on TERM", func(w *world, p *process) {
			p.handle = forksOn(signals.TERM, func() process { return process{handle: ignores(signals.TERM)} })
		}, "TERM/5/KILL/2", 2, 0},
		{"replaces each dead child", func(w *world, p *process) {
			child := func() process { return process{Stat: procfs.Stat{Comm: "worker"}} }
			p.handle = forksOn(signals.CHLD, child)
			w.fork(p, child())
		}, "TERM/5/KILL/2", 1, 0},
		{"replaces each dead child, and ignores TERM", func(w *world, p *process) {
			p.handle = func(p *process, s signals.Signal) bool {
				if s == signals.CHLD {
					w.fork(p, process{linger: time.Second})
				}
				return s != signals.KILL
			}
			w.fork(p, process{linger: time.Second})
		}, "TERM/5/KILL/2", 2, 0},
		{"a bomb", func(w *world, p *process) {
			var bomb func(p *process)
			bomb = func(p *process) {
				p.State = 'R'
				p.every(10*time.Millisecond, func() {
					if len(w.procs) < 300 {
						bomb(w.fork(p, process{}))
					}
				})
			}
			bomb(p)
		}, "TERM/5/KILL/2", 1, 0},
		{"led a session", func(_ *world, p *process) { p.setsid() }, "TERM/5/KILL/2", 1, 0},
		{"daemonizes", func(w *world, p *process) {
			// fork, setsid, fork, exit: only the session could link the orphan to the tree, but its leader
			// exited before the first scan.
			leader := w.fork(p, process{})
			leader.setsid()
			w.fork(leader, process{})
			leader.die()
		}, "TERM/5/KILL/2", 1, 1},
	} {
		bubble(t, test.name, func(t *testing.T) {
			w := newWorld(t)
			tree := w.chain(100, 110, 120)
			test.is(w, tree[1])
			out := carryOut(w, freezing(test.ladder), tree[0])
			if out.err != nil {
				t.Errorf("error: %v", out.err)
			}
			if out.Rung != test.rung || len(w.alive()) != test.alive {
				t.Errorf("rung %d, alive %v; want rung %d, %d alive\n%s", out.Rung, w.alive(), test.rung, test.alive, strings.Join(out.lines, "\n"))
			}
		})
	}
}

// TestMidFork: a member in uninterruptible sleep in the middle of a fork finishes the fork before it stops, and the
// child is ended, too. The call does not wait for a member that waits for its vfork child.
func TestMidFork(t *testing.T) {
	for _, vforks := range []bool{false, true} {
		bubble(t, fmt.Sprint("vfork ", vforks), func(t *testing.T) {
			w := newWorld(t)
			tree := w.chain(100, 110, 120)
			p := tree[1]
			p.State, p.vforks, p.stopping = 'D', vforks, 100*time.Millisecond
			if vforks {
				p.stopping = time.Hour
			}
			w.after(100*time.Millisecond, func() {
				if !vforks {
					p.State = 'R'
					w.fork(p, process{})
					p.State = 'T'
				}
			})
			out := carryOut(w, freezing("TERM/5/KILL/2"), tree[0])
			out.ended()
			if out.Rung != 1 || !out.Proved || len(w.alive()) != 0 {
				t.Errorf("rung %d, proved %v, alive %v", out.Rung, out.Proved, w.alive())
			}
			if took := out.Elapsed; (took >= 100*time.Millisecond) == vforks {
				t.Errorf("the call took %v", took)
			}
		})
	}
}

// TestStableTree: after the scan that finds the members, one scan proves the freeze of a stable tree if no PID was
// allocated during it. If unrelated processes fork, it takes StableScans scans.
func TestStableTree(t *testing.T) {
	for allocates, scans := range map[bool]int{false: 2, true: 1 + freeze.StableScans} {
		bubble(t, fmt.Sprint(allocates), func(t *testing.T) {
			w := newWorld(t)
			tree := w.chain(100, 110, 120)
			w.allocatesPIDs = allocates
			out := carryOut(w, freezing("TERM/5/KILL/2"), tree[0])
			out.ended()
			if !out.Proved || w.reads != scans {
				t.Errorf("proved %v after %d scans, want true after %d", out.Proved, w.reads, scans)
			}
			out.want("0s TERM 100", "0s TERM 110", "0s TERM 120", "0s gone 120", "0s gone 110", "0s gone 100")
		})
	}
}

// evader makes p fork and exit when it is opened, and so does its child, n times in all. The last child is opened, too,
// and exits without a child.
func (w *world) evader(p *process, n int) {
	p.opening = func(p *process) {
		p.opening = nil
		if n > 0 {
			w.evader(w.fork(p, process{}), n-1)
		}
		p.die()
	}
}

// TestChurningTree: a member vanishes while the tree is being stopped, so only a scan during which no PID is allocated
// proves the freeze.
func TestChurningTree(t *testing.T) {
	for _, test := range []struct {
		name   string
		world  func(w *world)
		prove  time.Duration
		always bool
		proved bool
	}{
		{"no PID allocated", func(*world) {}, time.Second, false, true},
		{"PIDs allocated elsewhere", func(w *world) { w.allocatesPIDs = true }, time.Second, false, false},
		{"PIDs allocated elsewhere, for a while", func(w *world) {
			w.allocatesPIDs = true
			w.after(500*time.Millisecond, func() { w.allocatesPIDs = false })
		}, time.Second, false, true},
		{"PIDs allocated elsewhere, too long", func(w *world) {
			w.allocatesPIDs = true
			w.after(5*time.Second, func() { w.allocatesPIDs = false })
		}, time.Second, false, false},
		{"PIDs allocated elsewhere, and more time", func(w *world) {
			w.allocatesPIDs = true
			w.after(5*time.Second, func() { w.allocatesPIDs = false })
		}, 10 * time.Second, false, true},
		{"no loadavg", func(w *world) { w.hideLoadavg = true }, time.Second, false, false},
		{"a process is hidden", func(w *world) { w.hidden = 1 }, time.Second, false, false},
	} {
		bubble(t, test.name, func(t *testing.T) {
			w := newWorld(t)
			tree := w.chain(100, 110)
			w.evader(w.children(110, 1, process{})[0], 0)
			test.world(w)
			plan := freezing("TERM/5/KILL/2")
			plan.Prove, plan.ProveAlways = test.prove, test.always
			out := carryOut(w, plan, tree[0])
			out.ended()
			if out.Proved != test.proved || (out.Doubt == "") != test.proved {
				t.Errorf("proved %v, %q; want %v", out.Proved, out.Doubt, test.proved)
			}
		})
	}
}

// TestProveAlways: with ProveAlways, stable scans are no proof, even of a stable tree.
func TestProveAlways(t *testing.T) {
	for _, allocates := range []bool{false, true} {
		bubble(t, fmt.Sprint(allocates), func(t *testing.T) {
			w := newWorld(t)
			tree := w.chain(100, 110)
			w.allocatesPIDs = allocates
			plan := freezing("TERM/5/KILL/2")
			plan.ProveAlways = true
			out := carryOut(w, plan, tree[0])
			out.ended()
			if out.Proved == allocates {
				t.Errorf("proved %v, with PIDs allocated elsewhere: %v", out.Proved, allocates)
			}
		})
	}
}

// TestOrphanIsSuspected: a member that no scan shows exits, and init adopts its child. The child is named in the doubt,
// but not signalled.
func TestOrphanIsSuspected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		root := w.add(process{Stat: stat(100)})
		child := w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: 110}, PPID: 100, Comm: "a\nb\x1b"}})
		w.evader(child, 1)
		out := carryOut(w, freezing("TERM/5/KILL/2"), root)
		if out.err != nil || out.Proved || !strings.Contains(out.Doubt, `(a\nb\x1b) is orphaned`) {
			t.Errorf("proved %v: %q (%v)", out.Proved, out.Doubt, out.err)
		}
		if got := w.alive(); len(got) != 1 || w.procs[got[0]].PPID != initPID {
			t.Errorf("alive: %v, want only the orphan, which may be an unrelated process", got)
		}
	})
}

// TestSessions: an orphan is attributed to the tree by its session.
func TestSessions(t *testing.T) {
	// The root leads a session. In it are a child and a stray, whose parent died before the first scan.
	build := func(w *world) (root, stray *process) {
		root = w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: 100}, PGID: 100, SID: 100}})
		w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: 110}, PPID: 100, PGID: 100, SID: 100}})
		stray = w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: 120}, PPID: 1, PGID: 115, SID: 100}})
		// A process of another session is no member, although it is in the group of the root.
		w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: 60}, PPID: 1, PGID: 100, SID: 40}})
		return root, stray
	}
	for _, strays := range []bool{true, false} {
		bubble(t, fmt.Sprint(strays), func(t *testing.T) {
			w := newWorld(t)
			root, stray := build(w)
			plan := freezing("TERM/5/KILL/2")
			plan.Tree.Sessions = strays
			carryOut(w, plan, root)
			want := []int{60}
			if !strays {
				want = []int{60, stray.PID}
			}
			if got := w.alive(); !slices.Equal(got, want) {
				t.Errorf("alive: %v, want %v", got, want)
			}
		})
	}
	bubble(t, "with strays of their own", func(t *testing.T) {
		w := newWorld(t)
		root, stray := build(w)
		w.children(stray.PID, 2, process{Stat: procfs.Stat{SID: 777}})
		carryOut(w, freezing("TERM/5/KILL/2"), root)
		if got := w.alive(); !slices.Equal(got, []int{60}) {
			t.Errorf("alive: %v", got)
		}
	})
	bubble(t, "the leader ends between two steps", func(t *testing.T) {
		// The leader dies of the first signal, and its child ignores it. Before the second signal the child
		// forks a process that forks another one and dies.
		w := newWorld(t)
		root := w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: 100}}})
		leader := w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: 110}, PPID: 100, PGID: 110, SID: 110}})
		p := w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: 120}, PPID: 110, PGID: 110, SID: 110}, handle: ignores(signals.TERM)})
		_ = leader
		w.after(time.Second, func() {
			middle := w.fork(p, process{handle: ignores(signals.TERM)})
			w.fork(middle, process{handle: ignores(signals.TERM)})
			middle.die()
		})
		out := carryOut(w, freezing("TERM/5/KILL/2"), root)
		out.ended()
		if out.Rung != 2 {
			t.Errorf("rung %d", out.Rung)
		}
	})
	bubble(t, "the session ID was reused", func(t *testing.T) {
		w := newWorld(t)
		root := w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: 100}}, handle: ignores(signals.TERM)})
		leader := w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: 110}, PPID: 100, PGID: 110, SID: 110}})
		_ = leader
		w.after(time.Second, func() {
			w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: 110, Start: 99999}, PPID: 1, PGID: 110, SID: 110, Comm: "unrelated"}})
			w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: 130}, PPID: 110, PGID: 110, SID: 110, Comm: "unrelated"}})
		})
		carryOut(w, freezing("TERM/5/KILL/2"), root)
		if got := w.alive(); !slices.Equal(got, []int{110, 130}) {
			t.Errorf("alive: %v, want the two unrelated processes", got)
		}
	})
}

// TestPIDReusedBeforeTheOpen: a process that has reused the PID of a member between the scan and the open is not
// signalled.
func TestPIDReusedBeforeTheOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		root := w.add(process{Stat: stat(100)})
		child := w.children(100, 1, process{})[0]
		var unrelated *process
		child.opening = func(p *process) {
			p.die()
			unrelated = w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: p.PID, Start: 99999}, PPID: 1, Comm: "unrelated"}})
		}
		out := carryOut(w, freezing("TERM/5/KILL/2"), root)
		out.endedBut(unrelated.PID)
		if len(unrelated.got) > 0 || w.opened[unrelated.ID] != nil {
			t.Errorf("the unrelated process got %v, and is open: %v", unrelated.got, w.opened[unrelated.ID] != nil)
		}
	})
}

// endedBut checks that exactly the processes with these PIDs are alive, apart from those of newWorld.
func (out *outcome) endedBut(but ...int) {
	out.w.t.Helper()
	if got := out.w.alive(); !slices.Equal(got, but) {
		out.w.t.Errorf("alive: %v, want %v", got, but)
	}
	if out.err != nil {
		out.w.t.Errorf("error: %v", out.err)
	}
}

func TestChildrenOnly(t *testing.T) {
	bubble(t, "the root lives", func(t *testing.T) {
		w := newWorld(t)
		tree := w.chain(100, 110, 120)
		plan := freezing("TERM/5/KILL/2")
		plan.Tree.Children = true
		out := carryOut(w, plan, tree[0])
		out.endedBut(100)
		if len(tree[0].got) > 0 || len(out.Results) != 2 {
			t.Errorf("the root got %v; %d results", tree[0].got, len(out.Results))
		}
	})
	bubble(t, "the root forks again during the call", func(t *testing.T) {
		w := newWorld(t)
		tree := w.chain(100, 110)
		tree[0].handle = func(p *process, s signals.Signal) bool {
			if s == signals.CHLD && w.lastPID < 115 {
				w.fork(p, process{})
			}
			return true
		}
		plan := freezing("TERM/5/KILL/2")
		plan.Tree.Children = true
		out := carryOut(w, plan, tree[0])
		out.endedBut(100)
		if out.Rung != 1 {
			t.Errorf("rung %d", out.Rung)
		}
	})
	bubble(t, "called from within", func(t *testing.T) {
		// As for trap 'tkill -c $$' EXIT, the root is the parent of this process.
		w := newWorld(t)
		w.procs[40].last = true
		w.children(40, 3, process{})
		plan := freezing("TERM/5/KILL/2")
		plan.Tree.Children = true
		out := carryOut(w, plan, w.procs[40])
		out.endedBut()
		if len(w.procs[40].got) > 0 {
			t.Errorf("the shell got %v", w.procs[40].got)
		}
		if w.guard.started != 1 {
			t.Errorf("%d guardians", w.guard.started)
		}
		if out.o.lines[0] != "0s skipped 50: this process" {
			t.Errorf("first event: %q", out.o.lines[0])
		}
	})
}

// TestAncestorGiven: an ancestor that is given as an operand is signalled after all others, and never stopped.
func TestAncestorGiven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		shell := w.procs[40]
		shell.last = true
		w.children(40, 2, process{Stat: procfs.Stat{SID: 40}})
		out := carryOut(w, freezing("TERM/5/KILL/2"), shell)
		if shell.State != 'Z' || out.lines[len(out.lines)-1] != "0s gone 40" && out.lines[len(out.lines)-3] != "0s gone 40" {
			t.Errorf("%q", out.lines)
		}
		i := slices.Index(out.lines, "0s TERM 40")
		if i < 0 || !slices.Contains(out.lines[:i], "0s TERM 100") || !slices.Contains(out.lines[:i], "0s TERM 101") {
			t.Errorf("the ancestor does not come last: %q", out.lines)
		}
	})
}

func TestOverlappingTrees(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tree := w.chain(100, 110, 120)
		other := w.add(process{Stat: stat(200)})
		out := carryOut(w, freezing("TERM/5/KILL/2"), tree[1], tree[0], other, tree[2], tree[0])
		out.ended()
		for _, p := range append(tree, other) {
			want := []signals.Signal{signals.STOP, signals.TERM, signals.CONT}
			if !slices.Equal(p.got, want) {
				t.Errorf("%d got %v, want %v", p.PID, p.got, want)
			}
		}
	})
}

func TestExclusionsInATree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		root := w.add(process{Stat: stat(100)})
		kept := w.children(100, 1, process{})[0]
		below := w.children(kept.PID, 1, process{})[0]
		plan := freezing("TERM/5/KILL/2")
		w.policy.exclude = func(st *procfs.Stat) string {
			if st.ID == kept.ID {
				return "omitted"
			}
			return excludeUsual(st)
		}
		out := carryOut(w, plan, root)
		out.endedBut(kept.PID)
		if len(kept.got) > 0 || !below.Stat.Gone() {
			t.Errorf("the excluded process got %v; its child is gone: %v", kept.got, below.Stat.Gone())
		}
		if !out.Proved || out.lines[0] != fmt.Sprintf("0s skipped %d: omitted", kept.PID) || out.rounds(fmt.Sprintf("open %d", kept.PID)) > 0 {
			t.Errorf("proved %v, %q", out.Proved, out.lines)
		}
		n := 0
		for _, line := range out.lines {
			if strings.Contains(line, "skipped") {
				n++
			}
		}
		if n != 1 {
			t.Errorf("reported %d times", n)
		}
	})
}

// TestNotPermitted: the other members are ended if one member may not be signalled.
func TestNotPermitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tree := w.chain(100, 110, 120)
		tree[1].refuses = errPerm
		out := carryOut(w, freezing("TERM/5/KILL/2"), tree[0])
		if out.Count(Refused) != 1 || out.Count(Gone) != 2 || out.o.failed != 1 || out.Elapsed > time.Second {
			t.Errorf("%d refused, %d gone, %d failures, after %v", out.Count(Refused), out.Count(Gone), out.o.failed, out.Elapsed)
		}
	})
}

// TestStoppedByOthers: a member that a third party has stopped is resumed only after a signal that ends processes, and
// is never on the list of the guardian.
func TestStoppedByOthers(t *testing.T) {
	for signal, want := range map[string][]signals.Signal{
		"TERM": {signals.TERM, signals.CONT},
		"KILL": {signals.KILL},
		"CHLD": {signals.CHLD},
	} {
		bubble(t, signal, func(t *testing.T) {
			w := newWorld(t)
			tree := w.chain(100, 110)
			tree[1].State = 'T'
			carryOut(w, freezing(signal+"/1"), tree[0])
			if !slices.Equal(tree[1].got, want) {
				t.Errorf("the member got %v, want %v", tree[1].got, want)
			}
			if w.guard.list[tree[1].ID] {
				t.Error("the member is on the list of the guardian")
			}
		})
	}
}

// TestStopAsLadder: after a signal that stops processes, no process is resumed.
func TestStopAsLadder(t *testing.T) {
	for _, s := range []string{"STOP", "TSTP"} {
		bubble(t, s, func(t *testing.T) {
			w := newWorld(t)
			w.wantStopped = true
			tree := w.chain(100, 110)
			carryOut(w, freezing(s+"/1"), tree[0])
			for _, p := range tree {
				if p.State != 'T' || slices.Contains(p.got, signals.CONT) {
					t.Errorf("%d is in state %c, and got %v", p.PID, p.State, p.got)
				}
			}
			if len(w.guard.list) > 0 {
				t.Error("the guardian would resume the processes")
			}
		})
	}
}

func TestNoFreeze(t *testing.T) {
	bubble(t, "no process gets SIGSTOP, and KILL is sent deepest first", func(t *testing.T) {
		w := newWorld(t)
		ignore := ignores(signals.TERM)
		// The order of the PIDs differs from the depth in the tree.
		for _, p := range []struct{ pid, ppid int }{{300, 40}, {200, 300}, {250, 200}, {100, 250}, {150, 300}} {
			w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: p.pid}, PPID: p.ppid}, handle: ignore})
		}
		plan := freezing("TERM/1/KILL/1")
		plan.Freeze = false
		out := carryOut(w, plan, w.procs[300])
		out.ended()
		var kills []string
		for _, line := range w.log {
			if strings.HasPrefix(line, "STOP") {
				t.Errorf("%s", line)
			}
			if strings.HasPrefix(line, "KILL") {
				kills = append(kills, line)
			}
		}
		if want := []string{"KILL 100", "KILL 250", "KILL 200", "KILL 150", "KILL 300"}; !slices.Equal(kills, want) {
			t.Errorf("%q, want %q", kills, want)
		}
		if w.guard.started > 0 {
			t.Error("a guardian was started")
		}
	})
	bubble(t, "a process forked on the signal is ended, too", func(t *testing.T) {
		w := newWorld(t)
		root := w.add(process{Stat: stat(100), handle: forksOn(signals.TERM, func() process { return process{} })})
		plan := freezing("TERM/1/KILL/1")
		plan.Freeze = false
		out := carryOut(w, plan, root)
		out.ended()
		if len(out.Results) != 2 {
			t.Errorf("%d results", len(out.Results))
		}
	})
}

// TestResumeAndRestop: a member that is caught mid-fork, with all signals blocked, is resumed and stopped again.
func TestResumeAndRestop(t *testing.T) {
	forking := func(w *world, p *process, times int) {
		p.State = 'R'
		p.blocksAll = func() bool { return times > 0 }
		// Each time p is resumed, it completes one more fork.
		p.onRun = func() {
			if times--; times >= 0 {
				w.fork(p, process{})
			}
		}
	}
	for _, test := range []struct {
		name         string
		times, peers int
		rung         int
	}{
		{"once", 1, 1, 1},
		{"twice", 2, 1, 1},
		{"often", 6, 1, 1},
		{"two at a time", 1, 2, 1},
		// Members that are always caught mid-fork are kept frozen until KILL.
		{"a bomb", 1000, 3, 2},
	} {
		bubble(t, test.name, func(t *testing.T) {
			w := newWorld(t)
			root := w.add(process{Stat: stat(100)})
			for _, p := range w.children(100, test.peers, process{}) {
				forking(w, p, test.times)
			}
			out := carryOut(w, freezing("TERM/5/KILL/2"), root)
			out.ended()
			if out.Rung != test.rung || !out.Proved {
				t.Errorf("rung %d, proved %v; want %d\n%s", out.Rung, out.Proved, test.rung, strings.Join(out.lines, "\n"))
			}
			if resumes := out.rounds("CONT 101"); resumes > 2*freeze.MaxRestops+2 {
				t.Errorf("resumed %d times", resumes)
			}
		})
	}
}

// TestMidForkAfterTheScan: the scan shows a member asleep, and SIGSTOP catches it mid-fork. A member that sleeps with
// the signal blocked is resumed and stopped again only once.
func TestMidForkAfterTheScan(t *testing.T) {
	bubble(t, "mid-fork", func(t *testing.T) {
		w := newWorld(t)
		root := w.add(process{Stat: stat(100)})
		forking, forked := true, (*process)(nil)
		root.blocksAll = func() bool { return forking }
		root.onRun = func() {
			if forking {
				forking, forked = false, w.fork(root, process{Stat: procfs.Stat{Comm: "other"}})
				forked.execve(2).setsid()
			}
		}
		out := carryOut(w, freezing("TERM/5/KILL/2"), root)
		if forked == nil || forked.runs() || !out.Proved {
			t.Errorf("the child is %v, proved %v (%s)", forked, out.Proved, out.Doubt)
		}
	})
	bubble(t, "asleep", func(t *testing.T) {
		w := newWorld(t)
		root := w.add(process{Stat: stat(100), blocks: map[signals.Signal]bool{signals.TERM: true}})
		out := carryOut(w, freezing("TERM/5/KILL/2"), root)
		if out.Rung != 2 || out.rounds("CONT 100") != 3 { // once more after TERM, and after KILL
			t.Errorf("rung %d, %d times resumed", out.Rung, out.rounds("CONT 100"))
		}
	})
	bubble(t, "running", func(t *testing.T) {
		w := newWorld(t)
		root := w.add(process{Stat: stat(100), blocks: map[signals.Signal]bool{signals.TERM: true}})
		root.State, root.onRun = 'R', func() {}
		out := carryOut(w, freezing("TERM/5/KILL/2"), root)
		if out.Rung != 2 || out.rounds("CONT 100") != freeze.MaxRestops+2 { // before KILL it is not resumed
			t.Errorf("rung %d, %d times resumed", out.Rung, out.rounds("CONT 100"))
		}
	})
}

// TestRestoppedTooOften: a member that is still caught mid-fork after MaxRestops forks a child when it is resumed. The
// child is ended, or the result is unproved.
func TestRestoppedTooOften(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		w := newWorld(t)
		root := w.add(process{Stat: stat(100)})
		p := w.children(100, 1, process{})[0]
		p.State = 'R'
		times := freeze.MaxRestops + 1
		p.blocksAll = func() bool { return times > 0 }
		var last *process
		p.onRun = func() {
			if times--; times == 0 {
				last = w.fork(p, process{})
			}
		}
		out := carryOut(w, freezing("TERM/5/KILL/2"), root)
		if last == nil {
			t.Fatalf("no last child\n%s", strings.Join(out.lines, "\n"))
		}
		if out.Proved && !last.Stat.Gone() && !last.isReaped {
			t.Errorf("proved, and %d lives\n%s", last.PID, strings.Join(out.lines, "\n"))
		}
	})
}

// TestRestopWithOneProcessor: a member does not run before this process pauses. So ResumeAndRestop pauses between
// SIGCONT and SIGSTOP; otherwise the members would be kept frozen as a fork bomb.
func TestRestopWithOneProcessor(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		w := newWorld(t)
		root := w.add(process{Stat: stat(100)})
		for _, p := range w.children(100, 2, process{}) {
			p.State = 'R'
			forking := true
			p.blocksAll = func() bool { return forking }
			p.onRun = func() {
				w.after(300*time.Microsecond, func() { forking = forking && p.State != 'R' })
			}
		}
		out := carryOut(w, freezing("TERM/5/KILL/2"), root)
		out.ended()
		if out.Rung != 1 || !out.Proved {
			t.Errorf("rung %d, proved %v\n%s", out.Rung, out.Proved, strings.Join(out.lines, "\n"))
		}
	})
}

// TestFewForking: a member of a job with few members needs a while, which others have the processor, to end its fork.
// It is not kept frozen as part of a fork bomb. Two members are never kept frozen: they may be the parent and the child
// of one fork.
func TestFewForking(t *testing.T) {
	for _, test := range []struct {
		members int
		needs   time.Duration
	}{{2, time.Second}, {3, 50 * time.Millisecond}, {16, 50 * time.Millisecond}} {
		bubble(t, strconv.Itoa(test.members), func(t *testing.T) {
			w := newWorld(t)
			root := w.add(process{Stat: stat(100)})
			began := time.Now()
			for _, p := range w.children(100, test.members, process{}) {
				p.State, p.onRun = 'R', func() {}
				p.blocksAll = func() bool { return time.Since(began) < test.needs }
				w.after(test.needs, p.flush)
			}
			out := carryOut(w, freezing("TERM/5/KILL/2"), root)
			out.ended()
			if out.Rung != 1 {
				t.Errorf("rung %d\n%s", out.Rung, strings.Join(out.lines, "\n"))
			}
		})
	}
}

// TestKeptFrozenUntilKill: if all remaining members are kept frozen, KILL follows at once. If the ladder has no KILL,
// the members are resumed, and the call waits for them.
func TestKeptFrozenUntilKill(t *testing.T) {
	for _, test := range []struct {
		ladder string
		took   time.Duration
	}{{"TERM/5/KILL/2", 0}, {"TERM/5", 100 * time.Millisecond}} {
		bubble(t, test.ladder, func(t *testing.T) {
			w := newWorld(t)
			root := w.add(process{Stat: stat(100)})
			for _, p := range w.children(100, 17, process{}) {
				p.State, p.onRun = 'R', func() {}
				begin := time.Now()
				p.blocksAll = func() bool { return time.Since(begin) < 100*time.Millisecond }
				w.after(100*time.Millisecond, p.flush)
			}
			out := carryOut(w, freezing(test.ladder), root)
			out.ended()
			if took := out.Elapsed.Round(100 * time.Millisecond); took != test.took {
				t.Errorf("the call took %v, want about %v\n%s", out.Elapsed, test.took, strings.Join(out.lines, "\n"))
			}
		})
	}
}

func TestGuardianFails(t *testing.T) {
	for _, test := range []struct {
		name   string
		world  func(w *world)
		plan   func(*Plan)
		failed int
		starts int
	}{
		{"not wanted", func(*world) {}, func(p *Plan) { p.Guardian = false }, 0, 0},
		{"cannot start", func(w *world) { w.guard.startErr = errors.New("no more processes") }, func(*Plan) {}, 1, 1},
		{"fails when a process is added to its list", func(w *world) { w.guard.tellErr = errors.New("broken pipe") }, func(*Plan) {}, 1, 1},
	} {
		bubble(t, test.name, func(t *testing.T) {
			w := newWorld(t)
			tree := w.chain(100, 110, 120)
			tree[1].handle = ignores(signals.TERM)
			test.world(w)
			plan := freezing("TERM/5/KILL/2")
			test.plan(plan)
			out := carryOut(w, plan, tree[0])
			out.ended()
			if out.o.failed != test.failed || w.guard.started != test.starts {
				t.Errorf("%d failures, %d guardians started; want %d, %d\n%s", out.o.failed, w.guard.started, test.failed, test.starts, strings.Join(out.lines, "\n"))
			}
			if test.failed > 0 && !strings.Contains(strings.Join(out.lines, "\n"), "failed: going on without a guardian: ") {
				t.Errorf("not reported: %q", out.lines)
			}
		})
	}
}

// busy returns a world with many behaviours: a fork bomb, a supervisor, and members that block or ignore signals,
// vanish, are stopped, or lead a session.
func busy(t testing.TB) (w *world, roots []*process) {
	w = newWorld(t)
	root := w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: 100}, PGID: 100, SID: 100}})
	stubborn := w.children(100, 1, process{handle: ignores(signals.TERM)})[0]
	w.children(stubborn.PID, 2, process{Stat: procfs.Stat{PGID: 100, SID: 100}})
	w.children(100, 1, process{Stat: procfs.Stat{State: 'T'}})
	w.evader(w.children(100, 1, process{})[0], 1)
	for _, p := range w.children(100, 2, process{Stat: procfs.Stat{State: 'R'}}) {
		p.blocksAll = func() bool { return true }
	}
	supervisor := w.children(100, 1, process{})[0]
	n := 0
	supervisor.handle = func(p *process, s signals.Signal) bool {
		if n++; s == signals.CHLD && n < 5 {
			w.fork(p, process{Stat: procfs.Stat{Comm: "worker"}})
		}
		return s == signals.TERM
	}
	w.children(supervisor.PID, 2, process{Stat: procfs.Stat{Comm: "worker"}})
	bomb := w.children(100, 1, process{})[0]
	bomb.every(time.Millisecond, func() {
		if w.lastPID < 150 {
			w.fork(bomb, process{})
		}
	})
	w.children(100, 1, process{stopping: 3 * time.Millisecond})
	w.children(100, 1, process{refuses: errPerm})
	return w, []*process{root, stubborn}
}

// TestInterruptedAnywhere: a signal to this process arrives before one call of the kernel, which differs from run to
// run. Run resumes everything that it has frozen.
func TestInterruptedAnywhere(t *testing.T) {
	atEveryCall(t, func(w *world, n int) {
		w.at[n] = func() { w.interrupt = &signals.Interrupt{Signal: signals.TERM} }
	}, func(t *testing.T, out *outcome, n int) {
		// After the last call of Interrupted, the signal is not noticed any more.
		asked := slices.ContainsFunc(out.w.log[min(n, len(out.w.log))-1:], func(call string) bool { return call == "interrupted" })
		if i := new(signals.Interrupt); asked && out.w.interrupt != nil && !errors.As(out.err, &i) {
			t.Errorf("error: %v", out.err)
		}
		if out.Summary == nil || len(out.Results) == 0 {
			t.Error("the summary is not complete")
		}
	})
}

// TestGuardianDiesAnywhere: the guardian fails before one call of the kernel. The targets are ended all the same.
func TestGuardianDiesAnywhere(t *testing.T) {
	atEveryCall(t, func(w *world, n int) {
		w.at[n] = func() { w.guard.tellErr = errors.New("broken pipe") }
	}, func(t *testing.T, out *outcome, _ int) {
		if out.err != nil || out.Count(Survived) > 0 {
			t.Errorf("%v, %d survivors", out.err, out.Count(Survived))
		}
	})
}

// TestScanFailsAnywhere: from one call of the kernel on, the scan fails. Run returns that error, and leaves no process
// stopped.
func TestScanFailsAnywhere(t *testing.T) {
	atEveryCall(t, func(w *world, n int) {
		w.at[n] = func() { w.snapshotErr = errors.New("cannot read the table") }
	}, func(t *testing.T, out *outcome, _ int) {
		if out.err != nil && out.err != out.w.snapshotErr {
			t.Errorf("error: %v", out.err)
		}
	})
}

// atEveryCall runs the same plan many times. spoil makes call n fail, and n grows from run to run, until a run has
// fewer than n calls.
func atEveryCall(t *testing.T, spoil func(w *world, n int), check func(*testing.T, *outcome, int)) {
	t.Helper()
	for n := 3; ; n += 1 + n/100 {
		over := false
		synctest.Test(t, func(t *testing.T) {
			w, roots := busy(t)
			spoil(w, n)
			out := carryOut(w, freezing("TERM/1/INT/1/KILL/2"), roots...)
			over = w.calls < n
			check(t, out, n)
			if t.Failed() {
				t.Logf("call %d failed", n)
			}
		})
		if over || t.Failed() {
			if n < 100 && !t.Failed() {
				t.Errorf("the run had only %d calls, want at least 100", n)
			}
			return
		}
	}
}

// TestObserverPanicsAnywhere: the observer panics at one of its events. Run resumes everything that it has frozen.
func TestObserverPanicsAnywhere(t *testing.T) {
	for n := 1; ; n++ {
		over := false
		synctest.Test(t, func(t *testing.T) {
			w, roots := busy(t)
			out := carryOutWith(w, freezing("TERM/1/INT/1/KILL/2"), &recorder{panicAt: n}, roots...)
			if over = out.o.n < n; !over && out.panic != errObserver {
				t.Errorf("event %d: the panic did not reach the caller: %v", n, out.panic)
			}
		})
		if over || t.Failed() {
			return
		}
	}
}

// TestResumedByThirdParty: a third party resumes a member during the freeze: one that the third party had stopped
// before the call, or one that Run has stopped.
func TestResumedByThirdParty(t *testing.T) {
	for _, state := range []byte{'T', 'S'} {
		bubble(t, string(state), func(t *testing.T) {
			w := newWorld(t)
			tree := w.chain(100, 110)
			tree[1].State = state
			// This child keeps the freeze from ending before the member is resumed.
			w.children(100, 1, process{stopping: 2 * time.Millisecond})
			w.after(time.Millisecond, func() {
				if tree[1].State == 'T' {
					tree[1].State = 'R'
				}
			})
			tree[1].every(100*time.Microsecond, func() {
				if w.lastPID < 200 {
					w.fork(tree[1], process{})
				}
			})
			out := carryOut(w, freezing("TERM/5/KILL/2"), tree[0])
			out.ended()
		})
	}
}

// TestExitedLeaderDoesNotDelay: a process whose first thread has exited is shown in state Z, and never as stopped. The
// call does not wait for state T.
func TestExitedLeaderDoesNotDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		root := w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: 100}, State: 'Z', Threads: 4}})
		out := carryOut(w, freezing("TERM/5/KILL/2"), root)
		out.ended()
		if !out.Proved || out.Elapsed > 100*time.Millisecond {
			t.Errorf("proved %v, after %v", out.Proved, out.Elapsed)
		}
	})
}

// TestMemberThatCannotBeOpened: the failure is reported once, and the call does not succeed.
func TestMemberThatCannotBeOpened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tree := w.chain(100, 110)
		tree[1].noOpen = errPerm
		out := carryOut(w, freezing("TERM/1/KILL/1"), tree[0])
		if out.o.failed != 1 {
			t.Errorf("reported %d times", out.o.failed)
		}
		if out.err == nil && out.Proved && out.Count(Survived)+out.Count(Refused) == 0 {
			t.Errorf("the call succeeded, but %v is alive", w.alive())
		}
	})
}

// TestChainEvadesEveryScan: in an endless chain, each member forks and exits before it is opened. The call does not
// succeed.
func TestChainEvadesEveryScan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		root := w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: 100}, PGID: 100, SID: 100}})
		w.evader(w.children(100, 1, process{Stat: procfs.Stat{PGID: 100, SID: 100}})[0], 1<<30)
		out := carryOut(w, freezing("TERM/1/KILL/1"), root)
		if out.err == nil && out.Proved && out.Count(Survived) == 0 {
			t.Errorf("the call succeeded, but %v is alive", w.alive())
		}
		if out.Elapsed > 10*time.Second {
			t.Errorf("the call took %v", out.Elapsed)
		}
	})
}

// TestSelectorFindsNewcomers: a process that matches the selector and started at Tree.Since or later becomes a root.
func TestSelectorFindsNewcomers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		root := w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: 100}, Comm: "wanted"}})
		old := w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: 60, Start: 500}, Comm: "wanted"}})
		fresh := w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: 300}, PPID: 1, Comm: "wanted"}})
		w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: 301}, PPID: 1, Comm: "other"}})
		plan := freezing("TERM/5/KILL/2")
		plan.Tree.Since = root.Start
		plan.Tree.Selector, w.policy.selects = true, func(st *procfs.Stat) bool { return st.Comm == "wanted" }
		out := carryOut(w, plan, root)
		out.endedBut(old.PID, 301)
		if !fresh.Stat.Gone() {
			t.Error("the newcomer is not gone")
		}
	})
}

// TestEvadesTheScan: the result is unproved if a process forks and exits during each scan, so that no scan shows it.
func TestEvadesTheScan(t *testing.T) {
	// leaver adds a group leader that, at TERM, forks a child in its group and exits.
	leaver := func(w *world) *process {
		p := w.add(process{})
		p.setsid()
		p.handle = func(p *process, s signals.Signal) bool {
			if s == signals.TERM {
				w.fork(p, process{Stat: procfs.Stat{Comm: "other"}, hops: true})
				p.die()
			}
			return true
		}
		return p
	}
	plans := map[string]func(w *world, pgid int) *Plan{
		"session": func(*world, int) *Plan { return freezing("TERM/5/KILL/2") },
		"group's tree": func(_ *world, pgid int) *Plan {
			p := freezing("TERM/5/KILL/2")
			p.Tree.Sessions, p.Tree.Groups = false, []int{pgid}
			return p
		},
		"group": func(_ *world, pgid int) *Plan {
			p := freezing("TERM/5/KILL/2")
			p.Tree = &Tree{Flat: true, Groups: []int{pgid}}
			return p
		},
		"selector": func(w *world, pgid int) *Plan {
			p := freezing("TERM/5/KILL/2")
			p.Tree = &Tree{Flat: true, Selector: true}
			w.policy.selects = func(st *procfs.Stat) bool { return st.SID == pgid }
			return p
		},
		"pgkill": func(_ *world, pgid int) *Plan { return signallingGroups("TERM/5/KILL/2", pgid) },
		"pgkill -S": func(_ *world, pgid int) *Plan {
			p := signallingGroups("TERM/5/KILL/2", pgid)
			p.Groups.Sessions = []procfs.ID{{PID: pgid}}
			return p
		},
	}
	for name, plan := range plans {
		bubble(t, name, func(t *testing.T) {
			w := newWorld(t)
			p := leaver(w)
			out := carryOut(w, plan(w, p.PID), p)
			// Only pgkill ends the process: kill(-pgid) reaches a member that no scan shows.
			if ended := len(w.alive()) == 0; out.Proved != ended || ended != strings.HasPrefix(name, "pgkill") {
				t.Errorf("proved %v, alive %v", out.Proved, w.alive())
			}
		})
	}
	bubble(t, "during the freeze", func(t *testing.T) {
		w := newWorld(t)
		p := w.add(process{})
		p.setsid()
		w.fork(p, process{Stat: procfs.Stat{Comm: "other"}, hops: true}).PPID = initPID
		if out := carryOut(w, freezing("TERM/5/KILL/2"), p); out.Proved {
			t.Error("proved")
		}
	})
}

// TestEndedBeforeTheStop: a process that ends before it is stopped orphans a child. The child is ended, or the result
// is unproved.
func TestEndedBeforeTheStop(t *testing.T) {
	bubble(t, "a child that was forked and died while the tree was being stopped", func(t *testing.T) {
		w := newWorld(t)
		root := w.add(process{})
		w.reading = func(n int) {
			if n == 1 {
				child := w.fork(root, process{reap: -1})
				w.fork(child, process{Stat: procfs.Stat{Comm: "other"}})
				child.die()
			}
		}
		if out := carryOut(w, freezing("TERM/5/KILL/2"), root); out.Proved {
			t.Errorf("proved, alive %v", w.alive())
		}
	})
	bubble(t, "the target itself", func(t *testing.T) {
		w := newWorld(t)
		root := w.add(process{})
		w.fork(root, process{Stat: procfs.Stat{Comm: "other"}})
		w.at[w.calls+3] = root.die
		out := carryOut(w, freezing("TERM/5/KILL/2"), root)
		if out.Proved {
			t.Errorf("proved, alive %v", w.alive())
		}
	})
	bubble(t, "the target itself, which leads a session", func(t *testing.T) {
		w := newWorld(t)
		root := w.add(process{})
		root.setsid()
		w.fork(root, process{Stat: procfs.Stat{Comm: "other"}})
		w.at[w.calls+3] = root.die
		out := carryOut(w, freezing("TERM/5/KILL/2"), root)
		out.ended()
	})
}

// TestEndsAtAnyMoment: a root or member ends by itself before it is stopped, at each moment between two calls of the
// kernel or within a scan, and is reaped or stays a zombie. The orphans are ended, or the result is unproved.
func TestEndsAtAnyMoment(t *testing.T) {
	type end struct{ call, scan, entry, generation int }
	var ends []end
	for generation := range 2 {
		for call := range 40 {
			ends = append(ends, end{call: call + 1, generation: generation})
		}
		for scan := range 3 {
			for _, entry := range []int{1, selfPID, 100, 101, 102} {
				ends = append(ends, end{scan: scan + 1, entry: entry, generation: generation})
			}
		}
	}
	for _, zombie := range []bool{false, true} {
		for _, e := range ends {
			bubble(t, fmt.Sprintf("%+v zombie %v", e, zombie), func(t *testing.T) {
				w := newWorld(t)
				var kind process
				if zombie {
					kind.reap = -1
				}
				root := w.add(kind)
				kind.Comm = "middle"
				child := w.fork(root, kind)
				w.fork(child, process{Stat: procfs.Stat{Comm: "other"}})
				ending := []*process{root, child}[e.generation]
				// The child ends only after a scan has read its entry: otherwise nothing could link its
				// orphan to the tree.
				seen := ending == root
				if e.call > 0 {
					w.at[w.calls+1+e.call] = func() { // the first call opens the root
						if seen {
							ending.die()
						}
					}
				}
				w.entered = func(scan, pid int) {
					if seen = seen || pid == ending.PID; seen && scan == e.scan && pid == e.entry {
						ending.die()
					}
				}
				out := carryOut(w, freezing("TERM/5/KILL/2"), root)
				if out.Proved && len(w.alive()) > 0 {
					t.Errorf("proved, alive %v", w.alive())
				}
			})
		}
	}
}

// TestSiblingIsNoOrphan: a member ends during the first scan. Shortly before the scan an ancestor of the root forked
// another process, such as tee in `tkill PID | tee LOG`. That process is suspected to be an orphan of the member only
// if the children of the ancestors are not known.
func TestSiblingIsNoOrphan(t *testing.T) {
	for _, unknown := range []bool{false, true} {
		bubble(t, fmt.Sprintf("children unknown: %v", unknown), func(t *testing.T) {
			w := newWorld(t)
			w.hideChildren = unknown
			root := w.add(process{Stat: procfs.Stat{PPID: 40}})
			brief := w.fork(root, process{})
			w.add(process{Stat: procfs.Stat{PPID: 40, Comm: "tee"}})
			w.entered = func(scan, pid int) {
				if scan == 1 && pid == brief.PID {
					brief.die()
				}
			}
			if out := carryOut(w, freezing("TERM/5/KILL/2"), root); out.Proved == unknown {
				t.Errorf("proved %v", out.Proved)
			}
		})
	}
}

// TestLateFork: a member finishes a fork after it has been sent SIGSTOP. A scan that began before the end of the fork
// does not show the child. The child is ended, too.
func TestLateFork(t *testing.T) {
	for _, leader := range []byte{'S', 'Z', 'D'} {
		bubble(t, "by a thread other than the first, which is in state "+string(leader), func(t *testing.T) {
			w := newWorld(t)
			root := w.add(process{Stat: procfs.Stat{State: leader, Threads: 2}, threads: true, vforks: leader == 'D', immune: leader == 'D'})
			child := w.lastPID + 1
			w.lastPID++ // the PID of the child is allocated
			w.after(5*time.Millisecond, func() {
				root.threads, root.immune = false, false
				w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: child}, PPID: root.PID}})
			})
			out := carryOut(w, freezing("TERM/5/KILL/2"), root)
			out.ended()
			if len(out.Results) != 2 {
				t.Errorf("%d results", len(out.Results))
			}
		})
	}
	bubble(t, "during a scan", func(t *testing.T) {
		w := newWorld(t)
		w.reader = 20 * time.Millisecond
		root := w.add(process{stopping: freeze.WaitLimit + 6*time.Millisecond})
		child := w.lastPID + 1
		w.lastPID++
		w.reading = func(n int) {
			if n == 2 && root.State == 'T' {
				w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: child}, PPID: root.PID}})
			}
		}
		out := carryOut(w, freezing("TERM/5/KILL/2"), root)
		out.ended()
		if len(out.Results) != 2 {
			t.Errorf("%d results", len(out.Results))
		}
	})
}
